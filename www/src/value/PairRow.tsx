// One key with its value, being written.

import { useState } from "react";

import { useLanguage } from "../app/language";
import { Button } from "../ui/Button";
import { Field } from "../ui/Field";
import { GenerateButton } from "../ui/GenerateButton";
import { SecretInput } from "../ui/SecretInput";
import type { Row, RowProblem } from "./draft";
import type { Edit } from "./lines";
import { TYPE_WORDS } from "./types";

interface Props {
  row: Row;
  number: number;
  isShown: boolean;
  problem: RowProblem | undefined;
  onKey: (key: string) => void;
  /** What stands in the field of the value, with the line ends of the browser. */
  onValue: (shown: string, edit?: Edit) => void;
  onRemove: (() => void) | undefined;
}

export function PairRow({ row, number, isShown, problem, onKey, onValue, onRemove }: Props) {
  const { t } = useLanguage();
  // The field holds its own text, so a generated one makes a new field.
  const [drawn, setDrawn] = useState(0);
  const words = problem === "key-twice" ? t("This key occurs twice.") : t("The key is missing.");
  const former = t(TYPE_WORDS[row.formerType]);
  // A field of one line would drop them.
  const hasLines = /[\r\n]/.test(row.key);
  return (
    <div className="pair">
      <Field
        label={t("Key {number}", { number })}
        isCode
        value={hasLines ? JSON.stringify(row.key) : row.key}
        onChange={onKey}
        isReadOnly={hasLines}
        hint={hasLines ? t("A key with line breaks is changed under Plain text.") : undefined}
        problems={problem ? [words] : []}
      />
      <SecretInput
        key={drawn}
        label={row.key ? t("Value of {key}", { key: row.key }) : t("Value {number}", { number })}
        isShown={isShown}
        isGrowing
        initial={row.value}
        onInput={onValue}
        hint={
          row.formerType === "string"
            ? undefined
            : row.type === row.formerType
              ? t("Type: {type}", { type: former })
              : t("Type: text, no longer {type}", { type: former })
        }
      />
      {row.value === "" && (
        <GenerateButton
          label={row.key ? t("Generate a value for {key}", { key: row.key }) : t("Generate value {number}", { number })}
          onGenerate={(password) => {
            onValue(password);
            setDrawn(drawn + 1);
          }}
        />
      )}
      <Button
        kind="quiet"
        isDisabled={!onRemove}
        onPress={() => onRemove?.()}
        aria-label={t("Remove key {number}", { number })}
      >
        ✕
      </Button>
    </div>
  );
}
