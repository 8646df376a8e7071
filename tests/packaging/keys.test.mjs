// Keys of the packed package: what is refused, when, and by which name.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";

import { project } from "./unpack.mjs";

const directory = await project({ after }, "node");
const csms = await import(pathToFileURL(join(directory, "node_modules/csms/lib/node.js")));
const binding = { name: "demo", purpose: "test" };

const codeOf = async (work) => {
  try {
    await work();
  } catch (error) {
    if (error instanceof csms.CsmsError) return error.code;
    throw error;
  }
  return "none";
};

/** A private JSON Web Key of its own. */
async function privateJwk() {
  const key = await csms.JweKey.generate("ECDH-ES+A256KW");
  const jwk = key.toJwk();
  key.free();
  return jwk;
}

test("a generated key pair is one of WebCrypto too, and says what it is for", async () => {
  const { d, ...jwk } = await privateJwk();
  assert.equal(jwk.alg, "ECDH-ES+A256KW");
  assert.equal(Buffer.from(d, "base64url").length, 32);
  await crypto.subtle.importKey("jwk", { ...jwk, alg: undefined, d }, { name: "ECDH", namedCurve: "P-256" }, false, ["deriveBits"]);
});

test("a public key that is no point of the curve is refused when it is read", async () => {
  const { d: _, ...jwk } = await privateJwk();
  const other = await privateJwk();
  assert.equal(await codeOf(() => csms.JweKey.fromJwk({ ...jwk, y: other.y })), "jwk/not-on-curve");
  const outside = Buffer.alloc(32, 0xff).toString("base64url");
  assert.equal(await codeOf(() => csms.JweKey.fromJwk({ ...jwk, x: outside })), "jwk/not-on-curve");
});

test("a private key of another public key opens nothing and is named", async () => {
  const [one, other] = [await privateJwk(), await privateJwk()];
  const mixed = csms.JweKey.fromJwk({ ...one, d: other.d });
  const token = await mixed.seal("s3cr3t", binding);
  assert.equal(await codeOf(() => mixed.open(token, binding)), "jwk/private-key");
  const right = csms.JweKey.fromJwk(one);
  assert.equal(await right.openText(token, binding), "s3cr3t");
});

test("a private key that is zero or beyond the order of the curve opens nothing", async () => {
  const one = await privateJwk();
  const token = await csms.JweKey.fromJwk(one).seal("s3cr3t", binding);
  for (const fill of [0, 0xff]) {
    const wrong = csms.JweKey.fromJwk({ ...one, d: Buffer.alloc(32, fill).toString("base64url") });
    assert.equal(await codeOf(() => wrong.open(token, binding)), "jwk/private-key");
  }
});

test("a public key seals and does not open", async () => {
  const { d: _, ...jwk } = await privateJwk();
  const key = csms.JweKey.fromJwk(jwk);
  assert.equal(key.opens, false);
  assert.equal(await codeOf(async () => key.open(await key.seal("x", binding), binding)), "jwk/public");
});

test("a freed key does nothing more, whatever its algorithm", async () => {
  const keys = [csms.JweKey.passphrase("correct horse", { iterations: 10_000 })];
  for (const algorithm of ["dir", "A256GCMKW", "ECDH-ES+A256KW"]) keys.push(await csms.JweKey.generate(algorithm));
  for (const key of keys) {
    const token = await key.seal("x", binding);
    key.free();
    assert.equal(await codeOf(() => key.seal("x", binding)), "client/freed");
    assert.equal(await codeOf(() => key.open(token, binding)), "client/freed");
  }
});

test("without WebCrypto passphrases and elliptic keys say so, and symmetric keys work", async (context) => {
  const [pair, passphrase] = [csms.JweKey.fromJwk(await privateJwk()), csms.JweKey.passphrase("correct horse")];
  const real = globalThis.crypto;
  Object.defineProperty(globalThis, "crypto", { value: { getRandomValues: real.getRandomValues.bind(real) }, configurable: true });
  context.after(() => Object.defineProperty(globalThis, "crypto", { value: real, configurable: true }));
  for (const key of [pair, passphrase]) assert.equal(await codeOf(() => key.seal("x", binding)), "client/unsupported");
  const key = await csms.JweKey.generate("A256GCMKW");
  assert.equal(await key.openText(await key.seal("x".repeat(100_000), binding), binding), "x".repeat(100_000));
});

test("what WebCrypto derived for a token is wiped once it is sealed or refused", async () => {
  const { deriveBits } = crypto.subtle;
  const secrets = [];
  crypto.subtle.deriveBits = async function (...values) {
    const secret = await deriveBits.apply(this, values);
    secrets.push(new Uint8Array(secret));
    assert.ok(secrets.at(-1).some((byte) => byte !== 0));
    return secret;
  };
  const keys = [csms.JweKey.passphrase("correct horse", { iterations: 10_000 }), await csms.JweKey.generate("ECDH-ES+A256KW")];
  try {
    for (const key of keys) {
      // The keys' own check derives secrets too.
      await key.seal("first", binding);
      secrets.length = 0;
      for (const engine of ["wasm", "webcrypto"]) await key.seal("s3cr3t", { ...binding, engine });
      assert.equal(await codeOf(() => key.seal("s3cr3t", { ...binding, name: "no name" })), "input/invalid");
      assert.equal(secrets.length, 3);
      assert.ok(secrets.every((secret) => secret.every((byte) => byte === 0)));
    }
  } finally {
    crypto.subtle.deriveBits = deriveBits;
    for (const key of keys) key.free();
  }
});
