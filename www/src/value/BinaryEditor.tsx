// Bytes: from a file of this computer.

import { useId, useState } from "react";

import { useLanguage } from "../app/language";
import { binarySize, type Draft } from "./draft";
import { fileLimit, useValueLimit } from "./useValueLimit";
import { toBase64 } from "./value";

export function BinaryEditor({ draft, onChange }: { draft: Draft; onChange: (base64: string) => void }) {
  const { t, language } = useLanguage();
  const id = useId();
  const most = fileLimit(useValueLimit());
  const limit = most.toLocaleString(language);
  const [isTooLong, setIsTooLong] = useState(false);
  const read = async (file: File | undefined) => {
    if (!file) return;
    setIsTooLong(file.size > most);
    // One that cannot be stored is not read: it may be a disk image.
    onChange(file.size > most ? "" : toBase64(new Uint8Array(await file.arrayBuffer())));
  };
  return (
    <div className="field">
      <label htmlFor={id}>{t("File")}</label>
      <input id={id} type="file" className="input" onChange={(event) => void read(event.target.files?.[0])} />
      {isTooLong && (
        <span className="problem" role="alert">
          {t("A file has at most {limit} bytes: it is stored as Base64.", { limit })}
        </span>
      )}
      <span className="hint" role="status">
        {draft.binary
          ? t("{bytes} bytes of at most {limit}", { bytes: binarySize(draft).toLocaleString(language), limit })
          : t("A certificate, a key store: at most {limit} bytes.", { limit })}
      </span>
    </div>
  );
}
