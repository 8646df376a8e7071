// Passes tokens between this project and the npm package `jose`, both ways.
//
//   node jose.mjs open ../vectors/jwe.json   opens every token of `sealed`, and fails if one does not open
//   node jose.mjs make ../vectors/jwe.json   replaces jose's tokens in `foreign`, which the Rust tests open
//
// `jose` checks no binding; it only has to find it in the authenticated header.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { CompactEncrypt, base64url, compactDecrypt, importJWK } from "jose";

const [command, path] = process.argv.slice(2);
const vectors = JSON.parse(readFileSync(path, "utf8"));
const { version } = createRequire(import.meta.url)("jose/package.json");
const generator = `jose ${version}`;
const text = new TextEncoder();

const algorithms = ["dir", "A256GCMKW", "PBES2-HS512+A256KW", "ECDH-ES+A256KW"];

/** The algorithm of the tokens that a key of the vectors opens. */
function algorithmOf({ jwk, passphrase }) {
  if (passphrase !== undefined) return "PBES2-HS512+A256KW";
  if (jwk.kty === "EC") return "ECDH-ES+A256KW";
  return jwk.alg ?? "dir";
}

/** A key of the vectors as jose takes it. */
async function keyFor(name, { publicOnly = false } = {}) {
  const { jwk, passphrase } = vectors.keys[name];
  if (passphrase !== undefined) return text.encode(passphrase);
  const { d, ...rest } = jwk;
  const wanted = publicOnly || d === undefined ? rest : jwk;
  return importJWK(wanted, algorithmOf(vectors.keys[name]));
}

async function open(vector) {
  return compactDecrypt(vector.token, await keyFor(vector.key), {
    keyManagementAlgorithms: algorithms,
    contentEncryptionAlgorithms: ["A256GCM"],
    maxPBES2Count: 1_000_000,
  });
}

async function openAll() {
  const seen = new Set();
  for (const vector of vectors.sealed) {
    const { plaintext, protectedHeader } = await open(vector);
    const expected = vector.utf8 === undefined ? base64url.decode(vector.base64url) : text.encode(vector.utf8);
    assert.deepEqual(Buffer.from(plaintext), Buffer.from(expected), vector.name);
    assert.deepEqual(protectedHeader.csms, vector.binding, vector.name);
    seen.add(protectedHeader.alg);
  }
  assert.deepEqual([...seen].sort(), [...algorithms].sort());
  // What we call a failed decryption is one to others too: the vectors test the token, not our opinion.
  const failing = vectors.refused.filter(({ error }) => error === "decryption");
  for (const vector of failing) {
    await assert.rejects(open(vector), { code: "ERR_JWE_DECRYPTION_FAILED" }, vector.name);
  }
  console.log(`${generator} opened ${vectors.sealed.length} tokens and refused ${failing.length}`);
}

async function make(name, key, value, { binding = null, header = {}, parameters } = {}) {
  const bound = binding === null ? {} : { csms: binding };
  const encrypt = new CompactEncrypt(text.encode(value)).setProtectedHeader({
    alg: algorithmOf(vectors.keys[key]),
    enc: "A256GCM",
    ...header,
    ...bound,
  });
  if (parameters) encrypt.setKeyManagementParameters(parameters);
  const token = await encrypt.encrypt(await keyFor(key, { publicOnly: true }));
  return { name: `${name}, by jose`, generator, key, binding, utf8: value, token };
}

async function makeAll() {
  const binding = { name: "db-main", purpose: "value" };
  const made = [
    await make("dir", "data key", "s3cr3t"),
    await make("dir, bound", "data key", "凭据 🔑", { binding, header: { typ: "JWE", cty: "text/plain" } }),
    await make("dir, empty value", "named data key", "", { header: { kid: "data-1" } }),
    await make("A256GCMKW", "wrapping key", "s3cr3t"),
    await make("A256GCMKW, bound", "wrapping key", "s3cr3t", { binding }),
    await make("PBES2-HS512+A256KW", "passphrase", "s3cr3t", { parameters: { p2c: 10_000 } }),
    await make("PBES2-HS512+A256KW, bound, default count", "unicode passphrase", "s3cr3t", { binding }),
    await make("ECDH-ES+A256KW", "recipient", "s3cr3t"),
    await make("ECDH-ES+A256KW, bound, with apu and apv", "named recipient", "s3cr3t", {
      binding,
      parameters: { apu: text.encode("Alice"), apv: text.encode("Bob") },
    }),
  ];
  const others = vectors.foreign.filter((vector) => !vector.generator.startsWith("jose "));
  vectors.foreign = [...made, ...others];
  writeFileSync(path, `${JSON.stringify(vectors, null, 2)}\n`);
  console.log(`${generator} made ${made.length} tokens`);
}

const commands = { open: openAll, make: makeAll };
assert.ok(path && Object.hasOwn(commands, command), "usage: node jose.mjs open|make VECTORS");
await commands[command]();
