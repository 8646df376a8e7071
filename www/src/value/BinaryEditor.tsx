// Bytes: from a file of this computer.

import { useId } from "react";

import { useLanguage } from "../app/language";
import { binarySize, type Draft } from "./draft";
import { toBase64 } from "./value";

/** The service limits the Base64 text of a value to 32,768 characters; four of them stand for three bytes. */
const LIMIT = (32_768 / 4) * 3;

export function BinaryEditor({ draft, onChange }: { draft: Draft; onChange: (base64: string) => void }) {
  const { t, language } = useLanguage();
  const id = useId();
  const limit = LIMIT.toLocaleString(language);
  const read = async (file: File | undefined) => {
    if (file) onChange(toBase64(new Uint8Array(await file.arrayBuffer())));
  };
  return (
    <div className="field">
      <label htmlFor={id}>{t("File")}</label>
      <input id={id} type="file" className="input" onChange={(event) => void read(event.target.files?.[0])} />
      <span className="hint" role="status">
        {draft.binary
          ? t("{bytes} bytes of at most {limit}", { bytes: binarySize(draft).toLocaleString(language), limit })
          : t("A certificate, a key store: at most {limit} bytes.", { limit })}
      </span>
    </div>
  );
}
