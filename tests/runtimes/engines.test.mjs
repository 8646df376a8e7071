// The packed package in engines other than Node and browsers, and in test runners.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { test } from "node:test";

import { build } from "esbuild";
import { Miniflare } from "miniflare";

import { ROOT } from "../packaging/unpack.mjs";
import { prepared, run, script, tool } from "./tools.mjs";

const PRINTED = "proven\n1d SDK-HMAC-SHA256\ntrue input/invalid\n";

test("Deno runs every entry without permissions", async (context) => {
  const directory = await prepared(context, "script");
  const { stdout } = await script("deno/bin.cjs", ["run", "--no-prompt", "main.mjs"], directory);
  assert.equal(stdout, PRINTED);
});

test("Bun runs every entry", async (context) => {
  const directory = await prepared(context, "script");
  const { stdout } = await run(tool("@oven/bun-linux-x64/bin/bun"), ["main.mjs"], directory);
  assert.equal(stdout, PRINTED);
});

/** A service that lists one secret and redirects to another address for any other request: a fake. */
async function service(context) {
  const server = createServer((request, response) => {
    if (request.url.endsWith("/moved")) return void response.writeHead(302, { location: "https://example.com/" }).end();
    response.writeHead(200, { "content-type": "application/json" }).end('{"secrets":[{"name":"one"}],"page_info":{}}');
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => server.close().closeAllConnections());
  return `http://127.0.0.1:${server.address().port}`;
}

for (const compatibilityDate of ["2024-01-01", "2026-07-01"]) {
  test(`Cloudflare's workerd of ${compatibilityDate} runs it, the client included`, async (context) => {
    const directory = await prepared(context, "workerd");
    const outfile = join(directory, "bundle.js");
    const external = {
      name: "module",
      setup: ({ onResolve }) => onResolve({ filter: /^csms\/csms\.wasm$/ }, () => ({ path: "./csms.wasm", external: true })),
    };
    const entryPoints = [join(directory, "worker.js")];
    await build({ entryPoints, outfile, bundle: true, format: "esm", conditions: ["workerd"], plugins: [external] });
    const worker = new Miniflare({
      modules: [
        { type: "ESModule", path: "bundle.js", contents: await readFile(outfile, "utf8") },
        { type: "CompiledWasm", path: "csms.wasm", contents: await readFile(join(directory, "node_modules/csms/lib/csms.wasm")) },
      ],
      compatibilityDate,
      bindings: { ENDPOINT: await service(context) },
    });
    context.after(() => worker.dispose());
    const response = await worker.dispatchFetch("http://localhost/");
    assert.equal(await response.text(), "proven, one, client/redirect 302");
  });
}

test("jest runs it in Node and, with the README's lines, in jsdom", async (context) => {
  const directory = await prepared(context, "jest");
  const readme = await readFile(join(ROOT, "crates/wasm/npm/README.md"), "utf8");
  await writeFile(join(directory, "setup.cjs"), /^```js ignore\n(const \{ TextDecoder[^]*?)^```$/m.exec(readme)[1]);
  const { stderr } = await script("jest/bin/jest.js", ["--ci", "--runInBand"], directory, { NODE_PATH: tool("") });
  assert.match(stderr, /^Tests: +2 passed, 2 total$/m);
});

test("vitest runs it", async (context) => {
  const directory = await prepared(context, "vitest");
  const { stdout } = await script("vitest/vitest.mjs", ["run", "--no-color", "--root", directory], tool(".."));
  assert.match(stdout, /Tests +1 passed/);
});
