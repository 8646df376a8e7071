// Says whether a text that looks like JSON is JSON, and where it is not.

import { useLanguage } from "../app/language";
import { jsonMistake } from "./jsonMistake";

export function JsonCheck({ text }: { text: string }) {
  const { t } = useLanguage();
  if (!/^\s*[[{]/.test(text)) return null;
  const mistake = jsonMistake(text);
  return (
    <p className={mistake ? "problem" : "hint"} role="status">
      {mistake
        ? t("Not JSON: look at line {line}, column {column}.", { line: mistake.line, column: mistake.column })
        : t("This is JSON.")}
    </p>
  );
}
