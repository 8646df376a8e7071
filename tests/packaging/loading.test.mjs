// How the module is loaded, and what its failures are called: against a server that misbehaves as told, a fake.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";

import { project } from "./unpack.mjs";

const directory = await project({ after }, "node");
const lib = join(directory, "node_modules/csms/lib");
const module = await readFile(join(lib, "csms.wasm"));

/** An entry of its own, not yet loaded. */
let copies = 0;
async function fresh() {
  // The entries share an instance through `shared.js`, so that another query gives none of its own; another directory does.
  const copy = await project({ after }, "node");
  copies += 1;
  return import(`${pathToFileURL(join(copy, "node_modules/csms/lib/slim.js"))}?${copies}`);
}

const server = createServer((request, response) => {
  const answers = {
    "/csms.wasm": () => response.writeHead(200, { "content-type": "application/wasm" }).end(module),
    "/untyped.wasm": () => response.writeHead(200).end(module),
    "/page.wasm": () => response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>app</title>"),
    "/other.wasm": () => response.writeHead(200, { "content-type": "application/wasm" }).end(Buffer.from("AGFzbQEAAAA=", "base64")),
    "/broken.wasm": () => {
      response.writeHead(200, { "content-type": "application/wasm", "content-length": module.length });
      response.write(module.subarray(0, 100), () => request.socket.destroy());
    },
    "/busy.wasm": () => response.writeHead(503).end(),
  };
  (answers[request.url] ?? (() => response.writeHead(404).end()))();
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
after(() => server.close().closeAllConnections());
const origin = `http://127.0.0.1:${server.address().port}`;

const CASES = [
  ["an address without a file", "/missing.wasm", { code: "client/module-missing", retryable: false, status: 404 }, /\/missing\.wasm \(status 404\)/],
  ["a server that is busy", "/busy.wasm", { code: "client/module-missing", retryable: true, status: 503 }, /status 503/],
  ["a page of HTML", "/page.wasm", { code: "client/not-webassembly", retryable: false }, /\/page\.wasm is not the WebAssembly module/],
  ["another module", "/other.wasm", { code: "client/not-webassembly", retryable: false }, /not the WebAssembly module/],
  ["a connection that breaks", "/broken.wasm", { code: "client/network", retryable: true }, /could not be loaded from/],
];

for (const [what, path, facts, message] of CASES) {
  test(`${what} is called by its name`, async () => {
    const csms = await fresh();
    const error = await csms.init(`${origin}${path}`).catch((error) => error);
    assert.ok(error instanceof csms.CsmsError, String(error));
    for (const [name, value] of Object.entries(facts)) assert.equal(error[name], value, `${name}: ${error}`);
    assert.match(error.message, message);
    // And the next attempt may succeed.
    await csms.init(`${origin}/csms.wasm`);
    assert.ok(csms.parseRotationPeriod("30d").ok);
  });
}

test("no server is called the network", async () => {
  const csms = await fresh();
  await assert.rejects(csms.init("http://127.0.0.1:1/csms.wasm"), { code: "client/network", retryable: true });
});

test("every kind of source loads, and bytes that are no module are named", async () => {
  const sources = [
    () => `${origin}/untyped.wasm`,
    () => new URL(`${origin}/csms.wasm`),
    () => fetch(`${origin}/csms.wasm`),
    () => module,
    () => new Uint8Array(module).buffer,
    () => new WebAssembly.Module(module),
  ];
  for (const source of sources) {
    const csms = await fresh();
    await Promise.all([csms.init(source()), csms.init(source())]);
    assert.ok(csms.parseRotationPeriod("30d").ok);
  }
  const csms = await fresh();
  await assert.rejects(csms.init(new Uint8Array(8)), { code: "client/not-webassembly" });
  assert.throws(() => csms.initSync(new Uint8Array(8)), { code: "client/not-webassembly" });
});

test("the module of another entry is refused before it takes the place of the right one", async () => {
  const [slim, rules] = [await fresh(), await readFile(join(lib, "csms-rules.wasm"))];
  assert.throws(() => slim.initSync(rules), { code: "client/not-webassembly" });
  await assert.rejects(slim.init(rules), { code: "client/not-webassembly" });
  await slim.init(module);
  assert.equal(slim.JweKey.dataKey(new Uint8Array(32)).algorithm, "dir");
});

test("a source that fails on its way is the network's fault, and one that was read the caller's", async () => {
  const csms = await fresh();
  await assert.rejects(csms.init(Promise.reject(new TypeError("fetch failed"))), { code: "client/network", retryable: true });
  const response = await fetch(`${origin}/csms.wasm`);
  await response.arrayBuffer();
  await assert.rejects(csms.init(response), { code: "input/invalid", field: "source" });
  await csms.init(module);
  // Nobody waits for this one any more; unhandled, it would end the process.
  await csms.init(Promise.reject(new TypeError("fetch failed")));
});

test("what is made while another load waits is kept", async () => {
  const csms = await fresh();
  const slow = csms.init(fetch(`${origin}/csms.wasm`));
  csms.initSync(module);
  const key = csms.JweKey.dataKey(new Uint8Array(32));
  const token = await key.seal("s3cr3t", { name: "a", purpose: "b" });
  await slow;
  assert.equal(await key.openText(token, { name: "a", purpose: "b" }), "s3cr3t");
});
