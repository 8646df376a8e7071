import type { Trace } from "csms";
import { expect, test } from "vitest";

import { whoDid } from "./traces";

const shown = (name: string) =>
  whoDid({ user: { name } as Trace["user"] }, (text, values = {}) =>
    text.replace(/\{(\w+)\}/g, (_, key: string) => `<${values[key]}>`),
  );

test("who did something is said in words that can be translated", () => {
  expect(shown("alice")).toBe("alice");
  expect(shown("")).toBe("the service");
  expect(shown("alice through rotate-database")).toBe("<alice> through <rotate-database>");
  expect(shown("rotation task 12-34")).toBe("rotation task <12-34>");
});

test("a name that only looks like one of these stays as it is", () => {
  for (const name of ["rotation task", "rotation task a b", "through it", "alice through "])
    expect(shown(name)).toBe(name);
});
