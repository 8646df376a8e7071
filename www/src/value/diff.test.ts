// What the comparison of two values says.

import { expect, test } from "vitest";

import { differences, isIdentical } from "./diff";

const text = (secret_string: string) => ({ secret_string });

test("a change of the type alone is a change, with both types", () => {
  expect(differences(text('{"port":5432}'), text('{"port":"5432"}'))).toEqual([
    { key: "port", change: "changed", before: "5432", after: "5432", types: ["number", "string"] },
  ]);
});

test("the same keys and values in another spelling are not the same text", () => {
  const [one, other] = [text('{"user":"app","ratio":1}'), text('{\n  "ratio": 1, "user": "\\u0061pp"\n}\n')];
  expect(differences(one, other).every(({ change }) => change === "same")).toBe(true);
  expect(isIdentical(one, other)).toBe(false);
});

test("numbers that differ in spelling only are shown as changed", () => {
  expect(differences(text('{"n":1.0}'), text('{"n":1}'))[0]?.change).toBe("changed");
});

test("text without keys is compared as a whole", () => {
  expect(differences(text("a"), text("a\n"))).toEqual([
    { key: undefined, change: "changed", before: "a", after: "a\n" },
  ]);
});

test("an empty key is a key as any other", () => {
  const found = differences(text('{"":"a","Value":"b"}'), text('{"":"z","Value":"b"}'));
  expect(found.map(({ key, change }) => [key, change])).toEqual([
    ["", "changed"],
    ["Value", "same"],
  ]);
});

test("text and bytes with the same letters differ", () => {
  expect(differences(text("YQ=="), { secret_binary: "YQ==" })[0]?.change).toBe("changed");
});
