// Where a text stops being JSON. Engines name the place differently or not at all, so it is looked for here. Pure.

import { blanksEnd, stringEnd } from "./json";

export interface Place {
  /** From 1. */
  line: number;
  /** From 1, in UTF-16 units. */
  column: number;
}

/** Everything but strings. */
const TOKEN = /([{}[\],:])|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|(?:true|false|null)(?!\w)/uy;

/** What may come next: a value, a key, or what separates and closes. */
type Expected = "value" | "value-or-end" | "key" | "key-or-end" | "colon" | "separator" | "nothing";

/** The first place at which a text is no longer JSON; `undefined` for JSON. */
export function jsonMistake(text: string): Place | undefined {
  const open: string[] = [];
  let expected: Expected = "value";
  for (let at = blanksEnd(text, 0); at < text.length; ) {
    TOKEN.lastIndex = at;
    const isText = text[at] === '"';
    const found = isText ? null : TOKEN.exec(text);
    const end = isText ? stringEnd(text, at) : found ? TOKEN.lastIndex : undefined;
    const next: Expected | undefined = end === undefined ? undefined : after(expected, found?.[1], isText, open);
    if (end === undefined || next === undefined) return placeOf(text, at);
    expected = next;
    at = blanksEnd(text, end);
  }
  return expected === "nothing" ? undefined : placeOf(text, text.trimEnd().length);
}

/** What may follow; `undefined` if the token may not stand here. It keeps account of what is open. */
function after(expected: Expected, sign: string | undefined, isText: boolean, open: string[]): Expected | undefined {
  const closed = () => {
    open.pop();
    return open.length === 0 ? "nothing" : "separator";
  };
  const top = open.at(-1);
  if (sign === "}" && top === "{" && (expected === "separator" || expected === "key-or-end")) return closed();
  if (sign === "]" && top === "[" && (expected === "separator" || expected === "value-or-end")) return closed();
  if (sign === ",") return expected === "separator" ? (top === "{" ? "key" : "value") : undefined;
  if (sign === ":") return expected === "colon" ? "value" : undefined;
  if (expected === "key" || expected === "key-or-end") return isText ? "colon" : undefined;
  if (expected !== "value" && expected !== "value-or-end") return undefined;
  if (sign === "{" || sign === "[") {
    open.push(sign);
    return sign === "{" ? "key-or-end" : "value-or-end";
  }
  if (sign !== undefined) return undefined;
  return open.length === 0 ? "nothing" : "separator";
}

/** The line and column of a place in a text. */
export function placeOf(text: string, index: number): Place {
  const lines = text.slice(0, index).split(/\r\n|\n|\r/);
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
}
