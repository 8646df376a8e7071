import { expect, test } from "vitest";

import { fill } from "./fill";

test("values stand where they are named, and nothing in them is filled again", () => {
  expect(fill("{a} of {b}, {c}", { a: 1, b: "{a}" })).toBe("1 of {a}, {c}");
});

test("a word follows its number", () => {
  const text = "Delete {count:secret|secrets}";
  expect([0, 1, 2, "1,000"].map((count) => fill(text, { count }))).toEqual([
    "Delete 0 secrets",
    "Delete 1 secret",
    "Delete 2 secrets",
    "Delete 1,000 secrets",
  ]);
});
