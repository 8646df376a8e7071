// A value while a person writes it. The text is the value: Key/value is a view of it whose edits change one member's
// characters. No view rewrites what another one holds, so going back and forth changes nothing. Pure.

import { type JsonType, parseObject, typeOf, withKey, withMember, withoutMember, withValue } from "./json";
import { afterEdit, type Edit, type LineEnd, lineEndOf, withLineEnd } from "./lines";
import { bytesIn, type Shape, type Stored, shapeOf } from "./value";

export interface Row {
  id: number;
  key: string;
  /** A string as it is, with its line ends; anything else as JSON. */
  value: string;
  /** The JSON type in which the value is stored. */
  type: JsonType;
  /** The type it was read with; the value has it whenever its text is of that type. */
  formerType: JsonType;
  /** Whether it is a member of the text. A new row becomes one with the first letter of its key. */
  isMember: boolean;
  /** Whether it was read without a key, which JSON allows. */
  isKeyless: boolean;
  /** Former values that an undo brings back. */
  past: readonly string[];
}

export interface Draft {
  shape: Shape;
  /** The members of `text` in its order, and among them new rows that are not members yet. */
  rows: Row[];
  /** The text as it would be stored, with its line ends. */
  text: string;
  /** What new lines of the text end with. */
  lineEnd: LineEnd;
  /** Former texts that an undo brings back. */
  past: readonly string[];
  /** Base64. */
  binary: string;
}

let lastId = 0;
const nextId = () => (lastId += 1);

export const newRow = (): Row => ({
  id: nextId(),
  key: "",
  value: "",
  type: "string",
  formerType: "string",
  isMember: false,
  isKeyless: false,
  past: [],
});

export const emptyDraft = (): Draft => ({
  shape: "pairs",
  rows: [newRow()],
  text: "",
  lineEnd: "\n",
  past: [],
  binary: "",
});

export function draftOf(stored: Stored): Draft {
  if ("secret_binary" in stored) return { ...emptyDraft(), shape: "binary", binary: stored.secret_binary };
  const text = stored.secret_string;
  return { ...emptyDraft(), shape: shapeOf(stored), text, rows: rowsOf(text), lineEnd: lineEndOf(text) };
}

/** A row for each member; one empty row for a text without members. */
function rowsOf(text: string): Row[] {
  const members = parseObject(text)?.members ?? [];
  if (members.length === 0) return [newRow()];
  return members.map(({ key, text: value, type }) => ({
    ...newRow(),
    key,
    value,
    type,
    formerType: type,
    isMember: true,
    isKeyless: key === "",
  }));
}

/** Whether the text is something that has no keys, such as a list or plain words; rows cannot show it. */
export const isWithoutKeys = ({ text }: Draft): boolean => text !== "" && parseObject(text) === undefined;

/** The value as it would be stored. */
export const storedOfDraft = ({ shape, text, binary }: Draft): Stored =>
  shape === "binary" ? { secret_binary: binary } : { secret_string: text };

/** Values whose key is still to come. */
const waitingRows = ({ rows }: Draft) => rows.filter(({ isMember, value }) => !isMember && value !== "");

/** What is typed as text. Braces alone are what is left of keys that were removed again. */
const typedText = ({ text }: Draft) => (text === "{}" ? "" : text);

/** Everything that stands in it, in whichever view, to be compared with a former state. */
export const contentOf = (draft: Draft): string =>
  JSON.stringify([typedText(draft), draft.binary, ...waitingRows(draft).map(({ value }) => value)]);

/** The views that hold something typed since `beginning`. */
export const typedIn = (draft: Draft, beginning: Draft): Shape[] => [
  ...(waitingRows(draft).length > 0 ? (["pairs"] as const) : []),
  ...(typedText(draft) !== typedText(beginning) ? (["text"] as const) : []),
  ...(draft.binary !== beginning.binary ? (["binary"] as const) : []),
];

/** Those of them that the stored value would not have. A value among keys waits for its own: see `rowProblems`. */
export function leftOut(draft: Draft, beginning: Draft): Shape[] {
  const isText = draft.shape !== "binary";
  const isStored = { pairs: draft.shape === "pairs" && !isWithoutKeys(draft), text: isText, binary: !isText };
  return typedIn(draft, beginning).filter((view) => !isStored[view]);
}

/** The same draft in another view. Nothing in it is rewritten. */
export function reshape(draft: Draft, shape: Shape): Draft {
  if (shape === draft.shape) return draft;
  if (shape !== "pairs" || showsText(draft)) return { ...draft, shape };
  const waiting = waitingRows(draft);
  const rows = rowsOf(draft.text).filter(({ isMember }) => isMember || waiting.length === 0);
  return { ...draft, shape, rows: [...rows, ...waiting] };
}

/** Whether the rows are still those of the text. */
function showsText({ rows, text }: Draft): boolean {
  const members = parseObject(text)?.members ?? [];
  const shown = rows.filter(({ isMember }) => isMember);
  return (
    members.length === shown.length &&
    members.every(({ key, text: value, type }, index) => {
      const row = shown[index];
      return row?.key === key && row.value === value && row.type === type;
    })
  );
}

/** The draft with another text, such as that of a file. */
export const withText = (draft: Draft, text: string): Draft => ({
  ...draft,
  text,
  lineEnd: text.includes("\n") ? lineEndOf(text) : draft.lineEnd,
});

/** The draft after a person edited the text in its field. */
export function withShownText(draft: Draft, shown: string, edit?: Edit): Draft {
  const { text, past } = afterEdit(draft, shown, draft.lineEnd, edit);
  // What was typed ends its lines as the draft says already.
  const isForeign = edit?.added !== undefined || edit?.isHistory;
  return { ...(isForeign ? withText(draft, text) : draft), text, past };
}

/** Chooses the line end, and writes it into the whole text. */
export const withChosenLineEnd = (draft: Draft, lineEnd: LineEnd): Draft => ({
  ...draft,
  lineEnd,
  text: withLineEnd(draft.text, lineEnd),
  past: [],
});

/** The place of a row's member in the text; for a new row the place it would get. */
const memberIndex = (rows: readonly Row[], id: number) =>
  rows
    .slice(
      0,
      rows.findIndex((row) => row.id === id),
    )
    .filter(({ isMember }) => isMember).length;

/** Renames a row's key. */
export function withRowKey(draft: Draft, id: number, key: string): Draft {
  const row = draft.rows.find((each) => each.id === id);
  if (!row) return draft;
  const isMember = row.isMember || key !== "";
  const rows = draft.rows.map((each) => (each.id === id ? { ...each, key, isMember } : each));
  if (!isMember) return { ...draft, rows };
  const text = draft.text === "" ? "{}" : draft.text;
  const object = parseObject(text);
  if (!object) return draft;
  const index = memberIndex(draft.rows, id);
  const member = object.members[index];
  if (!row.isMember) return { ...draft, rows, text: withMember(text, object, index, key, row.value) };
  return member ? { ...draft, rows, text: withKey(text, member, key) } : draft;
}

/** The draft after a person edited a row's value in its field. */
export function withShownRowValue(draft: Draft, id: number, shown: string, edit?: Edit): Draft {
  const row = draft.rows.find((each) => each.id === id);
  if (!row) return draft;
  const lineEnd = row.value === "" ? draft.lineEnd : lineEndOf(row.value);
  const { text: value, past } = afterEdit({ text: row.value, past: row.past }, shown, lineEnd, edit);
  const type = typeOf(value, row.formerType);
  const rows = draft.rows.map((each) => (each.id === id ? { ...each, value, type, past } : each));
  const member = row.isMember ? parseObject(draft.text)?.members[memberIndex(draft.rows, id)] : undefined;
  return { ...draft, rows, text: member ? withValue(draft.text, member, value, type) : draft.text };
}

/** Adds an empty row. */
export const withNewRow = (draft: Draft): Draft => ({ ...draft, rows: [...draft.rows, newRow()] });

/** Removes a row and its member. */
export function withoutRow(draft: Draft, id: number): Draft {
  const row = draft.rows.find((each) => each.id === id);
  const rows = draft.rows.filter((each) => each.id !== id);
  const object = row?.isMember ? parseObject(draft.text) : undefined;
  return { ...draft, rows, text: object ? withoutMember(draft.text, object, memberIndex(draft.rows, id)) : draft.text };
}

export type RowProblem = "key-missing" | "key-twice";

/** The problems that only this view can have; the service's rules judge everything else. */
export function rowProblems(draft: Draft): Map<number, RowProblem> {
  const found = new Map<number, RowProblem>();
  const { shape, rows } = draft;
  if (shape !== "pairs" || isWithoutKeys(draft)) return found;
  const filled = rows.filter(({ key, value, isMember }) => key !== "" || value !== "" || isMember);
  const seen = new Set<string>();
  const [first] = rows;
  if (first && filled.length === 0) found.set(first.id, "key-missing");
  for (const { id, key, isKeyless } of filled) {
    if (key === "" && !isKeyless) found.set(id, "key-missing");
    else if (seen.has(key)) found.set(id, "key-twice");
    seen.add(key);
  }
  return found;
}

export const binarySize = ({ binary }: Draft) => bytesIn(binary);
