// Secrets as files: what the console exports, and what it reads from `.env`, JSON and CSV. Values are kept byte by byte, and a
// file that holds more than is read of it is refused. Pure.

import type { Secret } from "csms";

import { type Item, parseArray, parseObject } from "../value/json";
import { jsonMistake, placeOf } from "../value/jsonMistake";
import { storedText } from "../value/value";

/** A secret with its value, as a file holds it. */
export type Exported = { name: string; description?: string } & ({ secret_string: string } | { secret_binary: string });

/** What a file holds. A value that stands in it as JSON other than text says so. */
export type Found = Exported & { isJson?: boolean };

export type Format = "env" | "json" | "csv";

const quoted = (text: string) =>
  // A spreadsheet would compute what begins like a formula.
  `"${(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
const moment = (millis: number | undefined) => (millis === undefined ? "" : new Date(millis).toISOString());

/** The list as CSV (RFC 4180), without values. Times are in UTC. */
export function csvOf(secrets: readonly Secret[]): string {
  const head = "name,state,type,created,changed,last_used,next_rotation,description";
  const lines = secrets.map((secret) =>
    [
      secret.name,
      secret.state,
      secret.secret_type,
      moment(secret.create_time),
      moment(secret.update_time),
      moment(secret.last_used_time),
      moment(secret.next_rotation_time),
      secret.description,
    ]
      .map(quoted)
      .join(","),
  );
  return `${[head, ...lines].join("\r\n")}\r\n`;
}

export const jsonOf = (secrets: readonly Exported[]): string => `${JSON.stringify(secrets, null, 2)}\n`;

/** Why a file is not read; an English text to be translated. */
export class Unreadable extends Error {
  /** @param line where, from 1 */
  constructor(
    message: string,
    readonly line?: number,
  ) {
    super(message);
  }
}

/** What a file most likely is, by its name and its first character. */
export function formatOf(name: string, text: string): Format {
  if (/\.csv$/i.test(name)) return "csv";
  return /\.json$/i.test(name) || /^\s*[[{]/.test(text) ? "json" : "env";
}

/**
 * One JSON object with all of them as keys, each value with the type that it has in the file.
 *
 * @throws Unreadable for a name that occurs twice, and for bytes, which would become text
 */
export function asOne(found: readonly Found[]): string {
  if (new Set(found.map(({ name }) => name)).size < found.length) {
    throw new Unreadable("A name occurs twice in the file, so that one of the values would be lost.");
  }
  if (found.some((each) => "secret_binary" in each)) {
    throw new Unreadable(
      "A value in the file is binary, which the value of a key cannot be. Import it as a secret of its own.",
    );
  }
  const lines = found.map((each) => {
    const value = each.isJson ? storedText(each) : JSON.stringify(storedText(each));
    return `  ${JSON.stringify(each.name)}: ${value}`;
  });
  return `{\n${lines.join(",\n")}\n}`;
}

/** @throws Unreadable for text that is not of the format */
export function read(text: string, format: Format): Found[] {
  const plain = text.replace(/^\ufeff/, "");
  if (format === "json") return readJson(plain);
  return format === "csv" ? readCsv(plain) : readEnv(plain);
}

/** An object of names with values, or a list as {@link jsonOf} writes it. */
function readJson(text: string): Found[] {
  // What is no text stays as it is written: numbers would lose digits.
  const object = parseObject(text);
  if (object) {
    return object.members.map(({ key, type, text: value }) => ({
      name: key,
      secret_string: value,
      ...(type !== "string" && { isJson: true }),
    }));
  }
  const list = parseArray(text);
  if (list) return list.items.map((item) => oneOfList(item, text));
  const mistake = jsonMistake(text);
  if (mistake) throw new Unreadable("This is not JSON.", mistake.line);
  // An object that is read here is nested deeper than any secret.
  throw new Unreadable("A JSON file holds an object or a list.");
}

const OF_LIST = ["name", "description", "secret_string", "secret_binary"];

function oneOfList({ text, span }: Item, file: string): Exported {
  const members = parseObject(text)?.members ?? [];
  const keys = members.map(({ key }) => key);
  if (new Set(keys).size < keys.length || !keys.every((key) => OF_LIST.includes(key))) {
    throw new Unreadable(
      "Of each item of the list, name, description, secret_string and secret_binary are read, once each. Leave out the rest.",
      placeOf(file, span.start).line,
    );
  }
  const said = Object.fromEntries(
    members.flatMap(({ key, type, text }) => (type === "string" ? [[key, text]] : [])),
  ) as Partial<Record<string, string>>;
  const { name, description, secret_string, secret_binary } = said;
  const isAllText = members.every(({ type }) => type === "string" || type === "null");
  if (name === undefined || (secret_string === undefined) === (secret_binary === undefined) || !isAllText) {
    throw new Unreadable(
      "Each item of the list needs a name, and secret_string or secret_binary; all of them are text.",
      placeOf(file, span.start).line,
    );
  }
  const about = { name, ...(description && { description }) };
  return secret_string === undefined ? { ...about, secret_binary: secret_binary ?? "" } : { ...about, secret_string };
}

const ESCAPES: Record<string, string> = {
  "\\n": "\n",
  "\\r": "\r",
  "\\t": "\t",
  '\\"': '"',
  "\\\\": "\\",
  "\\$": "$",
};

const ENV_NAME = /[ \t]*(?:export[ \t]+)?([A-Za-z_][\w.-]*)[ \t]*=/y;
const ENV_BLANKS = /[ \t]*/y;
const ENV_BARE = /[^\r\n]*/y;
/** The rest of a line after a quotation. */
const ENV_COMMENT = /[ \t]*(?:[ \t]#[^\r\n]*)?(?:\r\n|\n|\r|$)/y;
/** The rest of a line after anything else, or a line without a name. */
const ENV_END = /[ \t]*(?:#[^\r\n]*)?(?:\r\n|\n|\r|$)/y;

/**
 * Lines of `NAME=value`; quoted values may have several lines, and in double quotes escapes. What begins with a quotation mark
 * and is not a whole quotation is refused, and so is what begins with a backtick: programs that read such files disagree about
 * it.
 */
function readEnv(text: string): Exported[] {
  const found: Exported[] = [];
  let at = 0;
  /** Goes behind what the sticky pattern matches here. */
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const matched = pattern.exec(text);
    if (matched) at = pattern.lastIndex;
    return matched;
  };
  while (at < text.length) {
    const start = at;
    const name = match(ENV_NAME)?.[1];
    const afterName = at;
    match(ENV_BLANKS);
    const mark = name === undefined ? undefined : text[at];
    let isRead: boolean;
    if (mark === "'" || mark === '"') {
      const end = mark === "'" ? text.indexOf(mark, at + 1) : doubleEnd(text, at + 1);
      const inside = text.slice(at + 1, end);
      at = end + 1;
      isRead = end >= 0 && match(ENV_COMMENT) !== null;
      const value = mark === "'" ? inside : inside.replace(/\\[\s\S]/g, (pair) => ESCAPES[pair] ?? pair);
      if (isRead && name !== undefined) found.push({ name, secret_string: value });
    } else {
      at = afterName;
      const bare = name === undefined ? "" : (match(ENV_BARE)?.[0] ?? "");
      isRead = mark !== "`" && match(ENV_END) !== null;
      if (isRead && name !== undefined) found.push({ name, secret_string: withoutComment(bare) });
    }
    if (!isRead) throw new Unreadable("This line is not NAME=value.", placeOf(text, start).line);
  }
  return found;
}

/**
 * Where the double quotation mark is that ends the text beginning at `start`, behind its escapes; -1 if there is none. An
 * expression would remember each escape, and run out of memory for them in a text of millions.
 */
function doubleEnd(text: string, start: number): number {
  let at = start;
  while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at < text.length ? at : -1;
}

/** A value without quotation marks: to the comment behind it, without the blanks around it. */
function withoutComment(bare: string): string {
  const comment = bare.search(/[ \t]#/);
  const isBlank = (at: number) => bare[at] === " " || bare[at] === "\t";
  let [start, end] = [0, comment < 0 ? bare.length : comment];
  while (start < end && isBlank(start)) start += 1;
  while (end > start && isBlank(end - 1)) end -= 1;
  return bare.slice(start, end);
}

const COLUMNS = ["name", "value", "description"];

/**
 * Columns `name` and `value`, and perhaps `description`; without such a head, the first is the name and the second the value.
 * A row with more cells is refused: a comma that stands in no quotation would cut its value.
 */
function readCsv(text: string): Exported[] {
  const rows = rowsOf(text).filter(({ cells }) => cells.length > 1 || cells[0] !== "");
  const head = (rows[0]?.cells ?? []).map((cell) => cell.trim().toLowerCase());
  const hasHead = head.includes("name") && head.includes("value");
  if (hasHead && (new Set(head).size < head.length || !head.every((column) => COLUMNS.includes(column)))) {
    throw new Unreadable("Only the columns name, value and description are read, once each. Leave out the others.", 1);
  }
  const columns = hasHead ? head : ["name", "value"];
  return rows.slice(hasHead ? 1 : 0).map(({ cells, line }) => {
    if (cells.length > columns.length) {
      throw new Unreadable(
        hasHead
          ? "This row has more cells than there are columns. Put a value that holds a comma into quotation marks."
          : "This row has more cells than a name and a value. Put a value that holds a comma into quotation marks, or begin with the line name,value.",
        line,
      );
    }
    const [name, value, description] = COLUMNS.map((column) => cells[columns.indexOf(column)]);
    if (name === undefined || value === undefined) throw new Unreadable("Each row needs a name and a value.", line);
    return { name: name.trim(), secret_string: value, ...(description && { description }) };
  });
}

interface Row {
  cells: string[];
  /** Where it begins, from 1. */
  line: number;
}

/** The rows of CSV (RFC 4180). */
function rowsOf(text: string): Row[] {
  let row: Row = { cells: [], line: 1 };
  const rows = [row];
  const [bare, end] = [/[^",\r\n]*/y, /,|\r\n|\n|\r|$/y];
  let [at, line] = [0, 1];
  while (at <= text.length) {
    const start = at;
    const isQuoted = text[at] === '"';
    bare.lastIndex = at;
    const cell = isQuoted ? text.slice(at + 1, quotesEnd(text, at + 1)) : (bare.exec(text)?.[0] ?? "");
    end.lastIndex = at + cell.length + (isQuoted ? 2 : 0);
    const ended = end.exec(text)?.[0];
    if (ended === undefined) throw new Unreadable("A quotation mark is not closed.", line);
    row.cells.push(isQuoted ? cell.replaceAll('""', '"') : cell);
    at = end.lastIndex;
    line += text.slice(start, at).match(/\r\n|\n|\r/g)?.length ?? 0;
    if (ended === "") break;
    if (ended === ",") continue;
    row = { cells: [], line };
    rows.push(row);
  }
  return rows;
}

/** Where the quotation mark is that ends a cell, past doubled ones; the end of the text if there is none. */
function quotesEnd(text: string, start: number): number {
  let end = text.indexOf('"', start);
  while (end >= 0 && text[end + 1] === '"') end = text.indexOf('"', end + 2);
  return end < 0 ? text.length : end;
}
