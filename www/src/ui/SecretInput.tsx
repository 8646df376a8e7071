// A field for something secret. What is typed stays in the field's memory: it is never written into the document, as a
// value that the framework controls would be.

import { type KeyboardEvent, useEffect, useId, useRef, useState } from "react";

interface Props {
  label: string;
  /** What stands in it at first. */
  initial?: string;
  onInput: (text: string) => void;
  isShown?: boolean;
  /** Several lines. */
  rows?: number;
  /** Whether a single line grows with what is pasted, or added by Shift+Enter; Enter sends the form until then. */
  isGrowing?: boolean;
  /** The text of a paste as it was copied, before the field shows its line ends as its own. */
  onPasted?: (text: string) => void;
  hint?: string | undefined;
  problems?: readonly string[] | undefined;
  autoComplete?: string;
  /** Shows the label to screen readers only. */
  isLabelHidden?: boolean;
}

/** A field that grows shows at most so many lines, and scrolls then. */
const MOST_LINES = 12;

const linesIn = (text: string) => text.split(/\r\n?|\n/).length;

export function SecretInput(props: Props) {
  const {
    label,
    initial = "",
    onInput,
    isShown = false,
    isGrowing = false,
    onPasted,
    hint,
    problems = [],
    isLabelHidden = false,
  } = props;
  const id = useId();
  const [lines, setLines] = useState(() => linesIn(initial));
  const rows = isGrowing ? Math.min(lines, MOST_LINES) : props.rows;
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
    onInput: (event: { currentTarget: { value: string } }) => {
      setLines(linesIn(event.currentTarget.value));
      onInput(event.currentTarget.value);
    },
    onPaste: (event: { clipboardData: DataTransfer }) => onPasted?.(event.clipboardData.getData("text")),
    ...(isGrowing && {
      onKeyDown: (event: KeyboardEvent<HTMLElement>) => {
        // A line break that is typed by accident would become part of the value, unseen.
        if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing || lines > 1) return;
        event.preventDefault();
        field.current?.form?.requestSubmit();
      },
    }),
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
