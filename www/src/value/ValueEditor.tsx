// A value being written: keys with values, plain text, or bytes of a file.

import { useCallback, useLayoutEffect, useRef, useState } from "react";

import { useLanguage } from "../app/language";
import { Button } from "../ui/Button";
import { Choice } from "../ui/Choice";
import { FileField } from "../ui/FileField";
import { Notice } from "../ui/Notice";
import { SecretInput } from "../ui/SecretInput";
import { Select } from "../ui/Select";
import { Toggle } from "../ui/Toggle";
import { BinaryEditor } from "./BinaryEditor";
import {
  type Draft,
  isWithoutKeys,
  reshape,
  rowProblems,
  withChosenLineEnd,
  withNewRow,
  withShownText,
  withText,
} from "./draft";
import { JsonCheck } from "./JsonCheck";
import type { LineEnd } from "./lines";
import { PairRow } from "./PairRow";
import { VIEWS } from "./useLeavingOut";
import { useReplacing } from "./useReplacing";
import { useValueLimit } from "./useValueLimit";
import { type Shape, textOf } from "./value";

const SHAPES: readonly Shape[] = ["pairs", "text", "binary"];

const LINE_ENDS: Record<"LF" | "CRLF", LineEnd> = { LF: "\n", CRLF: "\r\n" };

interface Props {
  draft: Draft;
  onChange: (change: (before: Draft) => Draft) => void;
  problems: readonly string[];
  /** Whether somebody tried to save: then nothing is still to come. */
  isSubmitted: boolean;
  /** Whether values are shown from the beginning, as where one starts from a value that was just read. */
  isOpen?: boolean;
}

export function ValueEditor({ draft, onChange, problems, isSubmitted, isOpen = false }: Props) {
  const { t } = useLanguage();
  const [isShown, setIsShown] = useState(isOpen);
  // Fields hold their own text, so another view gets new ones.
  const [view, setView] = useState(0);
  const [isNoText, setIsNoText] = useState(false);
  const replaces = useReplacing(draft.text);
  const most = useValueLimit();
  const inRows = rowProblems(draft);
  const changed = useRef(onChange);
  useLayoutEffect(() => {
    changed.current = onChange;
  });
  const change = useCallback<Props["onChange"]>((change) => changed.current(change), []);
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
          options={SHAPES.map((value) => ({ value, label: t(VIEWS[value]) }))}
        />
        {draft.shape !== "binary" && (
          <Toggle isOn={isShown} onChange={setIsShown}>
            {t("Show values")}
          </Toggle>
        )}
      </div>
      {draft.shape === "pairs" && isWithoutKeys(draft) && (
        <Notice title={t("This text has no keys.")}>
          <p>
            {t(
              "Only a JSON object can be shown as keys with values. The text is kept as it is; edit it under Plain text.",
            )}
          </p>
        </Notice>
      )}
      {draft.shape === "pairs" && !isWithoutKeys(draft) && (
        <div className="pairs" key={view}>
          {draft.rows.map((row, index) => (
            <PairRow
              key={row.id}
              row={row}
              number={index + 1}
              isShown={isShown}
              problem={isSubmitted || row.value !== "" ? inRows.get(row.id) : undefined}
              onChange={change}
              isRemovable={draft.rows.length > 1}
            />
          ))}
          <Button onPress={() => onChange(withNewRow)}>{t("Add a key")}</Button>
        </div>
      )}
      {draft.shape === "text" && (
        <>
          <SecretInput
            key={view}
            label={t("Text")}
            isLabelHidden
            rows={Math.min(20, Math.max(5, draft.text.split("\n").length))}
            isShown={isShown}
            initial={draft.text}
            onInput={(shown, edit) => onChange((before) => withShownText(before, shown, edit))}
          />
          <JsonCheck text={draft.text} />
          <FileField
            label={t("Text from a file")}
            most={most}
            problem={isNoText ? t("This file is not text in UTF-8. Choose it under Binary.") : undefined}
            onRead={(bytes) => {
              const text = textOf(bytes);
              setIsNoText(text === undefined);
              if (text === undefined || !replaces(text)) return;
              setView(view + 1);
              onChange((before) => withText(before, text));
            }}
          />
          {/[\r\n]/.test(draft.text) && (
            <Select<"LF" | "CRLF">
              label={t("Line ends")}
              value={draft.lineEnd === "\n" ? "LF" : "CRLF"}
              onChange={(chosen) => onChange((before) => withChosenLineEnd(before, LINE_ENDS[chosen]))}
              options={[
                { value: "LF", label: "LF" },
                { value: "CRLF", label: "CRLF" },
              ]}
            />
          )}
        </>
      )}
      {draft.shape === "binary" && (
        <BinaryEditor draft={draft} onChange={(binary) => onChange((before) => ({ ...before, binary }))} />
      )}
      {problems.length > 0 && (
        <p className="problem" role="alert">
          {problems.join(" ")}
        </p>
      )}
    </fieldset>
  );
}
