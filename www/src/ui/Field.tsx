// A labelled text field with its hint and its problems. A text with line breaks gets several lines, as one line would drop
// them; where a text may have none, they are refused. It is the browser's own: hundreds of them, as a value with many keys has, are made and changed at once.

import { type ChangeEvent, type ComponentProps, useId, useLayoutEffect, useRef, useState } from "react";

import { edited, lineEndOf, shownLines } from "../value/lines";
import { useLineBreaks } from "./useLineBreaks";

interface Props extends Pick<ComponentProps<"input">, "name" | "type" | "inputMode" | "autoComplete"> {
  label: string;
  value: string;
  onChange: (text: string) => void;
  hint?: string | undefined;
  problems?: readonly string[] | undefined;
  rows?: number;
  /** Whether a text with line breaks may be pasted into its one line. */
  mayHaveLines?: boolean;
  isCode?: boolean;
  isReadOnly?: boolean;
  isDisabled?: boolean;
}

/** Lines that are shown at most where a text has line breaks; more are scrolled. */
const MOST_LINES = 12;

export function Field(props: Props) {
  const { label, value, onChange, hint, rows, mayHaveLines = false, isCode = false } = props;
  const id = useId();
  const area = useRef<HTMLTextAreaElement>(null);
  const lines = value.split(/\r\n?|\n/).length;
  // It stays of several lines while somebody edits it: another field would lose the keyboard.
  const [isOfLines, setIsOfLines] = useState(rows !== undefined || lines > 1);
  if (lines > 1 && !isOfLines) setIsOfLines(true);
  const change = (shown: string) =>
    onChange(edited(value, shown, lineEndOf(value), { caret: area.current?.selectionEnd ?? null }));
  /** Where the cursor stands after a paste that made it a field of several lines. */
  const caret = useRef<number>(undefined);
  const { handlers, refusal, forget } = useLineBreaks(
    mayHaveLines
      ? (pasted) => {
          caret.current = pasted.caret;
          onChange(pasted.text);
        }
      : undefined,
  );
  useLayoutEffect(() => {
    if (!isOfLines || caret.current === undefined) return;
    area.current?.focus();
    area.current?.setSelectionRange(caret.current, caret.current);
    caret.current = undefined;
  }, [isOfLines]);
  const problems = [...refusal, ...(props.problems ?? [])];
  const isInvalid = problems.length > 0;
  const common = {
    id,
    name: props.name,
    className: isCode ? "input code" : "input",
    value: shownLines(value),
    onChange: ({ target }: ChangeEvent<HTMLInputElement | HTMLTextAreaElement>) => {
      forget();
      if (isOfLines) change(target.value);
      else onChange(target.value);
    },
    autoComplete: props.autoComplete ?? "off",
    spellCheck: false,
    readOnly: props.isReadOnly,
    disabled: props.isDisabled,
    "aria-invalid": isInvalid || undefined,
    "aria-describedby": [hint && `${id}-hint`, isInvalid && `${id}-problem`].filter(Boolean).join(" ") || undefined,
  };
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {isOfLines ? (
        <textarea {...common} ref={area} rows={rows ?? Math.min(lines, MOST_LINES)} />
      ) : (
        <input {...common} {...handlers} type={props.type ?? "text"} inputMode={props.inputMode} />
      )}
      {hint && (
        <span id={`${id}-hint`} className="hint">
          {hint}
        </span>
      )}
      {isInvalid && (
        <span id={`${id}-problem`} className="problem">
          {problems.join(" ")}
        </span>
      )}
    </div>
  );
}
