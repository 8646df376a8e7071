// Every exported function with every wrong type in every place: each call fails as `input/invalid` and names the argument,
// and nothing that was made before is harmed. What a function takes is written once, below; a function that is missing there
// fails the test.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { runInNewContext } from "node:vm";

import { project } from "./unpack.mjs";

const directory = await project({ after }, "node");
const load = (name) => import(pathToFileURL(join(directory, `node_modules/csms/lib/${name}.js`)));
const csms = await load("node");
const slim = await load("slim");

/** Values of every kind, most of which are wrong in most places. */
const VALUES = {
  undefined,
  null: null,
  "a number": 5,
  "a fraction": 1.5,
  "a negative number": -1,
  NaN,
  Infinity,
  "a boolean": true,
  "a bigint": 10n,
  "a symbol": Symbol("x"),
  "a text": "text",
  "an empty text": "",
  "half a surrogate pair": "\ud800x",
  "a String object": new String("x"),
  "an array": [1, 2],
  "an empty object": {},
  "an object without a prototype": Object.create(null),
  "a function": () => "x",
  "an invalid date": new Date(Number.NaN),
  "32 numbers of 16 bits": new Uint16Array(32).fill(257),
  "31 bytes": new Uint8Array(31),
  "a DataView": new DataView(new ArrayBuffer(32)),
  "an ArrayBuffer": new ArrayBuffer(32),
  "a Map": new Map([["name", "x"]]),
  "a date": new Date(0),
  Headers: new Headers({ "x-a": "b" }),
  URLSearchParams: new URLSearchParams({ name: "x" }),
  "an object with texts for itself": { toString: () => "text", valueOf: () => 5, toJSON: () => "text" },
  "a proxy of bytes": new Proxy(new Uint8Array(32), {}),
  "a proxy that was revoked": revoked(),
  "what calls itself a date": impostor("Date"),
  "what calls itself an address": impostor("URL"),
};

function revoked() {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

/** An object of another class than it says, which fails when it is converted. */
function impostor(tag) {
  const fail = () => {
    throw new RangeError("converted");
  };
  return { [Symbol.toStringTag]: tag, toString: fail, valueOf: fail };
}

const isText = (value) => typeof value === "string" && value.isWellFormed();
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
/** Objects whose content is not in members, so that it would be lost. */
const KEEPERS = [Map, Date, Headers, URLSearchParams, String, ArrayBuffer];
const hasMembers = (value) => isObject(value) && !ArrayBuffer.isView(value) && !KEEPERS.some((keeper) => value instanceof keeper);
const isBytes = (value) => value instanceof Uint8Array;
const isNumber = (whole, least, most) => (value) =>
  typeof value === "number" && value >= least && value <= most && (!whole || Number.isInteger(value));

// What an argument takes, with a good one.
const text = (good) => ({ good, takes: isText });
const named = (good, takes) => ({ good, takes });
const number = (good, { whole = false, least = 0, most = Number.MAX_SAFE_INTEGER } = {}) => ({ good, takes: isNumber(whole, least, most) });
const isTime = isNumber(false, 0, 253_402_300_799_999);
const time = { good: 1000, takes: (value) => isTime(value instanceof Date ? value.getTime() : value) };
const flag = { good: true, takes: (value) => typeof value === "boolean" };
const anything = { good: {}, takes: () => true };
const object = (members) => ({
  good: Object.fromEntries(Object.entries(members).map(([name, { good }]) => [name, good])),
  takes: isObject,
  members,
});
/** One of which all members are used. */
const whole = (members) => ({ ...object(members), takes: hasMembers });
const optional = (spec) => ({ ...spec, takes: (value) => value === undefined || spec.takes(value) });
const options = (members = {}) => optional(object(members));

const language = { language: optional(text("zh-CN")) };
const engine = { engine: optional(named("wasm", (value) => ["auto", "wasm", "webcrypto", "node"].includes(value))) };
const binding = { name: text("demo"), purpose: text("test") };
const limits = { ...engine, maxIterations: optional(number(1000, { whole: true, least: 1, most: 0xffff_ffff })) };
const validation = options({ ...language, now: optional(time), minRotationPeriodSeconds: optional(number(0, { whole: true })) });
const preview = options({ ...language, now: optional(time) });
const signal = options({ signal: optional(named(new AbortController().signal, (value) => value instanceof AbortSignal)) });
const key32 = { good: new Uint8Array(32).fill(1), takes: (value) => isBytes(value) && value.length === 32 };
const accessKey = { accessKey: text("AK"), secretKey: text("SK"), securityToken: optional(text("token")) };
const isAddress = (value) => value instanceof URL;
const secret = { versions: [{ id: "v1", version_stages: ["SYSCURRENT"] }] };
const dataKey = { keyId: text("key-1"), additionalAuthenticatedData: optional(text("x")) };

const key = csms.JweKey.dataKey(new Uint8Array(32).fill(7));
const token = await key.seal("s3cr3t", { name: "demo", purpose: "test" });
const unbound =
  "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA";

/** A client whose `fetch` says that something was sent. */
const client = (settings = {}) =>
  new csms.CsmsClient({
    endpoint: "http://127.0.0.1:1",
    projectId: "p",
    credentials: { accessKey: "AK", secretKey: "SK" },
    fetch: async () => Response.json({ secrets: [], version_metadatas: [], tasks: [] }),
    ...settings,
  });

/** Every function, what it takes, and how it is called where it is not a function of the package itself. */
const FUNCTIONS = {
  init: [[optional(named(new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)), (value) => value === VALUES["what calls itself an address"] || ArrayBuffer.isView(value) || value instanceof ArrayBuffer || (typeof value === "string" && value !== "")))]],
  checkText: [[text("secret_name"), text("demo"), options(language)]],
  validate: [[text("CreateSecret"), anything, validation]],
  parseRotationPeriod: [[text("30d"), options({ ...language, minSeconds: optional(number(0, { whole: true })) })]],
  nextRotations: [[text("30d"), options({ ...language, since: optional(time), lastSuccess: optional(time), count: optional(number(2, { whole: true, most: 1000 })) })]],
  parseRotationConfig: [[text("{}"), options(language)]],
  formatRotationConfig: [[object({ instance_id: text("i"), mode: text("SingleUser") }), options(language)]],
  parseFunctionUrn: [[text("urn"), options(language)]],
  formatFunctionUrn: [[object({ region: text("r"), project_id: text("p"), package: text("d"), function: text("f"), version: optional(text("latest")) }), options(language)]],
  previewNewVersion: [[{ ...anything, good: secret }, options({ version_stages: anything, expire_time: anything }), preview]],
  previewStageMove: [[{ ...anything, good: secret }, object({ stage_name: anything, version_id: anything }), preview]],
  previewStageDeletion: [[{ ...anything, good: secret }, object({ stage_name: anything }), preview]],
  previewRotation: [[{ ...anything, good: secret }, preview]],
  deprecatedVersions: [[{ ...anything, good: secret }, options(language)]],
  permits: [[text("ENABLED"), text("RotateSecret"), options(language)]],
  generatePassword: [[options({ ...language, length: optional(number(20, { whole: true, most: 0xffff_ffff })), exclude_characters: optional(text("abc")), exclude_lowercase: optional(flag), exclude_uppercase: optional(flag), exclude_numbers: optional(flag), exclude_punctuation: optional({ ...flag, good: false }), include_space: optional(flag), require_each_included_type: optional({ ...flag, good: false }) })]],
  generateDatabasePassword: [[]],
  assessPassword: [[text("secret"), options({ ...language, userName: optional(text("root")) })]],
  signRequest: [[object({ method: named("GET", (value) => isText(value) && value !== ""), url: named("http://x/", isAddress), headers: optional(whole({ accept: text("x") })), body: optional(named("x", (value) => isText(value) || isBytes(value))) }), object({ ...accessKey, accessKey: named("AK", (v) => isText(v) && v !== ""), secretKey: named("SK", (v) => isText(v) && v !== ""), securityToken: optional(named("T", (v) => isText(v) && v !== "")) }), options({ date: optional(time) })]],
  // Whoever makes an error of their own is told nothing.
  CsmsError: [[anything, anything], (...args) => new csms.CsmsError(...args)],
};
for (const name of Object.keys(csms).filter((name) => /^validate[A-Z]/.test(name))) FUNCTIONS[name] = [[anything, validation]];

const KEY_FUNCTIONS = {
  dataKey: [[key32]],
  wrappingKey: [[key32]],
  passphrase: [[named("correct horse", (value) => isText(value) && value !== ""), options({ iterations: optional(number(10_000, { whole: true, least: 10_000, most: 1_000_000 })) })]],
  generate: [[named("dir", (value) => ["dir", "A256GCMKW", "ECDH-ES+A256KW"].includes(value))]],
};
const KEY_METHODS = {
  seal: [[named("x", (value) => isText(value) || isBytes(value)), object({ ...binding, ...engine, name: named("demo", (v) => isText(v) && v !== ""), purpose: named("test", (v) => isText(v) && v !== "") })]],
  open: [[text(token), object({ ...limits, name: named("demo", (v) => isText(v) && v !== ""), purpose: named("test", (v) => isText(v) && v !== "") })]],
  openText: [[text(token), object({ ...limits, name: named("demo", (v) => isText(v) && v !== ""), purpose: named("test", (v) => isText(v) && v !== "") })]],
  openUnbound: [[text(unbound), options(limits)]],
  toJwk: [[]],
  toPublicJwk: [[]],
  free: [[]],
};
const CLIENT_METHODS = {
  call: [[named("ListSecrets", () => false), options({ limit: optional(named(5, (value) => Number.isFinite(value) || typeof value === "boolean" || isText(value))) }), signal]],
  secrets: [[options(), signal], (...args) => client().secrets(...args).next()],
  versions: [[object({ secret_name: named("demo", (v) => isText(v) && v !== "") }), signal], (...args) => client().versions(...args).next()],
  tasks: [[options(), signal], (...args) => client().tasks(...args).next()],
  createDataKey: [[object(dataKey), signal]],
  openDataKey: [[object({ ...dataKey, cipherText: text("00") }), signal]],
};

function takes(spec, value) {
  try {
    return spec.takes(value);
  } catch {
    return false;
  }
}

/** Every way to put one wrong value into good arguments. */
function* wrongCalls(specs) {
  const good = specs.map((spec) => spec.good);
  for (const [index, spec] of specs.entries()) {
    const put = (replacement) => good.with(index, replacement);
    for (const [kind, value] of Object.entries(VALUES)) {
      if (!takes(spec, value)) yield { what: `${kind} as argument ${index + 1}`, args: put(value) };
      for (const [name, member] of Object.entries(spec.members ?? {})) {
        if (!takes(member, value)) yield { what: `${kind} as ${name}`, args: put({ ...spec.good, [name]: value }) };
      }
    }
    for (const name of Object.keys(spec.members ?? {})) {
      const get = () => {
        throw new RangeError("read");
      };
      const failing = Object.defineProperty({ ...spec.good }, name, { get, enumerable: true });
      yield { what: `a getter that throws as ${name}`, args: put(failing) };
    }
  }
}

/** Calls with wrong arguments, and returns what did not fail as it should. */
async function wrongResults(name, specs, call) {
  const wrong = [];
  for (const { what, args } of wrongCalls(specs)) {
    let found = "nothing";
    try {
      await call(...args);
    } catch (error) {
      const isRight = error instanceof csms.CsmsError && error.code === "input/invalid" && typeof error.field === "string";
      found = isRight ? "" : `${error.name} ${error.code} ${error.message}`;
    }
    if (found !== "") wrong.push(`${name} with ${what}: ${found}`);
  }
  return wrong;
}

const good = (specs) => specs.map((spec) => spec.good);
const exported = Object.keys(csms).filter((name) => typeof csms[name] === "function" && !["JweKey", "CsmsClient"].includes(name));

test("every exported function is here", () => {
  assert.deepEqual(Object.keys(FUNCTIONS).sort(), exported.sort());
  const own = (target, hidden) => Object.getOwnPropertyNames(target).filter((name) => !hidden.includes(name)).sort();
  assert.deepEqual(own(csms.JweKey, ["length", "name", "prototype"]), [...Object.keys(KEY_FUNCTIONS), "fromJwk"].sort());
  assert.deepEqual(own(csms.JweKey.prototype, ["constructor", "algorithm", "opens"]), Object.keys(KEY_METHODS).sort());
});

for (const [name, [specs, call]] of Object.entries(FUNCTIONS)) {
  test(`${name} names the argument that is wrong`, async () => {
    const run = call ?? csms[name];
    if (name !== "init") await run(...good(specs));
    assert.deepEqual(await wrongResults(name, specs, run), []);
  });
}

for (const [name, [specs]] of Object.entries(KEY_FUNCTIONS)) {
  test(`JweKey.${name} names the argument that is wrong`, async () => {
    (await csms.JweKey[name](...good(specs))).free();
    assert.deepEqual(await wrongResults(name, specs, (...args) => csms.JweKey[name](...args)), []);
  });
}

test("JweKey.fromJwk names what is wrong", async () => {
  for (const [kind, value] of Object.entries(VALUES)) {
    const error = await Promise.resolve().then(() => csms.JweKey.fromJwk(value)).catch((error) => error);
    assert.ok(error instanceof csms.CsmsError && /^(input|jwk)\//.test(error.code), `${kind}: ${error}`);
  }
  const cyclic = {};
  cyclic.k = cyclic;
  assert.throws(() => csms.JweKey.fromJwk(cyclic), { code: "input/invalid", field: "jwk" });
});

for (const [name, [specs]] of Object.entries(KEY_METHODS)) {
  test(`a key's ${name} names the argument that is wrong`, async () => {
    for (const engine of [undefined, "wasm", "webcrypto", "node"]) {
      const own = csms.JweKey.dataKey(new Uint8Array(32).fill(7));
      assert.deepEqual(await wrongResults(`${name} ${engine}`, specs, (...args) => own[name](...args)), []);
      own.free();
    }
  });
}

test("the client checks its options when it is made", async () => {
  const isSome = (value) => isText(value) && value !== "";
  const specs = [
    object({
      endpoint: named("http://127.0.0.1:1", isAddress),
      projectId: named("p", isSome),
      credentials: object({ accessKey: named("AK", isSome), secretKey: named("SK", isSome), securityToken: optional(named("T", isSome)) }),
      retries: optional(number(1, { whole: true, most: 100 })),
      backoffMilliseconds: optional(number(1, { most: 86_400_000 })),
      timeoutMilliseconds: optional(number(1, { least: 1, most: 86_400_000 })),
      fetch: optional(named(fetch, (value) => typeof value === "function")),
    }),
  ];
  const make = (options) => new csms.CsmsClient(options);
  assert.deepEqual(await wrongResults("CsmsClient", specs, make), []);
  const credentials = specs[0].members.credentials;
  const withCredentials = (value) => make({ ...specs[0].good, credentials: value });
  assert.deepEqual(await wrongResults("credentials", [credentials], withCredentials), []);
  const withToken = [object({ token: named("T", (value) => value === undefined || isSome(value) || typeof value === "function") })];
  assert.deepEqual(await wrongResults("token", withToken, withCredentials), []);
});

for (const [name, [specs, call]] of Object.entries(CLIENT_METHODS)) {
  test(`the client's ${name} names the argument that is wrong`, async () => {
    const run = call ?? ((...args) => client()[name](...args));
    assert.deepEqual(await wrongResults(name, specs, run), []);
  });
}

test("every operation of the client checks its request and sends nothing that is wrong", async () => {
  let sent = 0;
  const checked = client({ fetch: async () => (sent++, Response.json({})) });
  const operations = { ...csms.OPERATIONS, ...csms.ACCESS_OPERATIONS };
  const isSegment = (value) => isText(value) && value !== "";
  for (const [name, { path }] of Object.entries(operations)) {
    const method = name[0].toLowerCase() + name.slice(1);
    const parameters = [...path.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter).filter((parameter) => parameter !== "project_id");
    const members = Object.fromEntries(parameters.map((parameter) => [parameter, named("x", isSegment)]));
    const request = parameters.length > 0 ? whole(members) : optional(whole({}));
    assert.deepEqual(await wrongResults(name, [request, signal], (...args) => checked[method](...args)), []);
    for (const parameter of parameters) {
      for (const step of [".", ".."]) {
        const error = await checked[method]({ ...request.good, [parameter]: step }).catch((error) => error);
        assert.deepEqual([error.code, error.field], ["input/invalid", parameter], `${name} with ${step}`);
      }
    }
  }
  assert.equal(sent, 0);
  await assert.rejects(checked.call("toString"), { code: "input/invalid", field: "operation" });
  await assert.rejects(checked.createSecret({ name: "a", size: 1n }), { code: "input/invalid", field: "request" });
  for (const wrong of [Number.NaN, -Infinity, () => 1, Symbol("x"), new Date(0)]) {
    const error = await checked.createSecretVersion({ secret_name: "a", expire_time: wrong }).catch((error) => error);
    assert.deepEqual([error.code, error.field], ["input/invalid", "expire_time"]);
  }
  await assert.rejects(checked.createSecretVersion({ secret_name: "a", version_stages: [undefined] }), { code: "input/invalid", field: "0" });
  const halfSignal = { aborted: false, addEventListener: () => undefined };
  await assert.rejects(checked.listSecrets({}, { signal: halfSignal }), { code: "input/invalid", field: "signal" });
  assert.equal(sent, 0);
});

test("the entry without a file names a source that is wrong", async () => {
  const source = named(new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)), (value) => ArrayBuffer.isView(value) || value instanceof ArrayBuffer);
  assert.deepEqual(await wrongResults("initSync", [source], slim.initSync), []);
});

test("after all of this a key made before still seals and opens", async () => {
  assert.equal(await key.openText(token, { name: "demo", purpose: "test" }), "s3cr3t");
  assert.equal(await key.openText(await key.seal("again", { name: "a", purpose: "b" }), { name: "a", purpose: "b" }), "again");
});

test("bytes of a Buffer and of another realm are taken as they are", async () => {
  const letters = Uint8Array.from({ length: 32 }, (_, index) => index);
  const foreign = runInNewContext("Uint8Array.from({ length: 32 }, (_, index) => index)");
  assert.ok(!(foreign instanceof Uint8Array));
  const shared = new Uint8Array(new SharedArrayBuffer(32));
  shared.set(letters);
  const own = csms.JweKey.dataKey(letters);
  for (const bytes of [Buffer.from(letters), foreign, shared]) {
    const same = csms.JweKey.dataKey(bytes);
    for (const engine of ["wasm", "webcrypto", "node"]) {
      const sealed = await same.seal(bytes, { name: "a", purpose: "b", engine });
      assert.deepEqual(await own.open(sealed, { name: "a", purpose: "b" }), letters);
    }
  }
});

test("bytes whose memory is gone are refused instead of being sealed as nothing", async () => {
  const transferred = new Uint8Array(8);
  structuredClone(transferred.buffer, { transfer: [transferred.buffer] });
  const memory = new ArrayBuffer(16, { maxByteLength: 16 });
  const cut = new Uint8Array(memory, 8, 8);
  memory.resize(4);
  for (const bytes of [transferred, cut]) {
    await assert.rejects(key.seal(bytes, { name: "a", purpose: "b" }), { code: "input/invalid", field: "value" });
  }
});

test("bytes are those in memory, whatever their class says of itself", async () => {
  class Shorter extends Uint8Array {
    get length() {
      return 2;
    }
    *[Symbol.iterator]() {
      yield 9;
    }
  }
  class Failing extends Uint8Array {
    get length() {
      throw new RangeError("length");
    }
  }
  const longer = Object.defineProperty(Uint8Array.of(1, 2, 3), "length", { value: 40 });
  const memory = new ArrayBuffer(3, { maxByteLength: 8 });
  new Uint8Array(memory).set([1, 2, 3]);
  const shared = new Shorter(new SharedArrayBuffer(3));
  new Uint8Array(shared.buffer).set([1, 2, 3]);
  for (const bytes of [Shorter.of(1, 2, 3), Failing.from([1, 2, 3]), longer, new Uint8Array(memory), shared]) {
    for (const engine of ["wasm", "webcrypto", "node"]) {
      const token = await key.seal(bytes, { name: "a", purpose: "b", engine });
      assert.deepEqual(await key.open(token, { name: "a", purpose: "b" }), Uint8Array.of(1, 2, 3));
    }
  }
  assert.equal(csms.JweKey.dataKey(new Failing(32)).algorithm, "dir");
});

test("members that an object inherits count, and each is read once", async () => {
  let reads = 0;
  class Options {
    get name() {
      reads += 1;
      return "a";
    }
    get purpose() {
      return "b";
    }
  }
  const token = await key.seal("x", Object.freeze(new Options()));
  assert.equal(reads, 1);
  assert.equal(await key.openText(token, Object.create({ name: "a", purpose: "b" })), "x");
});

test("what JSON would leave out or turn into null is wrong, and does not count as left out", () => {
  const request = { secret_name: "demo", secret_string: "x" };
  for (const wrong of [Number.NaN, Infinity, () => 1, Symbol("x")]) {
    const found = csms.validateCreateSecretVersion({ ...request, expire_time: wrong });
    assert.equal(found.ok, false, String(wrong));
    assert.match(found.problems[0].path, /^expire_time/);
  }
  assert.ok(csms.validateCreateSecretVersion({ ...request, expire_time: undefined }).ok);
});

test("a request that is longer than any request may be is refused before it is read", () => {
  assert.throws(() => csms.validateCreateSecret({ tags: new Array(3 << 20).fill(0) }), { code: "input/invalid", field: "request" });
});

test("a value is sealed as it was when the call was made", async () => {
  const pair = await csms.JweKey.generate("ECDH-ES+A256KW");
  for (const [sealer, engine] of [[pair, "wasm"], [pair, "webcrypto"], [csms.JweKey.dataKey(new Uint8Array(32)), "webcrypto"]]) {
    const value = Uint8Array.of(1, 2, 3);
    const sealing = sealer.seal(value, { name: "a", purpose: "b", engine });
    value.fill(9);
    assert.deepEqual(await sealer.open(await sealing, { name: "a", purpose: "b" }), Uint8Array.of(1, 2, 3));
  }
});

test("an option that is undefined is its default", async () => {
  let attempts = 0;
  const failing = client({
    retries: undefined,
    timeoutMilliseconds: undefined,
    backoffMilliseconds: 0,
    fetch: async () => (attempts++, Promise.reject(new TypeError("no connection"))),
  });
  await assert.rejects(failing.listSecrets({}, { signal: undefined }), { code: "client/network" });
  assert.equal(attempts, 4);
});
