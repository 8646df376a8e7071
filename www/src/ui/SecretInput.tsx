// A field for something secret. What is typed stays in the field's memory: it is never written into the document, as a
// value that the framework controls would be.

import { type ClipboardEvent, type KeyboardEvent, useEffect, useId, useRef, useState } from "react";

import type { Pasted } from "../value/lines";

interface Props {
  label: string;
  /** What stands in it at first. */
  initial?: string;
  /** What stands in it now, with the line ends of the browser; and what was pasted, if that changed it. */
  onInput: (text: string, paste?: Pasted) => void;
  isShown?: boolean;
  /** Several lines. */
  rows?: number;
  /** Whether a single line grows with what is pasted, or added by Shift+Enter; Enter sends the form until then. */
  isGrowing?: boolean;
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
    hint,
    problems = [],
    isLabelHidden = false,
  } = props;
  const id = useId();
  const [lines, setLines] = useState(() => linesIn(initial));
  const rows = isGrowing ? Math.min(lines, MOST_LINES) : props.rows;
  const field = useRef<HTMLInputElement & HTMLTextAreaElement>(null);
  /** A paste that the field has not shown yet. */
  const coming = useRef<Pasted>(undefined);
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
      const paste = coming.current;
      coming.current = undefined;
      onInput(event.currentTarget.value, paste);
    },
    onPaste: ({ clipboardData, currentTarget }: ClipboardEvent<HTMLInputElement | HTMLTextAreaElement>) => {
      const { selectionStart, selectionEnd } = currentTarget;
      coming.current = { text: clipboardData.getData("text"), start: selectionStart ?? 0, end: selectionEnd ?? 0 };
    },
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
