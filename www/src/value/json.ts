// Reads the members of a JSON object or the items of a list with their places in the text, and edits one of them without
// touching the rest. It keeps what `JSON.parse` and `JSON.stringify` would change: the order of keys, the spelling of numbers and escapes,
// spaces and line ends. Pure. Nested values are kept as text; it does not look into them.

/** The JSON type of a value. */
export type JsonType = "string" | "number" | "boolean" | "null" | "object" | "array";

/** Where something is in the text: from `start` to before `end`, in UTF-16 units. */
export interface Span {
  start: number;
  end: number;
}

export interface Member {
  /** The key, decoded. */
  key: string;
  type: JsonType;
  /** A string decoded; anything else as it is written. */
  text: string;
  keySpan: Span;
  valueSpan: Span;
}

/** An item of a list; its `text` is that of {@link Member}. */
export interface Item {
  type: JsonType;
  text: string;
  span: Span;
}

export interface JsonArray {
  items: Item[];
  /** Where the bracket that closes the list is. */
  close: number;
}

export interface JsonObject {
  members: Member[];
  /** Where the brace that closes the object is. */
  close: number;
}

const SPACE = /[ \t\n\r]*/y;
/** What may follow a backslash in a string. */
const ESCAPE = /["\\/bfnrt]|u[0-9a-fA-F]{4}/y;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
/** Deeper values are left to the text view, so that no text can exhaust the stack. */
const DEEPEST = 200;

class NotJson extends Error {}

/**
 * Where the JSON string that begins at `start` ends; `undefined` if there is none. One expression for the whole string would
 * remember each escape, and run out of memory for them in a text of millions.
 */
export function stringEnd(text: string, start: number): number | undefined {
  if (text[start] !== '"') return undefined;
  let at = start + 1;
  while (at < text.length && text[at] !== '"') {
    if (text.charCodeAt(at) < 0x20) return undefined;
    if (text[at] === "\\") {
      ESCAPE.lastIndex = at + 1;
      if (!ESCAPE.test(text)) return undefined;
      at = ESCAPE.lastIndex;
    } else at += 1;
  }
  return at < text.length ? at + 1 : undefined;
}

/** Where the blanks of JSON end that begin at `start`. */
export function blanksEnd(text: string, start: number): number {
  SPACE.lastIndex = start;
  SPACE.test(text);
  return SPACE.lastIndex;
}

class Scanner {
  at = 0;
  constructor(readonly text: string) {}

  /** The text that the sticky pattern matches here; `undefined` if it does not match. */
  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }

  space(): void {
    this.at = blanksEnd(this.text, this.at);
  }

  /** Takes the character if it is next. */
  takes(character: string): boolean {
    if (this.text[this.at] !== character) return false;
    this.at += 1;
    return true;
  }

  expect(character: string): void {
    if (!this.takes(character)) throw new NotJson();
  }

  string(): { text: string; span: Span } {
    const start = this.at;
    const end = stringEnd(this.text, start);
    if (end === undefined) throw new NotJson();
    this.at = end;
    return { text: JSON.parse(this.text.slice(start, end)) as string, span: { start, end } };
  }

  /** One value of any type. */
  value(depth: number): Item {
    const start = this.at;
    const next = this.text[start];
    if (next === '"') {
      const { text, span } = this.string();
      return { type: "string", text, span };
    }
    if (next === "{" || next === "[") {
      if (depth >= DEEPEST) throw new NotJson();
      if (next === "{") this.object(depth);
      else this.array(depth);
      const span = { start, end: this.at };
      return { type: next === "{" ? "object" : "array", text: this.text.slice(start, this.at), span };
    }
    const raw = this.match(SCALAR);
    if (raw === undefined) throw new NotJson();
    const type = raw === "null" ? "null" : raw === "true" || raw === "false" ? "boolean" : "number";
    return { type, text: raw, span: { start, end: this.at } };
  }

  object(depth: number): JsonObject {
    const members: Member[] = [];
    this.expect("{");
    this.space();
    if (this.takes("}")) return { members, close: this.at - 1 };
    do {
      this.space();
      const key = this.string();
      this.space();
      this.expect(":");
      this.space();
      const { type, text, span } = this.value(depth + 1);
      members.push({ key: key.text, type, text, keySpan: key.span, valueSpan: span });
      this.space();
    } while (this.takes(","));
    this.expect("}");
    return { members, close: this.at - 1 };
  }

  array(depth: number): JsonArray {
    const items: Item[] = [];
    this.expect("[");
    this.space();
    if (this.takes("]")) return { items, close: this.at - 1 };
    do {
      this.space();
      items.push(this.value(depth + 1));
      this.space();
    } while (this.takes(","));
    this.expect("]");
    return { items, close: this.at - 1 };
  }
}

/** What a scanner reads of the whole text, blanks around it aside; `undefined` if the text is something else. */
function whole<T>(text: string, read: (scanner: Scanner) => T): T | undefined {
  const scanner = new Scanner(text);
  try {
    scanner.space();
    const found = read(scanner);
    scanner.space();
    return scanner.at === text.length ? found : undefined;
  } catch (error) {
    if (error instanceof NotJson) return undefined;
    throw error;
  }
}

/** The members of a JSON object; `undefined` for any other text. A key may occur more than once. */
export const parseObject = (text: string): JsonObject | undefined => whole(text, (scanner) => scanner.object(0));

/** The items of a JSON list; `undefined` for any other text. */
export const parseArray = (text: string): JsonArray | undefined => whole(text, (scanner) => scanner.array(0));

/** Whether a text is JSON of this type, without spaces around it. */
function isWritten(text: string, type: JsonType): boolean {
  const scanner = new Scanner(text);
  try {
    return scanner.value(0).type === type && scanner.at === text.length;
  } catch (error) {
    if (error instanceof NotJson) return false;
    throw error;
  }
}

/** The type that an edited value has: its former one while the text is of that type, `string` otherwise. */
export const typeOf = (text: string, former: JsonType): JsonType =>
  former !== "string" && isWritten(text, former) ? former : "string";

/** How a value is written in JSON. */
export const written = (text: string, type: JsonType): string => (type === "string" ? JSON.stringify(text) : text);

export const replaced = (text: string, { start, end }: Span, by: string): string =>
  text.slice(0, start) + by + text.slice(end);

/** Replaces the value of one member; every other character stays. */
export function withValue(
  text: string,
  { valueSpan, text: former, type }: Member,
  value: string,
  as: JsonType,
): string {
  return value === former && as === type ? text : replaced(text, valueSpan, written(value, as));
}

/** Renames one member; every other character stays. */
export function withKey(text: string, { keySpan, key: former }: Member, key: string): string {
  return key === former ? text : replaced(text, keySpan, JSON.stringify(key));
}

/** Removes the member at `index` with the comma that separates it. */
export function withoutMember(text: string, object: JsonObject, index: number): string {
  const member = object.members[index];
  if (!member) return text;
  const [before, after] = [object.members[index - 1], object.members[index + 1]];
  if (before) return replaced(text, { start: before.valueSpan.end, end: member.valueSpan.end }, "");
  if (after) return replaced(text, { start: member.keySpan.start, end: after.keySpan.start }, "");
  return replaced(text, { start: member.keySpan.start, end: member.valueSpan.end }, "");
}

/** Adds a member before the one at `index`, or at the end; it is separated as the last ones are. */
export function withMember(
  text: string,
  { members, close }: JsonObject,
  index: number,
  key: string,
  value: string,
): string {
  const [colon, separator] = styleOf(text, members);
  const added = `${JSON.stringify(key)}${colon}${JSON.stringify(value)}`;
  const [before, next] = [members[index - 1], members[index]];
  if (before) return replaced(text, { start: before.valueSpan.end, end: before.valueSpan.end }, `${separator}${added}`);
  if (next) return replaced(text, { start: next.keySpan.start, end: next.keySpan.start }, `${added}${separator}`);
  return replaced(text, { start: close, end: close }, added);
}

/** What stands between a key and its value, and between two members. */
function styleOf(text: string, members: readonly Member[]): [colon: string, separator: string] {
  const last = members.at(-1);
  if (!last) return [":", ","];
  const colon = text.slice(last.keySpan.end, last.valueSpan.start);
  const before = members.at(-2);
  if (before) return [colon, text.slice(before.valueSpan.end, last.keySpan.start)];
  const open = text.indexOf("{");
  return [colon, `,${text.slice(open + 1, last.keySpan.start)}`];
}

/** Adds an item at the end of a list, separated as the last ones are. */
export function withItem(text: string, { items, close }: JsonArray, item: string): string {
  const [before, last] = [items.at(-2), items.at(-1)];
  if (!last) return replaced(text, { start: close, end: close }, item);
  const separator = before
    ? text.slice(before.span.end, last.span.start)
    : `,${text.slice(text.indexOf("[") + 1, last.span.start)}`;
  return replaced(text, { start: last.span.end, end: last.span.end }, `${separator}${item}`);
}

const TOKEN = /[{}[\],:]|[^\s{}[\],:"]+/y;
const BLANKS = /\s*/y;

/** The tokens of JSON, as they are written. */
function* tokensOf(text: string): Generator<string> {
  let at = 0;
  for (;;) {
    BLANKS.lastIndex = at;
    BLANKS.test(text);
    at = BLANKS.lastIndex;
    TOKEN.lastIndex = at;
    const end = stringEnd(text, at) ?? (TOKEN.test(text) ? TOKEN.lastIndex : undefined);
    if (end === undefined) return;
    yield text.slice(at, end);
    at = end;
  }
}

/** JSON with a line for each member and item; every key and value stays as it is written. */
export function indented(text: string): string {
  let [written, depth, before] = ["", 0, ""];
  const line = () => `\n${"  ".repeat(depth)}`;
  for (const token of tokensOf(text)) {
    const closes = token === "}" || token === "]";
    if (closes) depth -= 1;
    const isEmpty = closes && (before === "{" || before === "[");
    if (!isEmpty && (closes || before === "," || before === "{" || before === "[")) written += line();
    written += token === ":" ? ": " : token;
    if (token === "{" || token === "[") depth += 1;
    before = token;
  }
  return written;
}
