// A labelled text field with its hint and its problems. A text with line breaks gets several lines, as one line would drop
// them.

import { useRef, useState } from "react";
import { FieldError, Input, Label, Text, TextArea, TextField, type TextFieldProps } from "react-aria-components";

import { edited, lineEndOf, shownLines } from "../value/lines";

interface Props extends Omit<TextFieldProps, "children" | "value" | "onChange"> {
  label: string;
  value: string;
  onChange: (text: string) => void;
  hint?: string | undefined;
  problems?: readonly string[] | undefined;
  rows?: number;
  isCode?: boolean;
}

/** Lines that are shown at most where a text has line breaks; more are scrolled. */
const MOST_LINES = 12;

export function Field({ label, value, onChange, hint, problems = [], rows, isCode = false, ...props }: Props) {
  const look = isCode ? "input code" : "input";
  const area = useRef<HTMLTextAreaElement>(null);
  const lines = value.split(/\r\n?|\n/).length;
  // It stays of several lines while somebody edits it: another field would lose the keyboard.
  const [isOfLines, setIsOfLines] = useState(rows !== undefined || lines > 1);
  if (lines > 1 && !isOfLines) setIsOfLines(true);
  const change = (shown: string) =>
    onChange(edited(value, shown, lineEndOf(value), { caret: area.current?.selectionEnd ?? null }));
  return (
    <TextField
      {...props}
      value={shownLines(value)}
      onChange={isOfLines ? change : onChange}
      className="field"
      isInvalid={problems.length > 0}
      // The forms judge what is typed; native validation costs a second for a thousand fields.
      validationBehavior="aria"
      autoComplete={props.autoComplete ?? "off"}
      spellCheck="false"
    >
      <Label>{label}</Label>
      {isOfLines ? (
        <TextArea ref={area} className={look} rows={rows ?? Math.min(lines, MOST_LINES)} />
      ) : (
        <Input className={look} />
      )}
      {hint && (
        <Text slot="description" className="hint">
          {hint}
        </Text>
      )}
      <FieldError className="problem">{problems.join(" ")}</FieldError>
    </TextField>
  );
}
