// Prints the package's sizes, and its times beside those of others, in Node and in Chromium. `cargo xtask bench wasm`
// builds the package and starts this. `--quick` takes few sizes and short rounds; `--firefox` adds that browser.

import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import { build } from "esbuild";

import { withPage } from "../../../tests/browser/browsers.mjs";
import { serve } from "../../../tests/browser/serve.mjs";
import { measure } from "./cases.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const lib = join(here, "../npm/lib");
const quick = process.argv.includes("--quick");
const options = { quick, rounds: quick ? 5 : 21, milliseconds: 8 };

const bundle = async (contents) => {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: here },
    bundle: true,
    minify: true,
    format: "esm",
    write: false,
  });
  return outputFiles[0].contents;
};
const kilobytes = (bytes) => `${(gzipSync(bytes, { level: 9 }).length / 1024).toFixed(1)} KB`;

async function sizes() {
  const rows = {
    "csms, everything": [readFileSync(join(lib, "csms.wasm")), await bundle('export * from "../npm/lib/slim.js";')],
    jose: [await bundle('export { CompactEncrypt, compactDecrypt, importJWK } from "jose";')],
    "@noble/ciphers, AES": [await bundle('export { gcm } from "@noble/ciphers/aes.js";')],
    zod: [await bundle('export { z } from "zod";')],
    ajv: [await bundle('export { default } from "ajv";')],
  };
  console.log("\nSize, minified and compressed by gzip");
  for (const [name, parts] of Object.entries(rows)) console.log(`  ${name.padEnd(22)} ${parts.map(kilobytes).join(" + ")}`);
}

async function inBrowser(name) {
  const site = await mkdtemp(join(tmpdir(), "csms-bench-"));
  await writeFile(join(site, "page.js"), await bundle('import "./page.mjs";'));
  await writeFile(join(site, "index.html"), '<!doctype html><title>bench</title><script type="module" src="page.js"></script>');
  const server = await serve({ "/": site, "/csms/": lib });
  try {
    return await withPage(name, async (page) => {
      await page.goto(`${server.origin}/`);
      await page.waitForFunction(() => globalThis.measure !== undefined);
      const version = await page.browser().version();
      return { version, ...(await page.evaluate((options) => globalThis.measure(options), options)) };
    });
  } finally {
    await server.close();
    await rm(site, { recursive: true, force: true });
  }
}

const bytes = (size) => (size >= 1 << 20 ? `${size >> 20} MiB` : size >= 1024 ? `${size / 1024} KiB` : `${size} B`);
const cell = (text) => String(text).padStart(17);
const multiple = (ratio) => `${ratio >= 10 ? ratio.toFixed(0) : ratio.toFixed(2)}x`;

function table(title, rows, label) {
  const names = Object.keys(rows[0].found.times);
  console.log(`\n${title}: csms in microseconds, the others as multiples of it`);
  console.log(`  ${label.padEnd(10)}${names.map(cell).join("")}`);
  for (const { name, found } of rows) {
    const cells = names.map((other) => (other === "csms" ? found.times.csms.toFixed(1) : multiple(found.ratios[other])));
    console.log(`  ${name.padEnd(10)}${cells.map(cell).join("")}`);
  }
}

function report(engine, { own, encrypted, cut, validated }) {
  console.log(`\n== ${engine}`);
  for (const work of ["seal", "open"]) {
    const rows = encrypted.map((row) => ({ name: bytes(row.size), found: row[work] }));
    table(`${work} (dir, A256GCM)`, rows, "value");
  }
  compareWithJose(engine, encrypted);
  const against = encrypted.map(({ size, seal }) => ({
    size,
    ratio: 1 / Math.min(seal.ratios["in wasm"], seal.ratios["in WebCrypto"]),
  }));
  const worst = against.toSorted((a, b) => b.ratio - a.ratio)[0];
  console.log(`\n  seal against the faster of wasm and WebCrypto: at worst ${multiple(worst.ratio)}, at ${bytes(worst.size)}`);
  if (cut.length > 0) {
    const first = cut.findIndex((_, index) => cut.slice(index).every(({ ratio }) => ratio <= 1));
    const name = own === "node" ? "node:crypto" : "WebCrypto";
    console.log(`  ${name} as a multiple of wasm: ${cut.map((row) => `${bytes(row.size)} ${row.ratio.toFixed(2)}`).join(", ")}`);
    console.log(`  ${name} is the faster from ${first < 0 ? "beyond the last" : bytes(cut[first].size)} on`);
  }
  const rows = Object.entries(validated).map(([name, found]) => ({ name, found }));
  table("validation of a CreateSecret request", rows, "request");
}

/** What the package promises: in no cell slower than `jose` by more than a tenth, and on the whole not slower. */
const BOUNDS = { cell: 1.1, mean: 1 };

function compareWithJose(engine, encrypted) {
  const cells = encrypted.flatMap(({ size, ...row }) =>
    ["seal", "open"].map((work) => ({ cell: `${work} ${bytes(size)}`, ratio: 1 / row[work].ratios.jose })),
  );
  const mean = Math.exp(cells.reduce((sum, { ratio }) => sum + Math.log(ratio), 0) / cells.length);
  const slow = cells.filter(({ ratio }) => ratio > BOUNDS.cell);
  console.log(`\n  csms as a multiple of jose: ${cells.map(({ cell, ratio }) => `${cell} ${ratio.toFixed(2)}`).join(", ")}`);
  console.log(`  on the whole (geometric mean) ${mean.toFixed(2)} of at most ${BOUNDS.mean.toFixed(2)}`);
  if (slow.length === 0 && mean <= BOUNDS.mean) return;
  console.error(`  beyond the bounds in ${engine}: ${slow.map(({ cell }) => cell).join(", ") || "the mean"}`);
  process.exitCode = 1;
}

const git = () => execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: here, encoding: "utf8" }).trim();
console.log(`csms ${git()}, ${cpus().length} x ${cpus()[0].model}, ${options.rounds} rounds of ${options.milliseconds} ms`);
await sizes();
const csms = await import("../npm/lib/node.js");
await csms.init();
report(`Node ${process.version}`, await measure(csms, options));
for (const name of process.argv.includes("--firefox") ? ["chromium", "firefox"] : ["chromium"]) {
  const { version, ...measured } = await inBrowser(name);
  report(version, measured);
}
