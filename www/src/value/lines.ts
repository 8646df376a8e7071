// Line ends of a text. A text field of the browser knows line feeds only, so what a person types there is brought back
// onto the text that is stored: characters that were not edited keep the line ends they had. Pure.

/** The line ends that a person can choose. A lone carriage return stays where it is, but is never written. */
export type LineEnd = "\n" | "\r\n";

/** How a text field of the browser shows a text. */
export const shownLines = (text: string): string => text.replace(/\r\n?/g, "\n");

/** The line end that most lines of a text have; LF for a text of one line. */
export function lineEndOf(text: string): LineEnd {
  const carriage = text.split("\r\n").length - 1;
  return carriage > 0 && carriage * 2 >= shownLines(text).split("\n").length - 1 ? "\r\n" : "\n";
}

/** The text with one line end throughout. */
export const withLineEnd = (text: string, lineEnd: LineEnd): string => shownLines(text).replaceAll("\n", lineEnd);

/** How many UTF-16 units `one` and `other` have in common at the beginning. */
function commonStart(one: string, other: string, most: number): number {
  let length = 0;
  while (length < most && one[length] === other[length]) length += 1;
  return length;
}

/** How many they have in common at the end. */
function commonEnd(one: string, other: string, most: number): number {
  let length = 0;
  while (length < most && one[one.length - 1 - length] === other[other.length - 1 - length]) length += 1;
  return length;
}

/** Where the first `length` units of the shown text end in the text itself. */
function placeOf(text: string, length: number): number {
  let at = 0;
  for (let shown = 0; shown < length; shown += 1) at += text[at] === "\r" && text[at + 1] === "\n" ? 2 : 1;
  return at;
}

/** An edit in a text field, as the browser reports it. */
export interface Edit {
  /** Where the cursor stands after it: what follows was not edited. */
  caret: number | null;
  /** What was pasted or dropped, with its own line ends. */
  added?: string | undefined;
  /** Whether it undoes an earlier edit, or does it again. */
  isHistory?: boolean;
}

/** The part of the shown text that an edit replaced, and what it put there. */
interface Change {
  start: number;
  end: number;
  inserted: string;
}

function changeOf(before: string, after: string, caret: number | null = null): Change {
  // Of two equal lines, the cursor says which one was edited.
  const kept = caret !== null && before.endsWith(after.slice(caret)) ? after.length - caret : 0;
  const most = Math.min(before.length, after.length) - kept;
  const start = commonStart(before, after, most);
  const [one, other] = [before.slice(0, before.length - kept), after.slice(0, after.length - kept)];
  const end = commonEnd(one, other, most - start);
  return { start, end: one.length - end, inserted: other.slice(start, other.length - end) };
}

/** Two parts of a text as one. A line feed stays a line of its own behind a lone carriage return, so it becomes CRLF. */
const joined = (left: string, right: string) =>
  left.endsWith("\r") && right.startsWith("\n") ? `${left}\r${right}` : left + right;

/** The text with a part of how it is shown replaced. */
const replaced = (text: string, { start, end, inserted }: Change, lineEnd: LineEnd) =>
  joined(
    joined(text.slice(0, placeOf(text, start)), inserted.replaceAll("\n", lineEnd)),
    text.slice(placeOf(text, end)),
  );

/**
 * The stored text after something was pasted or dropped, byte by byte; `undefined` where the text around it says how lines
 * end, or the field shows something else now.
 */
export function pasted(text: string, shown: string, { caret, added }: Edit): string | undefined {
  if (added === undefined || caret === null) return undefined;
  const start = caret - shownLines(added).length;
  const end = shownLines(text).length - (shown.length - caret);
  if (start < 0 || end < start) return undefined;
  const [before, after] = [text.slice(0, placeOf(text, start)), text.slice(placeOf(text, end))];
  if (/[\r\n]/.test(before + after)) return undefined;
  const whole = before + added + after;
  return shownLines(whole) === shown ? whole : undefined;
}

/**
 * The stored text after a person edited how it is shown.
 *
 * @param text the stored text before
 * @param shown what stands in the text field now
 * @param lineEnd what new lines end with
 */
export const edited = (text: string, shown: string, lineEnd: LineEnd, edit?: Edit): string =>
  replaced(text, changeOf(shownLines(text), shown, edit?.caret), lineEnd);

/** The stored text after an edit of how it is shown, or after a paste with its own line ends. */
export const withEdit = (text: string, shown: string, edit?: Edit): string =>
  (edit && pasted(text, shown, edit)) ?? edited(text, shown, lineEndOf(text), edit);

/** A text in a field, with the former ones that an undo or a redo brings back. */
export interface Undoable {
  text: string;
  past: readonly string[];
}

/** Former texts that are kept. */
const MOST_PAST = 100;

/** The line ends of a text, one after the other. */
const endsIn = (text: string) => text.match(/\r\n?|\n/g)?.join(" ");

/** Whether an edit takes a line end away or brings one, as the field shows it. */
function changesLines(before: string, after: string, edit?: Edit): boolean {
  const { start, end, inserted } = changeOf(before, after, edit?.caret);
  return `${before.slice(start, end)}${inserted}`.includes("\n");
}

/** What is stored after an edit. Lines that an undo or a redo brings back end as they did. */
export function afterEdit({ text, past }: Undoable, shown: string, lineEnd: LineEnd, edit?: Edit): Undoable {
  const former = edit?.isHistory ? past.findLast((each) => each !== text && shownLines(each) === shown) : undefined;
  if (former !== undefined) return { text: former, past };
  const after = (edit && pasted(text, shown, edit)) ?? edited(text, shown, lineEnd, edit);
  // An edit within a line is undone without a memory of it. One that puts lines in place of others is not, even if the ends are the
  // same: the field does not say which of them come back.
  const isRemembered = endsIn(after) !== endsIn(text) || changesLines(shownLines(text), shown, edit);
  return { text: after, past: isRemembered ? [...past, text, after].slice(-MOST_PAST) : past };
}
