// The packed package in tiny projects: Node, TypeScript, Vite, webpack and a plain page.

import assert from "node:assert/strict";
import { copyFile, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { withPage } from "../browser/browsers.mjs";
import { serve } from "../browser/serve.mjs";
import { HERE, ROOT, node, project, tool } from "./unpack.mjs";

const MINUTE = 60_000;

/** A project with the common proof beside its own files. */
async function prepared(context, name) {
  const directory = await project(context, name);
  await copyFile(join(HERE, "projects/prove.mjs"), join(directory, "prove.mjs"));
  return directory;
}

/** What a served page says in the end. */
async function said(browser, directory, headers) {
  const server = await serve({ "/": directory }, headers);
  try {
    return await withPage(browser, async (page) => {
      await page.goto(`${server.origin}/`);
      await page.waitForFunction(() => document.querySelector("output").textContent !== "", { timeout: MINUTE });
      return page.evaluate(() => document.querySelector("output").textContent);
    });
  } finally {
    await server.close();
  }
}

test("the package holds its entries, its types and nothing of the tests", async (context) => {
  const directory = join(await project(context, "node"), "node_modules/csms");
  const files = (await readdir(directory, { recursive: true })).sort();
  for (const file of ["LICENSE", "THIRD-PARTY-NOTICES.txt", "README.md", "package.json", "lib/csms.wasm", "lib/index.js", "lib/index.d.ts"]) {
    assert.ok(files.includes(file), `${file} is missing`);
  }
  assert.deepEqual(files.filter((file) => /test|src|node_modules|lock/.test(file)), []);
  // For Node the module is part of the code, in files of its own.
  for (const file of files.filter((file) => /\.c?js(\.map)?$/.test(file) && !/\.module\.c?js$/.test(file))) {
    const code = await readFile(join(directory, file), "utf8");
    assert.ok(!/AGFzbQ|data:application\/wasm/.test(code), `${file} has a copy of the module`);
  }
  for (const file of files.filter((file) => file.endsWith(".wasm"))) {
    const module = await readFile(join(directory, file), "latin1");
    assert.ok(!/\/(home|root|work|Users)\//.test(module), `${file} names paths of the machine it was built on`);
  }
});

test("Node runs it by every entry", async (context) => {
  const directory = await prepared(context, "node");
  assert.equal(
    await node("main.mjs", [], directory),
    "without init true\nmain proven\nslim shares the instance true\nmodule true\n",
  );
  assert.equal(
    await node("slim.mjs", [], directory),
    "true client/not-initialised csms is not initialised: call `await init()` once before anything else\ntrue\n",
  );
  assert.equal(await node("required.cjs", [], directory), "1d\n");
});

test("its types fit every use, refuse wrong ones, and agree with the server's answers", async (context) => {
  const directory = await project(context, "types");
  await copyFile(join(HERE, "types/samples.ts"), join(directory, "samples.ts"));
  await node(tool("typescript/bin/tsc"), ["--project", "."], directory);
  const used = await readFile(join(directory, "exports.ts"), "utf8");
  const declared = new Set();
  for (const file of await readdir(join(ROOT, "crates/wasm/npm/lib"))) {
    if (["arguments.d.ts", "engine.d.ts", "content.d.ts", "derivation.d.ts"].includes(file) || !file.endsWith(".d.ts")) continue;
    const text = await readFile(join(ROOT, "crates/wasm/npm/lib", file), "utf8");
    for (const [, name] of text.matchAll(/^export (?:declare )?(?:const|function|class|type|interface) (\w+)/gm)) {
      declared.add(name);
    }
  }
  const internal = new Set(["toJson", "accessKeyOf", "ServiceClient"]);
  const unused = [...declared].filter((name) => !internal.has(name) && !new RegExp(`\\b${name}\\b`).test(used));
  assert.deepEqual(unused, [], "exports.ts uses every export");
});

test("webpack bundles it, and Chromium runs the bundle under a strict content policy", async (context) => {
  const directory = await prepared(context, "webpack");
  await node(tool("webpack-cli/bin/cli.js"), ["build", "--config", "webpack.config.js"], directory);
  await copyFile(join(directory, "index.html"), join(directory, "dist/index.html"));
  const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; worker-src 'self'";
  const text = await said("chromium", join(directory, "dist"), { "content-security-policy": policy });
  assert.equal(text, "page proven, worker proven");
});

for (const browser of ["chromium", "firefox"]) {
  test(`Vite bundles it, and ${browser} runs the bundle`, async (context) => {
    const directory = await prepared(context, "vite");
    await node(tool("vite/bin/vite.js"), ["build"], directory);
    assert.equal(await said(browser, join(directory, "dist")), "page proven, worker proven");
  });
}

test("a plain page runs it, and without wasm-unsafe-eval says so", async (context) => {
  const directory = await prepared(context, "script");
  assert.equal(await said("chromium", directory), "page proven");
  const strict = { "content-security-policy": "script-src 'self' 'unsafe-inline'" };
  assert.match(await said("chromium", directory, strict), /^failed: client\/content-policy .*wasm-unsafe-eval/);
});

test("a service worker runs it in Chromium", async (context) => {
  assert.equal(await said("chromium", await prepared(context, "worker")), "service worker proven");
});

test("an extension's worker runs it, and with the default policy says what its manifest lacks", async (context) => {
  const directory = await prepared(context, "extension");
  assert.equal(await inExtension(directory), "proven");
  const manifest = JSON.parse(await readFile(join(directory, "manifest.json"), "utf8"));
  delete manifest.content_security_policy;
  await writeFile(join(directory, "manifest.json"), JSON.stringify(manifest));
  assert.match(await inExtension(directory), /^failed: client\/content-policy .*wasm-unsafe-eval/);
});

/** What the background worker of an extension says. */
function inExtension(directory) {
  return withPage(
    "chromium",
    async (page) => {
      const target = await page.browser().waitForTarget((target) => target.type() === "service_worker");
      const worker = await target.worker();
      // It may be asked before its script has run.
      for (;;) {
        const text = await worker.evaluate(() => globalThis.proven);
        if (text !== undefined) return text;
      }
    },
    { enableExtensions: [directory], pipe: true },
  );
}
