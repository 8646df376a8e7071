// A labelled text field with its hint and its problems.

import { FieldError, Input, Label, Text, TextArea, TextField, type TextFieldProps } from "react-aria-components";

interface Props extends Omit<TextFieldProps, "children"> {
  label: string;
  hint?: string | undefined;
  problems?: readonly string[] | undefined;
  rows?: number;
  isCode?: boolean;
}

export function Field({ label, hint, problems = [], rows, isCode = false, ...props }: Props) {
  const look = isCode ? "input code" : "input";
  return (
    <TextField
      {...props}
      className="field"
      isInvalid={problems.length > 0}
      autoComplete={props.autoComplete ?? "off"}
      spellCheck="false"
    >
      <Label>{label}</Label>
      {rows ? <TextArea className={look} rows={rows} /> : <Input className={look} />}
      {hint && (
        <Text slot="description" className="hint">
          {hint}
        </Text>
      )}
      <FieldError className="problem">{problems.join(" ")}</FieldError>
    </TextField>
  );
}
