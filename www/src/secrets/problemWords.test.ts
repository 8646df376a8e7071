// People are told what is allowed, never a pattern.

import {
  checkText,
  type Problem,
  type Result,
  validateCreateSecret,
  validateScheduleDeletion,
  validateUpdateVersion,
} from "csms";
import { expect, test } from "vitest";

import { problemWords, refusedFieldWords } from "./problemWords";

const plain = (text: string, values: Record<string, string | number> = {}) =>
  text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name]));
const problemsOf = (result: Result<unknown>): Problem[] => (result.ok ? [] : result.problems);

const rotated = {
  name: "a",
  secret_string: "1",
  secret_type: "RDS-FG",
  rotation_func_urn: "x",
  rotation_config: "y",
} as const;
const found = [
  validateCreateSecret({ name: "no name", secret_string: "x", description: "x".repeat(3000), kms_key_id: "x" }),
  validateCreateSecret({ name: "", secret_string: "x".repeat(40_000), event_subscriptions: ["a b"] }),
  validateCreateSecret({ name: "a", secret_binary: "A".repeat(40_000) }),
  validateCreateSecret({ ...rotated, auto_rotation: true, rotation_period: "1h" }),
  validateCreateSecret({ ...rotated, auto_rotation: true, rotation_period: "often" }),
  validateScheduleDeletion({ secret_name: "a", recovery_window_in_days: 5 }),
  validateUpdateVersion({ secret_name: "a", version_id: "v1", expire_time: 5 }),
  checkText("stage_name", "a b"),
  checkText("event_name", "a b"),
].flatMap(problemsOf);

test("every problem of a field has words without a pattern or the name of a parameter", () => {
  expect(found.length).toBeGreaterThan(12);
  for (const problem of found) expect(problemWords(problem, plain)).not.toMatch(/must |\^\[|[a-z]_[a-z]/);
});

test("a limit and what was measured are said", () => {
  const tooLong = found.find(({ path, rule }) => path === "secret_string" && rule === "too-long");
  expect(tooLong && problemWords(tooLong, plain)).toBe("A value has at most 32768 bytes; this one has 40000.");
});

test("the limit of a file is that of its bytes, not of the Base64 that stands for them", () => {
  for (const [maxValueBytes, words] of [
    [32_768, "A file has at most 24576 bytes: it is stored as Base64."],
    [65_536, "A file has at most 49152 bytes: it is stored as Base64."],
  ] as const) {
    const [problem] = problemsOf(
      validateCreateSecret({ name: "a", secret_binary: "A".repeat(maxValueBytes + 4) }, { maxValueBytes }),
    );
    expect(problem && problemWords(problem, plain)).toBe(words);
  }
});

test("what the service refuses is said in the words of the field", () => {
  expect(refusedFieldWords("Invalid parameter: tag.value must match ^([\\p{L}]*)$.", plain)).toMatch(/^Use letters/);
  expect(refusedFieldWords("Something else.", plain)).toBeUndefined();
});
