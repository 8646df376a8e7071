// A value in the open.

import { useLanguage } from "../app/language";
import { bytesIn, membersOf, type Stored, shapeOf } from "./value";

export function ShownValue({ value }: { value: Stored }) {
  const { t, language } = useLanguage();
  if ("secret_binary" in value) {
    return (
      <>
        <p className="hint">
          {t("{bytes} bytes, in Base64", { bytes: bytesIn(value.secret_binary).toLocaleString(language) })}
        </p>
        <pre className="shown" tabIndex={0} aria-label={t("Value")}>
          {value.secret_binary}
        </pre>
      </>
    );
  }
  if (shapeOf(value) === "text") {
    return (
      <pre className="shown" tabIndex={0} aria-label={t("Value")}>
        {value.secret_string}
      </pre>
    );
  }
  return (
    <dl className="shown facts">
      {(membersOf(value.secret_string) ?? []).map(({ key, text }) => (
        <div key={key}>
          <dt className="code">{key}</dt>
          <dd className="code">{text}</dd>
        </div>
      ))}
    </dl>
  );
}
