// Bytes: from a file of this computer.

import { useId } from "react";

import { useLanguage } from "../app/language";
import { type Draft, binarySize } from "./draft";
import { toBase64 } from "./value";

export function BinaryEditor({ draft, onChange }: { draft: Draft; onChange: (base64: string) => void }) {
  const { t, language } = useLanguage();
  const id = useId();
  const read = async (file: File | undefined) => {
    if (file) onChange(toBase64(new Uint8Array(await file.arrayBuffer())));
  };
  return (
    <div className="field">
      <label htmlFor={id}>{t("File")}</label>
      <input id={id} type="file" className="input" onChange={(event) => void read(event.target.files?.[0])} />
      <span className="hint" role="status">
        {draft.binary
          ? t("{bytes} bytes of at most 32,768", { bytes: binarySize(draft).toLocaleString(language) })
          : t("A certificate, a key store: at most 32,768 bytes.")}
      </span>
    </div>
  );
}
