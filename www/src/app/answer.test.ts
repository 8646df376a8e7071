// Lists are taken from answers of the form that the service has for them alone.

import { expect, test } from "vitest";

import { isText, listIn, membersIn } from "./answer";

test("a list is taken as it is", () => {
  expect(listIn({ names: ["a", "b"] }, "names", isText)).toEqual(["a", "b"]);
  expect(listIn({ names: [] }, "names", isText)).toEqual([]);
});

test("what is no such list is not an answer of the service", () => {
  for (const body of [undefined, null, 1, "names", [], {}, { names: null }, { names: {} }, { names: ["a", 1] }])
    expect(() => listIn(body, "names", isText), JSON.stringify(body)).toThrow(
      expect.objectContaining({ code: "client/unexpected-answer" }),
    );
});

test("only an object has members", () => {
  expect(membersIn({ a: 1 })).toEqual({ a: 1 });
  for (const body of [undefined, null, 1, "text"]) expect(membersIn(body)).toEqual({});
});
