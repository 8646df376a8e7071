// One key with its value, being written.

import { useLanguage } from "../app/language";
import { Button } from "../ui/Button";
import { Field } from "../ui/Field";
import { SecretInput } from "../ui/SecretInput";
import type { Row, RowProblem } from "./draft";

interface Props {
  row: Row;
  number: number;
  isShown: boolean;
  problem: RowProblem | undefined;
  onChange: (change: Partial<Row>) => void;
  onRemove: (() => void) | undefined;
}

export function PairRow({ row, number, isShown, problem, onChange, onRemove }: Props) {
  const { t } = useLanguage();
  const words = problem === "key-twice" ? t("This key occurs twice.") : t("The key is missing.");
  return (
    <div className="pair">
      <Field
        label={t("Key {number}", { number })}
        isCode
        value={row.key}
        onChange={(key) => onChange({ key })}
        problems={problem ? [words] : []}
      />
      <SecretInput
        label={row.key ? t("Value of {key}", { key: row.key }) : t("Value {number}", { number })}
        isShown={isShown}
        initial={row.value}
        onInput={(value) => onChange({ value })}
      />
      <Button kind="quiet" isDisabled={!onRemove} onPress={() => onRemove?.()} aria-label={t("Remove key {number}", { number })}>
        ✕
      </Button>
    </div>
  );
}
