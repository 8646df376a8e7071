// What is taken to seal with, and what is not.

import { init } from "csms";
import { beforeAll, expect, test } from "vitest";

import { isPrivateKey, keyPair, NO_SEALING, sealingProblem } from "./sealing";

beforeAll(() => init());

test("a passphrase that the rules do not take is refused in the words of the page", () => {
  const problem = (passphrase: string) =>
    sealingProblem({ ...NO_SEALING, way: "passphrase", passphrase, repeated: passphrase });
  expect(problem("x".repeat(1024))).toBeUndefined();
  for (const wrong of ["x".repeat(1025), "终".repeat(342), `half of a pair: \ud800`])
    expect(problem(wrong)).toBe("A passphrase is made of whole characters, at most 1,024 bytes.");
});

test("the private half of a key is told from the public one", async () => {
  const { publicKey, privateKey } = await keyPair();
  expect([isPrivateKey(publicKey), isPrivateKey(privateKey)]).toEqual([false, true]);
  expect(isPrivateKey(privateKey.slice(0, privateKey.lastIndexOf('"d":') + 4))).toBe(true);
  expect(isPrivateKey("-----BEGIN EC PRIVATE KEY-----\nAAAA")).toBe(true);
  expect(isPrivateKey("-----BEGIN PUBLIC KEY-----\nAAAA")).toBe(false);
});
