import { checkText, parseRotationPeriod, validateCreateSecret, validateUpdateSecret } from "csms";
import { expect, test } from "vitest";

import { judgeable, judged } from "./judgeable";

const HALF = "\ud800";
const LONG = "x".repeat(5 << 20);

test("a text that a rule may allow stays as it is", () => {
  for (const text of ["", "app-db", "凭据 😀", "x".repeat(65_536)]) expect(judgeable(text)).toBe(text);
});

test("a text that is too long or not well-formed is refused by the rules and does not make them throw", () => {
  for (const text of [HALF, `a${HALF}b`, `\udc00`, LONG, `${"x".repeat(199_999)}😀😀`]) {
    expect(checkText("stage_name", judgeable(text)).ok).toBe(false);
    expect(parseRotationPeriod(judgeable(text)).ok).toBe(false);
  }
});

test("a request with such texts has problems at the members that hold them", () => {
  const request = { name: `a${HALF}`, description: LONG, secret_string: LONG };
  const result = judged(request, (each) => validateCreateSecret(each));
  expect(result.ok).toBe(false);
  const problems = result.ok ? [] : result.problems.map(({ path, rule, got }) => [path, rule, got]);
  expect(problems).toContainEqual(["secret_string", "too-long", LONG.length]);
  expect(problems).toContainEqual(["name", "type", undefined]);
  expect([...new Set(problems.map(([path]) => path))].sort()).toEqual(["description", "name", "secret_string"]);
});

test("people are told the bytes of what they typed", () => {
  const secret_string = "终".repeat(300_000);
  const result = judged({ name: "a", secret_string }, (each) => validateCreateSecret(each));
  expect(result.ok ? [] : result.problems).toMatchObject([{ rule: "too-long", got: 900_000 }]);
});

test("a value that holds half a character is refused at its place, as no rule would", () => {
  for (const request of [
    { name: "a", secret_string: HALF },
    { name: "a", secret_string: "x", description: `\udc00${"d".repeat(300_000)}` },
  ]) {
    const result = judged(request, (each) => validateCreateSecret(each));
    const path = "description" in request ? "description" : "secret_string";
    expect(result.ok ? [] : result.problems).toContainEqual(expect.objectContaining({ path, rule: "type" }));
  }
});

test("what is allowed stays allowed", () => {
  expect(judged({ secret_name: "a", description: "终" }, (each) => validateUpdateSecret(each)).ok).toBe(true);
});
