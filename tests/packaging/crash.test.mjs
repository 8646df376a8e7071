// An instance that fails. No input makes it fail, so that one of its functions is replaced by one that does: a fake.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";

import { project } from "./unpack.mjs";

let isFailing = false;
const { Instance } = WebAssembly;
WebAssembly.Instance = function (module, imports) {
  const { exports } = new Instance(module, imports);
  const parse_period = (...values) => {
    if (isFailing) throw new WebAssembly.RuntimeError("unreachable");
    return exports.parse_period(...values);
  };
  return { exports: { ...exports, parse_period } };
};

const directory = await project({ after }, "node");
const csms = await import(pathToFileURL(join(directory, "node_modules/csms/lib/node.js")));
const binding = { name: "demo", purpose: "test" };

test("an instance that fails is replaced, and its keys say so", async () => {
  const key = csms.JweKey.dataKey(new Uint8Array(32));
  const token = await key.seal("s3cr3t", binding);
  isFailing = true;
  assert.throws(() => csms.parseRotationPeriod("30d"), { name: "CsmsError", code: "client/crashed" });
  isFailing = false;
  const isLost = { name: "CsmsError", code: "client/crashed" };
  await assert.rejects(key.seal("x", binding), isLost);
  await assert.rejects(key.open(token, binding), isLost);
  assert.throws(() => key.algorithm, isLost);
  assert.throws(() => key.toJwk(), isLost);
  key.free();
  assert.ok(csms.parseRotationPeriod("30d").ok);
  assert.equal(await csms.JweKey.dataKey(new Uint8Array(32)).openText(token, binding), "s3cr3t");
});

test("a token that was waiting for its key when the instance failed says so", async () => {
  const key = csms.JweKey.passphrase("correct horse", { iterations: 10_000 });
  const token = await key.seal("s3cr3t", binding);
  const opening = key.open(token, binding);
  isFailing = true;
  assert.throws(() => csms.parseRotationPeriod("30d"));
  isFailing = false;
  await assert.rejects(opening, { code: "client/crashed" });
});
