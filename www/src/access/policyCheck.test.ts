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

test("an added action leaves every other character as it is", () => {
  const condition = '"Condition":{"NumericEquals":{"g:X":[1.0,12345678901234567890]}}';
  const text = `{"Statement": "former", "Version":"5.0","Statement":[{"Action":["a"],${condition}, "Action" : [ "b", "c" ]}] }\n`;
  expect(withAction(text, "d")).toBe(text.replace('"b", "c"', '"b", "c", "d"'));
});

test("a single action that is a text becomes a list", () => {
  const text = '{"Statement":[{"Effect":"Allow","Action": "a"}]}';
  expect(withAction(text, "b")).toBe('{"Statement":[{"Effect":"Allow","Action": ["a","b"]}]}');
  expect(withAction(text, "a")).toBe(text);
});

test("a text without a place for an action is left alone", () => {
  for (const text of [
    "",
    "{",
    "null",
    "[]",
    "{}",
    '{"Statement":[]}',
    '{"Statement":[{"Action":["a",5]}]}',
    '{"Statement":[{"Action":{}}]}',
    '{"Statement":[{"NotAction":["a"]}]}',
    '{"Statement":5}',
  ])
    expect(withAction(text, "c")).toBeUndefined();
});

test("an answer of another form is not one of the service", () => {
  const lists = { allowed: ["a"], denied: [] };
  const wrong = [
    undefined,
    null,
    "text",
    [],
    {},
    { allowed: ["a"] },
    { ...lists, denied: "b" },
    { ...lists, allowed: [1] },
    { ...lists, depends: null },
    { ...lists, depends: [{ action: "c" }] },
    { ...lists, warnings: {} },
  ];
  for (const answer of wrong)
    expect(() => verdictOf(answer), JSON.stringify(answer)).toThrow(
      expect.objectContaining({ code: "client/unexpected-answer" }),
    );
  expect(verdictOf(lists).actions).toHaveLength(1);
});
