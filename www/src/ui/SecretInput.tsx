// A field for something secret. What is typed stays in the field's memory: it is never written into the document, as a
// value that the framework controls would be.

import {
  type ClipboardEvent,
  type DragEvent,
  type FormEvent,
  type KeyboardEvent,
  useId,
  useLayoutEffect,
  useRef,
  useState,
} from "react";

import { isComposing } from "../app/composing";
import { useLanguage } from "../app/language";
import { type Edit, shownLines } from "../value/lines";
import { type Pasted, textOf, useLineBreaks } from "./useLineBreaks";

interface Props {
  label: string;
  /** What stands in it at first. */
  initial?: string;
  /** What stands in it now, with the line ends of the browser; and how it came to be. */
  onInput: (text: string, edit: Edit) => void;
  isShown?: boolean;
  /** Several lines. */
  rows?: number;
  /** Whether a single line grows with what is pasted, or added by Shift+Enter; Enter sends the form until then. */
  isGrowing?: boolean;
  /** Whether a text with line breaks, pasted into a single line, makes it a field of several; refused otherwise. */
  mayHaveLines?: boolean;
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
    mayHaveLines = false,
    hint,
    isLabelHidden = false,
  } = props;
  const { t } = useLanguage();
  const id = useId();
  const [lines, setLines] = useState(() => linesIn(initial));
  // It stays of several lines while somebody edits it.
  const [isOfLines, setIsOfLines] = useState(isGrowing || (mayHaveLines && lines > 1));
  const rows = isOfLines ? Math.min(lines, MOST_LINES) : props.rows;
  const field = useRef<HTMLInputElement & HTMLTextAreaElement>(null);
  /** What was pasted or dropped, and does not stand in the field yet. */
  const coming = useRef<string>(undefined);
  /** What was pasted into the single line, for the field of several that takes its place. */
  const taken = useRef<Pasted>(undefined);
  const { handlers, refusal, forget } = useLineBreaks(
    mayHaveLines
      ? (pasted) => {
          taken.current = pasted;
          setLines(linesIn(pasted.text));
          setIsOfLines(true);
          onInput(shownLines(pasted.text), pasted);
        }
      : undefined,
  );
  const problems = [...refusal, ...(props.problems ?? [])];
  useLayoutEffect(() => {
    const [node, pasted] = [field.current, taken.current];
    if (!node) return;
    node.value = pasted?.text ?? initial;
    if (!pasted) return;
    node.focus();
    node.setSelectionRange(pasted.caret, pasted.caret);
    taken.current = undefined;
  }, [isOfLines]);
  const note = (event: ClipboardEvent<HTMLElement> | DragEvent<HTMLElement>) => {
    coming.current = textOf(event);
  };
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
    onInput: ({ currentTarget, nativeEvent }: FormEvent<HTMLInputElement | HTMLTextAreaElement>) => {
      forget();
      setLines(linesIn(currentTarget.value));
      const { inputType = "" } = nativeEvent as InputEvent;
      const added = /^insertFrom(Paste|Drop)$/.test(inputType) ? coming.current : undefined;
      coming.current = undefined;
      onInput(currentTarget.value, {
        caret: currentTarget.selectionEnd,
        added,
        isHistory: inputType.startsWith("history"),
      });
    },
    // The field itself drops the line ends.
    onPaste: note,
    onDrop: note,
    ...(!rows && handlers),
    ...(isOfLines && {
      onKeyDown: (event: KeyboardEvent<HTMLElement>) => {
        // A line break that is typed by accident would become part of the value, unseen.
        if (event.key !== "Enter" || event.shiftKey || isComposing(event.nativeEvent)) return;
        if (isGrowing && lines > 1) return;
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
      {mayHaveLines && lines > 1 && (
        <span className="hint">{t("{count} lines, with their line breaks.", { count: lines })}</span>
      )}
      {problems.length > 0 && (
        <span id={`${id}-problem`} className="problem">
          {problems.join(" ")}
        </span>
      )}
    </div>
  );
}
