// A value in the open: keys with their values, each of which can be hidden and copied alone; text; or bytes as a file.

import { useState } from "react";
import { useIsCopied } from "../app/clipboard";
import { download } from "../app/download";
import { useLanguage } from "../app/language";
import { Button } from "../ui/Button";
import { ClipboardHint, CopySecret } from "../ui/CopyText";
import { bytesIn, fromBase64, membersOf, type Stored, shapeOf, shownKey } from "./value";

interface Props {
  value: Stored;
  /** What a file of it is called. */
  fileName: string;
  /** Whether keys show their values from the beginning. */
  isOpen?: boolean;
}

export function ShownValue({ value, fileName, isOpen = true }: Props) {
  const { t, language } = useLanguage();
  if ("secret_binary" in value) {
    return (
      <>
        <div className="row">
          <span className="hint">
            {t("{bytes:byte|bytes}, in Base64", { bytes: bytesIn(value.secret_binary).toLocaleString(language) })}
          </span>
          <Button onPress={() => download(fromBase64(value.secret_binary), fileName)}>{t("Download")}</Button>
        </div>
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
    <dl className="shown facts members">
      {(membersOf(value.secret_string) ?? []).map(({ key, text }) => (
        <MemberLine key={key} name={key} text={text} isOpen={isOpen} />
      ))}
    </dl>
  );
}

/** One key with its value. A hidden value is not in the document. */
function MemberLine({ name, text, isOpen }: { name: string; text: string; isOpen: boolean }) {
  const { t } = useLanguage();
  const [isShown, setIsShown] = useState(isOpen);
  const label = t("Copy the value of {key}", { key: shownKey(name) });
  const isCopied = useIsCopied(label);
  return (
    <div>
      <dt className="code">{shownKey(name)}</dt>
      <dd>
        <span className={isShown ? "code wrap member-text" : "masked member-text"}>{isShown ? text : "••••••••"}</span>
        <Button
          kind="quiet"
          onPress={() => setIsShown(!isShown)}
          aria-label={
            isShown
              ? t("Hide the value of {key}", { key: shownKey(name) })
              : t("Reveal the value of {key}", { key: shownKey(name) })
          }
        >
          {isShown ? t("Hide") : t("Reveal")}
        </Button>
        <CopySecret label={label} read={() => text} kind="quiet" isBrief />
        {isCopied && <ClipboardHint />}
      </dd>
    </div>
  );
}
