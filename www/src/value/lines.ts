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

/** What a person pasted into a text field: its own text, and which part of the shown text it replaces. */
export interface Pasted {
  text: string;
  start: number;
  end: number;
}

/**
 * The stored text after a paste, byte by byte; `undefined` where the text around it says how lines end, or the field shows
 * something else now.
 */
export function pasted(text: string, shown: string, { text: added, start, end }: Pasted): string | undefined {
  const [before, after] = [text.slice(0, placeOf(text, start)), text.slice(placeOf(text, end))];
  if (/[\r\n]/.test(before + after)) return undefined;
  const whole = before + added + after;
  return shownLines(whole) === shownLines(shown) ? whole : undefined;
}

/**
 * The stored text after a person edited how it is shown.
 *
 * @param text the stored text before
 * @param shown what stands in the text field now
 * @param lineEnd what new lines end with
 */
export function edited(text: string, shown: string, lineEnd: LineEnd): string {
  const [before, after] = [shownLines(text), shownLines(shown)];
  if (before === after) return text;
  const most = Math.min(before.length, after.length);
  const start = commonStart(before, after, most);
  const end = commonEnd(before, after, most - start);
  const inserted = after.slice(start, after.length - end).replaceAll("\n", lineEnd);
  return text.slice(0, placeOf(text, start)) + inserted + text.slice(placeOf(text, before.length - end));
}
