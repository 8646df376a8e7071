// Lists are edited, and JSON is laid out, without a change to what is written in it.

import fc from "fast-check";
import { expect, test } from "vitest";

import { indented, parseArray, parseObject, withItem } from "./json";

const added = (text: string) => {
  const list = parseArray(text);
  return list && withItem(text, list, '"c"');
};

test("an item is added at the end, separated as the others are", () => {
  expect(added('["a","b"]')).toBe('["a","b","c"]');
  expect(added('[ "a", "b" ]')).toBe('[ "a", "b", "c" ]');
  expect(added('[\n  "a"\n]')).toBe('[\n  "a",\n  "c"\n]');
  expect(added("[]")).toBe('["c"]');
  expect(added("[1.0, 12345678901234567890]")).toBe('[1.0, 12345678901234567890, "c"]');
});

test("what is not a list has no items", () => {
  for (const text of ["", "{}", "[1", "[1,]", "[1] 2", '"[]"']) expect(parseArray(text), text).toBeUndefined();
});

test("JSON is laid out as its usual writer does", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const usual = JSON.stringify(JSON.parse(text), null, 2);
      expect(indented(JSON.stringify(JSON.parse(text)))).toBe(usual);
      expect(indented(usual)).toBe(usual);
    }),
  );
});

test("laying out keeps numbers, escapes and equal keys as they are written", () => {
  expect(indented('{"a":1.0,"a":12345678901234567890,"\\u0061 , {":"\\"[\\u2014"}')).toBe(
    '{\n  "a": 1.0,\n  "a": 12345678901234567890,\n  "\\u0061 , {": "\\"[\\u2014"\n}',
  );
});

test("a text may hold millions of escapes", () => {
  const escapes = "\\u0041".repeat(5_000_000);
  expect(parseObject(`{"a":"${escapes}"}`)?.members[0]?.text.length).toBe(5_000_000);
  expect(parseObject(`{"a":"${escapes}\\x"}`)).toBeUndefined();
  expect(indented(`["${escapes}"]`) === `[\n  "${escapes}"\n]`).toBe(true);
}, 60_000);
