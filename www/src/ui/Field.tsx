// A labelled text field with its hint and its problems. A text with line breaks gets several lines, as one line would drop
// them. It is the browser's own: hundreds of them, as a value with many keys has, are made and changed at once.

import { type ChangeEvent, type ComponentProps, useId, useRef, useState } from "react";

import { edited, lineEndOf, shownLines } from "../value/lines";

interface Props extends Pick<ComponentProps<"input">, "name" | "type" | "inputMode" | "autoComplete"> {
  label: string;
  value: string;
  onChange: (text: string) => void;
  hint?: string | undefined;
  problems?: readonly string[] | undefined;
  rows?: number;
  isCode?: boolean;
  isReadOnly?: boolean;
  isDisabled?: boolean;
}

/** Lines that are shown at most where a text has line breaks; more are scrolled. */
const MOST_LINES = 12;

export function Field(props: Props) {
  const { label, value, onChange, hint, problems = [], rows, isCode = false } = props;
  const id = useId();
  const area = useRef<HTMLTextAreaElement>(null);
  const lines = value.split(/\r\n?|\n/).length;
  // It stays of several lines while somebody edits it: another field would lose the keyboard.
  const [isOfLines, setIsOfLines] = useState(rows !== undefined || lines > 1);
  if (lines > 1 && !isOfLines) setIsOfLines(true);
  const change = (shown: string) =>
    onChange(edited(value, shown, lineEndOf(value), { caret: area.current?.selectionEnd ?? null }));
  const isInvalid = problems.length > 0;
  const common = {
    id,
    name: props.name,
    className: isCode ? "input code" : "input",
    value: shownLines(value),
    onChange: ({ target }: ChangeEvent<HTMLInputElement | HTMLTextAreaElement>) =>
      isOfLines ? change(target.value) : onChange(target.value),
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
        <input {...common} type={props.type ?? "text"} inputMode={props.inputMode} />
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
