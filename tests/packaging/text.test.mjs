// What comes out is what went in: texts, passphrases and bytes through keys of the packed package.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";

import { project } from "./unpack.mjs";

const directory = await project({ after }, "node");
const csms = await import(pathToFileURL(join(directory, "node_modules/csms/lib/node.js")));
const binding = { name: "demo", purpose: "test" };
const key = csms.JweKey.dataKey(new Uint8Array(32).fill(3));
const ENGINES = ["wasm", "webcrypto", "node"];

/** A generator of numbers below 2^32 that gives the same ones in every run (xorshift). */
function* random(state = 2463534242) {
  for (;;) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    yield state >>> 0;
  }
}

/** A text of code points from all over Unicode, byte order marks and line ends among them. */
function textOf(numbers, length) {
  const points = [0xfeff, 0, 0x0d, 0x0a, 0x301, 0xe9, 0x10ffff, 0x7f, 0xfffd];
  const next = () => numbers.next().value;
  const point = () => {
    const drawn = next() % 0x110000;
    if (next() % 4 === 0) return points[next() % points.length];
    return drawn >= 0xd800 && drawn < 0xe000 ? 0x61 : drawn;
  };
  return Array.from({ length }, () => String.fromCodePoint(point())).join("");
}

for (const engine of ENGINES) {
  test(`every text comes back from ${engine} as it was sealed`, async () => {
    const numbers = random();
    const texts = ["\ufeff{}", "", "\r\n", "e\u0301", ...Array.from({ length: 200 }, (_, length) => textOf(numbers, length))];
    for (const text of texts) {
      assert.equal(await key.openText(await key.seal(text, { ...binding, engine }), { ...binding, engine }), text);
    }
  });

  test(`bytes of every length come back from ${engine} as they were sealed`, async () => {
    const numbers = random(7);
    for (let length = 0; length < 130; length += 1) {
      const bytes = Uint8Array.from({ length }, () => numbers.next().value);
      const token = await key.seal(bytes, { ...binding, engine });
      for (const opener of ENGINES) assert.deepEqual(await key.open(token, { ...binding, engine: opener }), bytes);
    }
  });

  test(`${engine} opens only the one text of a token`, async () => {
    for (const length of [1, 2, 3, 4, 5]) {
      const token = await key.seal(new Uint8Array(length), { ...binding, engine: "wasm" });
      const [header, , iv, ciphertext, tag] = token.split(".");
      const last = ciphertext.at(-1);
      const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
      const next = letters[(letters.indexOf(last) + 1) % 64];
      const changed = [
        ciphertext + "=", ciphertext + "==", ciphertext + "\n", " " + ciphertext, ciphertext + "A", ciphertext.slice(0, -1),
        ciphertext.slice(0, -1) + next, ciphertext + "+", ciphertext.slice(0, 1) + "/" + ciphertext.slice(2), ciphertext + "é",
      ];
      for (const text of changed) {
        const error = await key.open([header, "", iv, text, tag].join("."), { ...binding, engine }).catch((error) => error);
        assert.match(String(error.code), /^open\/(base64|decryption)$/, JSON.stringify(text));
      }
    }
  });
}

test("an engine that has no base64url of its own uses that of the module", async (context) => {
  const { Buffer } = globalThis;
  context.after(() => (globalThis.Buffer = Buffer));
  globalThis.Buffer = undefined;
  const engine = "webcrypto";
  for (let length = 0; length < 20; length += 1) {
    const bytes = new Uint8Array(length).fill(length);
    const token = await key.seal(bytes, { ...binding, engine });
    assert.deepEqual(await key.open(token, { ...binding, engine }), bytes);
    const [header, , iv, ciphertext, tag] = token.split(".");
    for (const text of [`${ciphertext}=`, ` ${ciphertext}`, `${ciphertext}+`]) {
      await assert.rejects(key.open([header, "", iv, text, tag].join("."), { ...binding, engine }), { code: "open/base64" });
    }
  }
});

test("a value that is not text is opened as bytes and named by openText", async () => {
  const bytes = Uint8Array.of(0xff, 0xfe, 0, 1);
  const token = await key.seal(bytes, binding);
  await assert.rejects(key.openText(token, binding), { name: "CsmsError", code: "open/not-text" });
  assert.deepEqual(await key.open(token, binding), bytes);
});

test("half a surrogate pair is refused wherever there is text", async () => {
  await assert.rejects(key.seal("\ud800x", binding), { code: "input/invalid", field: "value" });
  assert.throws(() => csms.JweKey.passphrase("\ud800"), { code: "input/invalid", field: "passphrase" });
  assert.throws(() => csms.assessPassword("\udc00"), { code: "input/invalid", field: "password" });
});

test("a passphrase is the same however its letters are composed", async () => {
  const [composed, apart] = ["p\u00e9", "pe\u0301"].map((text) => csms.JweKey.passphrase(text, { iterations: 10_000 }));
  for (const [sealer, opener] of [[composed, apart], [apart, composed], [apart, apart]]) {
    assert.equal(await opener.openText(await sealer.seal("x", binding), binding), "x");
  }
});

test("a token that was sealed with a passphrase as it was typed still opens", async () => {
  // Sealed by version 0.1.0 with the passphrase "pe\u0301", which it did not compose.
  const { CompactEncrypt } = await import("../interop/node_modules/jose/dist/webapi/index.js");
  const header = { alg: "PBES2-HS512+A256KW", enc: "A256GCM", csms: binding };
  const passphrase = new TextEncoder().encode("pe\u0301");
  const token = await new CompactEncrypt(new TextEncoder().encode("old")).setProtectedHeader(header).encrypt(passphrase);
  const key = csms.JweKey.passphrase("pe\u0301", { iterations: 10_000 });
  assert.equal(await key.openText(token, binding), "old");
  const other = csms.JweKey.passphrase("po\u0301", { iterations: 10_000 });
  await assert.rejects(other.openText(token, binding), { code: "open/decryption" });
});

test("a value that is too long is refused by every engine before it is encrypted", async () => {
  for (const engine of ENGINES) {
    await assert.rejects(key.seal(new Uint8Array((16 << 20) + 1), { ...binding, engine }), { code: "seal/too-long" });
  }
});
