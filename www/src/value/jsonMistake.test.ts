import fc from "fast-check";
import { expect, test } from "vitest";

import { jsonMistake } from "./jsonMistake";

const isJson = (text: string) => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

test("what JSON.parse reads has no mistake", () => {
  fc.assert(
    fc.property(
      fc.json(),
      fc.constantFrom(0, 2),
      (json, indent) => jsonMistake(JSON.stringify(JSON.parse(json), null, indent)) === undefined,
    ),
  );
});

test("every character that JSON allows in a text is allowed, and no other", () => {
  for (let unit = 0; unit < 0x10000; unit += 1) {
    const text = `{"a":"${String.fromCharCode(unit)}"}`;
    if ((jsonMistake(text) === undefined) !== isJson(text)) throw new Error(`U+${unit.toString(16)}`);
  }
});

test("what JSON.parse refuses has one, and nothing else has", () => {
  const pieces = fc.constantFrom(
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"a"',
    "1",
    "01",
    "-",
    "true",
    "nul",
    " ",
    "\n",
    '"\\x"',
    "1.",
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 10 }), (parts) => {
      const text = parts.join("");
      expect(jsonMistake(text) === undefined).toBe(isJson(text));
    }),
    { numRuns: 3000 },
  );
});

test("the place of a mistake is its line and column", () => {
  expect(jsonMistake('{\n  "a": 1,\n  "b" 2\n}')).toEqual({ line: 3, column: 7 });
  expect(jsonMistake('{"a": 1,}')).toEqual({ line: 1, column: 9 });
  expect(jsonMistake('{"a": 1')).toEqual({ line: 1, column: 8 });
});

test("a text may hold millions of escapes", () => {
  const escapes = "\\n".repeat(5_000_000);
  expect(jsonMistake(`{"a":"${escapes}"}`)).toBeUndefined();
  expect(jsonMistake(`{"a":\n"${escapes}"`)).toEqual({ line: 2, column: escapes.length + 3 });
}, 60_000);
