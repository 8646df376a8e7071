// The packed package through bundlers: what they make runs in Chromium, and holds only what is used.

import assert from "node:assert/strict";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";

import { rspack } from "@rspack/core";
import { build } from "esbuild";
import { rollup } from "rollup";

import { withPage } from "../browser/browsers.mjs";
import { serve } from "../browser/serve.mjs";
import { prepared, run, script } from "./tools.mjs";

/** What a served page says in the end. */
async function said(directory) {
  const server = await serve({ "/": directory });
  try {
    return await withPage("chromium", async (page) => {
      await page.goto(`${server.origin}/`);
      await page.waitForFunction(() => document.querySelector("output").textContent !== "", { timeout: 60_000 });
      return page.evaluate(() => document.querySelector("output").textContent);
    });
  } finally {
    await server.close();
  }
}

/** The file that the README has users of esbuild and rollup copy. */
const copyModule = (directory) => copyFile(join(directory, "node_modules/csms/lib/csms.wasm"), join(directory, "dist/csms.wasm"));

/** Finds the package for rollup, which has no such plugin of its own. */
const resolver = (directory) => ({
  name: "csms",
  resolveId: (id) => (id === "csms" ? join(directory, "node_modules/csms/lib/index.js") : null),
});

const TOOLS = {
  async esbuild(directory) {
    await build({ entryPoints: [join(directory, "main.js")], outdir: join(directory, "dist"), bundle: true, format: "esm", logLevel: "error" });
    await copyModule(directory);
  },
  async rollup(directory) {
    const bundle = await rollup({ input: join(directory, "main.js"), plugins: [resolver(directory)] });
    await bundle.write({ dir: join(directory, "dist"), format: "es" });
    await copyModule(directory);
  },
  async rspack(directory) {
    const options = { mode: "production", context: directory, entry: "./main.js", devtool: false, output: { path: join(directory, "dist") } };
    const stats = await new Promise((resolve, reject) => rspack(options, (error, stats) => (error ? reject(error) : resolve(stats))));
    assert.ok(!stats.hasErrors(), stats.toString());
  },
  async parcel(directory) {
    const args = ["build", "index.html", "--no-cache", "--no-source-maps", "--dist-dir", "dist"];
    await script("parcel/lib/bin.js", args, directory);
  },
};

for (const [name, bundle] of Object.entries(TOOLS)) {
  test(`Chromium runs what ${name} makes`, async (context) => {
    const directory = await prepared(context, "bundled");
    await bundle(directory);
    if (name === "rspack") {
      const page = await readFile(join(directory, "index.html"), "utf8");
      await writeFile(join(directory, "dist/index.html"), page);
    } else if (name !== "parcel") await copyFile(join(directory, "index.html"), join(directory, "dist/index.html"));
    assert.equal(await said(join(directory, "dist")), "proven");
  });
}

/** Bundles code for browsers, as small as esbuild makes it. */
async function minified(directory, contents, options = {}) {
  const stdin = { contents, resolveDir: directory };
  const { outputFiles } = await build({ stdin, bundle: true, minify: true, format: "esm", write: false, logLevel: "error", ...options });
  return outputFiles[0].text;
}

const directory = await prepared({ after }, "bundled");

test("a script that is no module rejects init by its name and names what to do", async () => {
  const code = await minified(directory, 'import { init } from "csms"; globalThis.init = init;', { format: "iife" });
  await writeFile(join(directory, "script.js"), code);
  await writeFile(join(directory, "script.mjs"), 'await import("./script.js"); init().catch((error) => console.log(error.code, error.message));');
  const { stdout } = await run(process.execPath, ["script.mjs"], directory);
  assert.match(stdout, /^client\/module-missing .*init\(source\).*csms\/slim/);
});

test("what is not imported is left out", async () => {
  const sizes = {};
  for (const name of ["validateCreateSecret", "JweKey", "CsmsError", "signRequest"]) {
    sizes[name] = (await minified(directory, `import { ${name} } from "csms"; console.log(${name});`)).length;
  }
  const all = (await minified(directory, 'export * from "csms";')).length;
  assert.ok(sizes.CsmsError < 1000, JSON.stringify(sizes));
  assert.ok(sizes.validateCreateSecret < all / 3, JSON.stringify({ ...sizes, all }));
  assert.equal((await minified(directory, 'import "csms"; import "csms/jwe"; import "csms/client"; import "csms/rules";')).length, 0);
});

test("an uncaught error shows its names and lines, not the bundle", async () => {
  await writeFile(join(directory, "trace.mjs"), 'import { JweKey } from "csms";\nconsole.log(JweKey.dataKey(new Uint8Array(32)));\nJweKey.passphrase("");\n');
  const error = await run(process.execPath, ["trace.mjs"], directory).catch((error) => error.cause);
  assert.match(error.stdout, /^JweKey \{\}/);
  assert.match(error.stderr, /CsmsError: passphrase/);
  assert.match(error.stderr, /at JweKey\.passphrase|at passphrase/);
  assert.ok(error.stderr.length < 3000, `${error.stderr.length} characters`);
  const mapped = await run(process.execPath, ["--enable-source-maps", "trace.mjs"], directory).catch((error) => error.cause);
  assert.match(mapped.stderr, /src\/jwe\.ts:\d+/);
});
