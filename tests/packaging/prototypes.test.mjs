// Results are their own: whatever a library of the page has put into `Object.prototype`, their members are members, no setter
// sees them, and nothing fails.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";

import { project } from "./unpack.mjs";

const directory = await project({ after }, "node");
const csms = await import(pathToFileURL(join(directory, "node_modules/csms/lib/node.js")));
const binding = { name: "demo", purpose: "test" };

/** Members of results, of problems and of requests, and places of arrays. */
const RESULTS = [
  "ok", "value", "problems", "refusal", "path", "rule", "message", "limit", "got", "reason", "code", "text", "canonical",
  "milliseconds", "humanised", "instance_id", "mode", "region", "project_id", "package", "function", "qualified", "id",
  "deprecated", "version_stages", "stage", "from", "to", "before", "after", "added", "removed", "moves", "strength", "bits",
  "weaknesses", "authorization", "host", "x-sdk-date", "0", "1", "2",
];
/** Members of what WebCrypto is told, tried one by one: several at once disturb the engine itself. */
const ALGORITHMS = ["name", "namedCurve", "public", "salt", "iterations", "hash"];

/** Puts accessors into `Object.prototype`. @returns what takes them out again, and tells what setters have seen */
function polluted(names, accessor) {
  // Adding to a set sets no member.
  const seen = new Set();
  for (const name of names) Object.defineProperty(Object.prototype, name, { __proto__: null, configurable: true, ...accessor(name, seen) });
  return () => {
    for (const name of names) delete Object.prototype[name];
    return [...seen];
  };
}
const ACCESSORS = {
  "a setter that listens": (name, seen) => ({ get: () => undefined, set: () => void seen.add(name) }),
  "a getter alone": () => ({ get: () => undefined }),
  "a setter that throws": (name) => ({
    get: () => undefined,
    set() {
      throw new RangeError(name);
    },
  }),
};

const secret = { versions: [{ id: "v1", version_stages: ["SYSCURRENT"] }, { id: "v2" }] };
const CALLS = {
  "a password": () => csms.generatePassword({ length: 20 }),
  "problems": () => csms.validateCreateSecret({ name: "a b", tags: 5 }),
  "a refusal": () => csms.permits("PENDING_DELETE", "RotateSecret"),
  "a period": () => csms.parseRotationPeriod("30d"),
  "times": () => csms.nextRotations("30d", { since: 0, count: 3 }),
  "a configuration": () => csms.parseRotationConfig('{"InstanceId":"i","SecretSubType":"SingleUser"}'),
  "a function": () => csms.parseFunctionUrn("urn:fss:cn-north-4:p:function:default:f:latest"),
  "a preview": () => csms.previewNewVersion(secret, { version_stages: ["SYSCURRENT"] }),
  "versions": () => csms.deprecatedVersions(secret),
  "an assessment": () => csms.assessPassword("root", { userName: "root" }),
  "a signature": () => csms.signRequest({ method: "GET", url: "http://x/", headers: { accept: "x" } }, { accessKey: "AK", secretKey: "SK" }, { date: 0 }),
};
const plain = (result) => JSON.stringify(result, (name, value) => (name === "value" && typeof value === "string" ? value.length : value));

// The engine's own random generator and WebCrypto are made on first use, and not to be disturbed by this.
await csms.JweKey.generate("ECDH-ES+A256KW");
const passphrase = csms.JweKey.passphrase("correct horse", { iterations: 10_000 });
await passphrase.openText(await passphrase.seal("x", binding), binding);

for (const [kind, accessor] of Object.entries(ACCESSORS)) {
  for (const [what, call] of Object.entries(CALLS)) {
    test(`${what} is its own beside ${kind}`, () => {
      const expected = plain(call());
      const end = polluted(RESULTS, accessor);
      let found, seen;
      try {
        found = call();
      } finally {
        seen = end();
      }
      assert.deepEqual(seen, []);
      assert.equal(plain(found), expected);
      assert.equal(Object.getPrototypeOf(found), Object.prototype);
    });
  }

  test(`keys are agreed on and passphrases stretched beside ${kind}`, async () => {
    const pair = await csms.JweKey.generate("ECDH-ES+A256KW");
    for (const name of ALGORITHMS) {
      for (const key of [pair, passphrase]) {
        const end = polluted([name], accessor);
        let token, seen;
        try {
          token = await key.seal("s3cr3t", binding);
        } finally {
          seen = end();
        }
        assert.deepEqual(seen, []);
        assert.equal(await key.openText(token, binding), "s3cr3t");
      }
    }
  });
}
