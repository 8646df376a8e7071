// Lines that arrive late do not come under Enter.

import { expect, test } from "vitest";

import { highlighted } from "./highlighted";

const lines = (...places: string[]) => places.map((href) => ({ href }));

test("a line stays highlighted when others arrive before it", () => {
  expect(highlighted(lines("#/keys"), "#/keys")).toBe(0);
  expect(highlighted(lines("#/secrets/api-key", "#/keys"), "#/keys")).toBe(1);
});

test("the first line is highlighted when there is nothing to stay with", () => {
  expect([highlighted(lines("#/a", "#/b"), undefined), highlighted(lines("#/a", "#/b"), "#/gone")]).toEqual([0, 0]);
});
