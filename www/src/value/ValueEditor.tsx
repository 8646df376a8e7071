// A value being written: keys with values, plain text, or bytes of a file.

import { useState } from "react";

import { useLanguage } from "../app/language";
import { Button } from "../ui/Button";
import { Choice } from "../ui/Choice";
import { SecretInput } from "../ui/SecretInput";
import { Toggle } from "../ui/Toggle";
import { BinaryEditor } from "./BinaryEditor";
import { type Draft, newRow, reshape, rowProblems } from "./draft";
import { PairRow } from "./PairRow";
import type { Shape } from "./value";

interface Props {
  draft: Draft;
  onChange: (change: (before: Draft) => Draft) => void;
  problems: readonly string[];
  /** Whether somebody tried to save: then nothing is still to come. */
  isSubmitted: boolean;
}

export function ValueEditor({ draft, onChange, problems, isSubmitted }: Props) {
  const { t } = useLanguage();
  const [isShown, setIsShown] = useState(false);
  // Fields hold their own text, so another view gets new ones.
  const [view, setView] = useState(0);
  const inRows = rowProblems(draft);
  const choose = (shape: Shape) => {
    setView(view + 1);
    onChange((before) => reshape(before, shape));
  };
  return (
    <fieldset className="value-editor">
      <legend>{t("Value")}</legend>
      <div className="row spread">
        <Choice<Shape>
          label={t("Kind of value")}
          isLabelHidden
          value={draft.shape}
          onChange={choose}
          options={[
            { value: "pairs", label: t("Key/value") },
            { value: "text", label: t("Plain text") },
            { value: "binary", label: t("Binary") },
          ]}
        />
        {draft.shape !== "binary" && (
          <Toggle isOn={isShown} onChange={setIsShown}>
            {t("Show values")}
          </Toggle>
        )}
      </div>
      {draft.shape === "pairs" && (
        <div className="pairs" key={view}>
          {draft.rows.map((row, index) => (
            <PairRow
              key={row.id}
              row={row}
              number={index + 1}
              isShown={isShown}
              problem={isSubmitted || row.value !== "" ? inRows.get(row.id) : undefined}
              onChange={(change) =>
                onChange((before) => ({
                  ...before,
                  rows: before.rows.map((other) => (other.id === row.id ? { ...other, ...change } : other)),
                }))
              }
              onRemove={
                draft.rows.length > 1
                  ? () => onChange((before) => ({ ...before, rows: before.rows.filter(({ id }) => id !== row.id) }))
                  : undefined
              }
            />
          ))}
          <Button onPress={() => onChange((before) => ({ ...before, rows: [...before.rows, newRow()] }))}>{t("Add a key")}</Button>
        </div>
      )}
      {draft.shape === "text" && (
        <SecretInput
          key={view}
          label={t("Text")}
          isLabelHidden
          rows={5}
          isShown={isShown}
          initial={draft.text}
          onInput={(text) => onChange((before) => ({ ...before, text }))}
        />
      )}
      {draft.shape === "binary" && <BinaryEditor draft={draft} onChange={(binary) => onChange((before) => ({ ...before, binary }))} />}
      {problems.length > 0 && (
        <p className="problem" role="alert">
          {problems.join(" ")}
        </p>
      )}
    </fieldset>
  );
}
