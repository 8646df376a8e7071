// A file of this computer, which is read in this page.

import { type ReactNode, useId, useRef, useState } from "react";

import { useLanguage } from "../app/language";

interface Props {
  label: string;
  onRead: (bytes: Uint8Array<ArrayBuffer>, name: string) => void;
  /** After a file was chosen that is too large or cannot be read. */
  onRefused?: () => void;
  /** Endings of the names that are offered. */
  accept?: string;
  /** Most bytes. A larger file is not read: it may be a disk image. */
  most?: number;
  /** Says in other words that a file is too large. */
  tooLarge?: string;
  problem?: string | undefined;
  hint?: ReactNode;
}

export function FileField(props: Props) {
  const { label, onRead, onRefused, accept, most = Number.POSITIVE_INFINITY, tooLarge, problem, hint } = props;
  const { t, language } = useLanguage();
  const id = useId();
  const [failure, setFailure] = useState<string>();
  const [name, setName] = useState<string>();
  /** The file that was chosen last; another one may still be on its way. */
  const latest = useRef<File>(undefined);
  const read = async (file: File | undefined) => {
    if (!file) return;
    latest.current = file;
    setName(file.name);
    const refuse = (words: string) => {
      setFailure(words);
      onRefused?.();
    };
    if (file.size > most) {
      return refuse(tooLarge ?? t("A file has at most {limit} bytes.", { limit: most.toLocaleString(language) }));
    }
    setFailure(undefined);
    let bytes: Uint8Array<ArrayBuffer> | undefined;
    try {
      bytes = new Uint8Array(await file.arrayBuffer());
    } catch {
      bytes = undefined;
    }
    if (latest.current !== file) return;
    if (bytes) onRead(bytes, file.name);
    else refuse(t("The file cannot be read. It may have been changed or removed; choose it again."));
  };
  const words = failure ?? problem;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        type="file"
        accept={accept}
        className="visually-hidden"
        aria-label={label}
        aria-invalid={words !== undefined || undefined}
        aria-describedby={words === undefined ? undefined : `${id}-problem`}
        onChange={({ target }) => {
          void read(target.files?.[0]);
          // A file that was changed meanwhile can be chosen again.
          target.value = "";
        }}
      />
      {/* The browser's own button speaks the browser's language. */}
      <label htmlFor={id} className="row chosen-file" aria-hidden="true">
        <span className="button button-plain">{t("Choose a file…")}</span>
        <span className="hint">{name ?? t("No file is chosen.")}</span>
      </label>
      {words !== undefined && (
        <span id={`${id}-problem`} className="problem" role="alert">
          {words}
        </span>
      )}
      {hint}
    </div>
  );
}
