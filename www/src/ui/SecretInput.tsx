// A field for something secret. What is typed stays in the field's memory: it is never written into the document, as a
// value that the framework controls would be.

import { useEffect, useId, useRef } from "react";

interface Props {
  label: string;
  /** What stands in it at first. */
  initial?: string;
  onInput: (text: string) => void;
  isShown?: boolean;
  /** Several lines. */
  rows?: number;
  hint?: string | undefined;
  problems?: readonly string[] | undefined;
  autoComplete?: string;
  /** Shows the label to screen readers only. */
  isLabelHidden?: boolean;
}

export function SecretInput(props: Props) {
  const { label, initial = "", onInput, isShown = false, rows, hint, problems = [], isLabelHidden = false } = props;
  const id = useId();
  const field = useRef<HTMLInputElement & HTMLTextAreaElement>(null);
  useEffect(() => {
    if (field.current) field.current.value = initial;
  }, []);
  const described = [hint && `${id}-hint`, problems.length > 0 && `${id}-problem`].filter(Boolean).join(" ");
  const common = {
    id,
    ref: field,
    className: `input code${isShown ? "" : " is-masked"}`,
    autoComplete: props.autoComplete ?? "off",
    autoCapitalize: "off",
    spellCheck: false,
    "aria-invalid": problems.length > 0 || undefined,
    "aria-describedby": described || undefined,
    onInput: (event: { currentTarget: { value: string } }) => onInput(event.currentTarget.value),
  };
  return (
    <div className="field">
      <label htmlFor={id} className={isLabelHidden ? "visually-hidden" : undefined}>
        {label}
      </label>
      {rows ? <textarea {...common} rows={rows} /> : <input {...common} type={isShown ? "text" : "password"} />}
      {hint && (
        <span id={`${id}-hint`} className="hint">
          {hint}
        </span>
      )}
      {problems.length > 0 && (
        <span id={`${id}-problem`} className="problem">
          {problems.join(" ")}
        </span>
      )}
    </div>
  );
}
