import { expect, test } from "vitest";

import { verdictOf, withAction } from "./policyCheck";

test("the lists of an answer become one by name, each action with its verdict", () => {
  const verdict = verdictOf({
    allowed: ["csms:secret:list"],
    denied: ["csms:secret:delete"],
    depends: [{ action: "csms:secret:get", on: ["Resource"] }],
  });
  expect(verdict.actions.map(({ action, verdict }) => [action, verdict])).toEqual([
    ["csms:secret:delete", "denied"],
    ["csms:secret:get", "depends"],
    ["csms:secret:list", "allowed"],
  ]);
  expect(verdict.actions[1]?.on).toEqual(["Resource"]);
  expect(verdict.warnings).toEqual([]);
});

test("an action goes into the last statement, once", () => {
  const text = '{"Version":"5.0","Statement":[{"Effect":"Deny","Action":["a"]},{"Effect":"Allow","Action":["b"]}]}';
  const added = withAction(text, "c");
  expect(JSON.parse(added ?? "").Statement.map(({ Action }: { Action: string[] }) => Action)).toEqual([
    ["a"],
    ["b", "c"],
  ]);
  expect(withAction(added ?? "", "c")).toBe(added);
});

test("a text without a place for an action is left alone", () => {
  for (const text of [
    "",
    "{",
    "null",
    "[]",
    "{}",
    '{"Statement":[]}',
    '{"Statement":[{"Action":"a"}]}',
    '{"Statement":5}',
  ])
    expect(withAction(text, "c")).toBeUndefined();
});
