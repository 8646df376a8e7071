// An engine whose WebCrypto is missing, in parts or whole, or throws: each failure has a code, and no key is lost by it.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";

import { project } from "./unpack.mjs";

const directory = await project({ after }, "node");
const csms = await import(pathToFileURL(join(directory, "node_modules/csms/lib/node.js")));
const binding = { name: "demo", purpose: "test" };
const own = Object.getOwnPropertyDescriptor(globalThis, "crypto");
const real = globalThis.crypto;

const fail = () => {
  throw new RangeError("no cryptography");
};
const getRandomValues = (array) => real.getRandomValues(array);
const refuse = async () => {
  throw new DOMException("not here", "NotSupportedError");
};
const ENGINES = {
  "no WebCrypto": { value: undefined },
  "a WebCrypto that cannot be asked for": { get: fail },
  "a WebCrypto without its main part": { value: { getRandomValues } },
  "a main part that cannot be asked for": { value: { getRandomValues, get subtle() { return fail(); } } },
  "a main part without methods": { value: { getRandomValues, subtle: {} } },
  "methods that throw": { value: { getRandomValues, subtle: new Proxy({}, { get: () => fail }) } },
  "methods that fail": { value: { getRandomValues, subtle: new Proxy({}, { get: () => refuse }) } },
};

/** Runs `work` in an engine that has this WebCrypto. */
async function inEngine(descriptor, work) {
  Object.defineProperty(globalThis, "crypto", { configurable: true, ...descriptor });
  try {
    return await work();
  } finally {
    Object.defineProperty(globalThis, "crypto", own);
  }
}

for (const [what, descriptor] of Object.entries(ENGINES)) {
  test(`${what} is told by its code, and keys stay`, async () => {
    const key = csms.JweKey.dataKey(new Uint8Array(32));
    const token = await key.seal("s3cr3t", binding);
    const passphrase = () => csms.JweKey.passphrase("correct horse", { iterations: 10_000 });
    const locked = await passphrase().seal("s3cr3t", binding);
    const calls = [
      () => passphrase().seal("x", binding),
      () => passphrase().open(locked, binding),
      () => csms.JweKey.generate("ECDH-ES+A256KW"),
      () => key.seal("x", { ...binding, engine: "webcrypto" }),
      () => key.open(token, { ...binding, engine: "webcrypto" }),
    ];
    for (const call of calls) {
      const error = await inEngine(descriptor, () => call().catch((error) => error));
      assert.ok(error instanceof csms.CsmsError, `${call}: ${error}`);
      assert.ok(["client/unsupported", "seal/randomness"].includes(error.code), `${call}: ${error.code}`);
      assert.equal(key.algorithm, "dir");
    }
    const opened = await inEngine(descriptor, () => key.openText(token, { ...binding, engine: "wasm" }));
    assert.equal(opened, "s3cr3t");
  });
}

test("halves of a key that do not belong together are told as before", async () => {
  const [one, other] = [await csms.JweKey.generate("ECDH-ES+A256KW"), await csms.JweKey.generate("ECDH-ES+A256KW")];
  const mixed = csms.JweKey.fromJwk({ ...one.toJwk(), d: other.toJwk().d });
  const token = await one.seal("s3cr3t", binding);
  await assert.rejects(mixed.open(token, binding), { code: "jwk/private-key" });
});
