// One key with its value, being written.

import { memo, useState } from "react";

import { useLanguage } from "../app/language";
import { Button } from "../ui/Button";
import { Field } from "../ui/Field";
import { GenerateButton } from "../ui/GenerateButton";
import { SecretInput } from "../ui/SecretInput";
import { type Draft, type Row, type RowProblem, withoutRow, withRowKey, withShownRowValue } from "./draft";
import type { Edit } from "./lines";
import { TYPE_WORDS } from "./types";

interface Props {
  row: Row;
  number: number;
  isShown: boolean;
  problem: RowProblem | undefined;
  /** Changes the draft that holds the row; the same function at every call, so that other rows stay as they are drawn. */
  onChange: (change: (before: Draft) => Draft) => void;
  isRemovable: boolean;
}

export const PairRow = memo(({ row, number, isShown, problem, onChange, isRemovable }: Props) => {
  const { t } = useLanguage();
  // The field holds its own text, so a generated one makes a new field.
  const [drawn, setDrawn] = useState(0);
  const words = problem === "key-twice" ? t("This key occurs twice.") : t("The key is missing.");
  const former = t(TYPE_WORDS[row.formerType]);
  // A field of one line would drop them.
  const hasLines = /[\r\n]/.test(row.key);
  /** @param shown what stands in the field of the value, with the line ends of the browser */
  const onValue = (shown: string, edit?: Edit) => onChange((before) => withShownRowValue(before, row.id, shown, edit));
  return (
    <div className="pair">
      <Field
        label={t("Key {number}", { number })}
        isCode
        value={hasLines ? JSON.stringify(row.key) : row.key}
        onChange={(key) => onChange((before) => withRowKey(before, row.id, key))}
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
        isDisabled={!isRemovable}
        onPress={() => onChange((before) => withoutRow(before, row.id))}
        aria-label={t("Remove key {number}", { number })}
      >
        ✕
      </Button>
    </div>
  );
});
