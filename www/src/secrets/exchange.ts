// Secrets as files: what the console exports, and what it reads from `.env`, JSON and CSV. Values are kept byte by byte.
// Pure.

import type { Secret } from "csms";

import { parseObject } from "../value/json";
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
 * @throws Unreadable for a name that occurs twice
 */
export function asOne(found: readonly Found[]): string {
  if (new Set(found.map(({ name }) => name)).size < found.length) {
    throw new Unreadable("A name occurs twice in the file, so that one of the values would be lost.");
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
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    throw new Unreadable("This is not JSON.");
  }
  if (Array.isArray(found)) return found.map(oneOfList);
  // An object that is read here is nested deeper than any secret.
  throw new Unreadable("A JSON file holds an object or a list.");
}

function oneOfList(item: unknown, index: number): Exported {
  const { name, description, secret_string, secret_binary } = (item ?? {}) as Record<string, unknown>;
  const isText = typeof secret_string === "string" && secret_binary === undefined;
  const isBinary = typeof secret_binary === "string" && secret_string === undefined;
  if (typeof name !== "string" || !(isText || isBinary)) {
    throw new Unreadable("Each item of the list needs a name, and secret_string or secret_binary.", index + 1);
  }
  const about = { name, ...(typeof description === "string" && description !== "" && { description }) };
  return isText ? { ...about, secret_string } : { ...about, secret_binary: secret_binary as string };
}

const ESCAPES: Record<string, string> = { n: "\n", r: "\r", t: "\t", '"': '"', "\\": "\\", $: "$" };

/**
 * Lines of `NAME=value`; quoted values may have several lines, and in double quotes escapes. What begins with a quotation mark
 * and is not a whole quotation is refused: programs that read such files disagree about it.
 */
function readEnv(text: string): Exported[] {
  const found: Exported[] = [];
  const quotation = /'([^']*)'|"([^"\\]*(?:\\[\s\S][^"\\]*)*)"/.source;
  const value = `=(?:[ \\t]*(?:${quotation})[ \\t]*(?:[ \\t]#[^\\r\\n]*)?|(?![ \\t]*['"])([^\\r\\n]*))`;
  const name = "(?:export[ \\t]+)?([A-Za-z_][\\w.-]*)[ \\t]*";
  const line = new RegExp(`[ \\t]*(?:${name}${value}|#[^\\r\\n]*)?(?:\\r\\n|\\n|\\r|$)`, "y");
  let at = 0;
  while (at < text.length) {
    line.lastIndex = at;
    const matched = line.exec(text);
    if (!matched) throw new Unreadable("This line is not NAME=value.", text.slice(0, at).split(/\r\n|\n|\r/).length);
    const [whole, name, single, double, bare] = matched;
    if (name !== undefined) {
      const unescaped = double?.replace(/\\([\s\S])/g, (all, sign: string) => ESCAPES[sign] ?? all);
      found.push({ name, secret_string: single ?? unescaped ?? withoutComment(bare ?? "") });
    }
    at += whole.length;
    if (whole.length === 0) break;
  }
  return found;
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

/** Columns `name` and `value`, and perhaps `description`; without such a head, the first is the name and the second the value. */
function readCsv(text: string): Exported[] {
  const rows = rowsOf(text).filter((row) => row.length > 1 || row[0] !== "");
  const head = (rows[0] ?? []).map((cell) => cell.trim().toLowerCase());
  const hasHead = head.includes("name") && head.includes("value");
  const [name, value, description] = hasHead
    ? ["name", "value", "description"].map((column) => head.indexOf(column))
    : [0, 1, -1];
  return rows.slice(hasHead ? 1 : 0).map((row, index) => {
    const [key, text] = [row[name ?? 0], row[value ?? 1]];
    if (key === undefined || text === undefined) {
      throw new Unreadable("Each row needs a name and a value.", index + (hasHead ? 2 : 1));
    }
    const words = row[description ?? -1];
    return { name: key.trim(), secret_string: text, ...(words && { description: words }) };
  });
}

/** The cells of CSV (RFC 4180). */
function rowsOf(text: string): string[][] {
  const rows: string[][] = [[]];
  const cell = /(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|\r\n|\n|\r|$)/y;
  let at = 0;
  while (at <= text.length) {
    cell.lastIndex = at;
    const matched = cell.exec(text);
    if (!matched) throw new Unreadable("A quotation mark is not closed.", rows.length);
    const [whole, inQuotes, bare, end] = matched;
    rows.at(-1)?.push(inQuotes?.replaceAll('""', '"') ?? bare ?? "");
    at += whole.length;
    if (end === "") break;
    if (end !== ",") rows.push([]);
  }
  return rows.filter((row) => row.length > 0);
}
