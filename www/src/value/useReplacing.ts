// Asks before the text of a file takes the place of another text.

import { useState } from "react";

import { useLanguage } from "../app/language";

/**
 * @param text what is there now
 * @returns whether the text of a file may take its place; that of a former file may be replaced without a question
 */
export function useReplacing(text: string): (next: string) => boolean {
  const { t } = useLanguage();
  const [former, setFormer] = useState("");
  return (next) => {
    if (text !== "" && text !== former && text !== next && !confirm(t("The text of the file replaces yours. Go on?"))) {
      return false;
    }
    setFormer(next);
    return true;
  };
}
