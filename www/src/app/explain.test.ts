// A failure is said in the words of the console; what somebody else has worded is the detail.

import { CsmsError } from "csms";
import { expect, test, vi } from "vitest";

vi.hoisted(() => Object.assign(globalThis, { addEventListener: () => undefined }));

import { codeWords, explain, refusalWords } from "./explain";
import words from "./zh";

const chinese = words as Record<string, string>;
/** A Chinese sentence, or the text where there is none. */
const t = (text: string) => chinese[text] ?? text;

const service = (code: string, message: string, status = 400) =>
  new CsmsError("client/unknown-code", message, { status, serviceCode: code });
const coded = (code: string, message: string, status = 400) =>
  new CsmsError(code as CsmsError["code"], message, { status });

const grantExists = coded("CSMS.0101", "The user already has a grant on the secret; change its end instead");
const FAILURES = [
  service("PAP5.9999", "some refusal that nobody knows"),
  coded("PAP5.0011", "malformed policy document: the condition operator Foo is not known at line 5 column 61"),
  service("PAP5.0011", "malformed policy document: expected value"),
  coded("CSMS.0002", "Invalid parameter: grantee_target_id must name a user of this installation"),
  coded("CSMS.0002", "Invalid parameter: secret_name must match ^[a-zA-Z0-9_-]{1,64}$"),
  coded("CSMS.0002", "Invalid parameter: something_new must be even"),
  grantExists,
  coded("CSMS.0401", "secret_name_list[1]: the key is disabled"),
  coded("CSMS.9999", "Internal error", 500),
  new CsmsError("input/invalid", "passphrase must be at most 1024 bytes long (got 1200)", { field: "passphrase" }),
  new CsmsError("input/invalid", "unheard_of must be even", { field: "unheard_of" }),
];

test("every failure is said in Chinese, and what the service said stays as the detail", () => {
  for (const error of FAILURES) {
    const { what, next, detail } = explain(error, t);
    expect(what, error.message).toMatch(/^[^a-z]*\p{Script=Han}/u);
    expect(next, error.message).toMatch(/\p{Script=Han}/u);
    expect(detail).toBe(error.message);
  }
});

test("a grant that exists is not called a secret", () => {
  const plain = (text: string) => text;
  expect(explain(grantExists, plain).what).toBe("There is one already.");
  const message = "A secret of this name already exists in the project";
  expect(explain(coded("CSMS.0101", message), plain).what).toBe("A secret of this name exists.");
});

test("why one of several was refused is said in words too", () => {
  const plain = (text: string) => text;
  expect(refusalWords("A secret of this name already exists in the project", plain)).toBe(
    "A secret of this name exists.",
  );
  expect(refusalWords("Invalid parameter: kms_key_id must be a key", plain)).toMatch(/^Choose a key/);
  expect(refusalWords("something else", plain)).toBe("The service refuses this.");
});

test("a code that is a word of the language itself has no words", () => {
  for (const code of ["constructor", "__proto__", "toString"]) expect(codeWords(code, t)).toBeUndefined();
});
