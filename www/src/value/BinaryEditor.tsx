// Bytes: from a file of this computer.

import { useLanguage } from "../app/language";
import { FileField } from "../ui/FileField";
import { binarySize, type Draft } from "./draft";
import { fileLimit, useValueLimit } from "./useValueLimit";
import { toBase64 } from "./value";

export function BinaryEditor({ draft, onChange }: { draft: Draft; onChange: (base64: string) => void }) {
  const { t, language } = useLanguage();
  const most = fileLimit(useValueLimit());
  const limit = most.toLocaleString(language);
  return (
    <FileField
      label={t("File")}
      most={most}
      tooLarge={t("A file has at most {limit} bytes: it is stored as Base64.", { limit })}
      onRead={(bytes) => onChange(toBase64(bytes))}
      onRefused={() => onChange("")}
      hint={
        <span className="hint" role="status">
          {draft.binary
            ? t("{bytes:byte|bytes} of at most {limit}", { bytes: binarySize(draft).toLocaleString(language), limit })
            : t("A certificate, a key store: at most {limit} bytes.", { limit })}
        </span>
      }
    />
  );
}
