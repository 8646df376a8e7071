// The size of the package against its budget: the module and all code, each file compressed by gzip.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

/** What a page loads at most, in bytes. */
const BUDGET = 96 * 1024;

const lib = join(dirname(fileURLToPath(import.meta.url)), "../../crates/wasm/npm/lib");
/** Of the three entries a page loads one. */
const OTHERS = new Set(["node.js", "slim.js"]);

const size = (name) => gzipSync(readFileSync(join(lib, name)), { level: 9 }).length;
const code = readdirSync(lib).filter((name) => name.endsWith(".js") && !OTHERS.has(name));
const module = size("csms.wasm");
const glue = code.reduce((sum, name) => sum + size(name), 0);
const kilobytes = (bytes) => `${(bytes / 1024).toFixed(1)} KB`;
console.log(
  `${kilobytes(module)} module + ${kilobytes(glue)} code = ${kilobytes(module + glue)} gzip of ${kilobytes(BUDGET)}`,
);
if (module + glue > BUDGET) {
  console.error(`the package is larger than ${kilobytes(BUDGET)}`);
  process.exitCode = 1;
}
