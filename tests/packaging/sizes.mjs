// The size of the package against its budgets: what a page loads of each entry, each file compressed by gzip.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

/** What a page loads of each entry, and at most how much that is, in KiB. */
const ENTRIES = {
  csms: { module: "csms.wasm", code: ["index.js", "shared.js", "error.js"], budget: 112 },
  "csms/client": { module: "csms-client.wasm", code: ["client-only.js", "error.js"], budget: 26 },
  "csms/jwe": { module: "csms-jwe.wasm", code: ["jwe-only.js", "error.js"], budget: 54 },
  "csms/rules": { module: "csms-rules.wasm", code: ["rules-only.js", "error.js"], budget: 65 },
};

const lib = join(dirname(fileURLToPath(import.meta.url)), "../../crates/wasm/npm/lib");
const size = (name) => gzipSync(readFileSync(join(lib, name)), { level: 9 }).length / 1024;

const rows = [];
for (const [entry, { module, code, budget }] of Object.entries(ENTRIES)) {
  const [first, rest] = [size(module), code.reduce((sum, name) => sum + size(name), 0)];
  rows.push(`${entry} ${first.toFixed(1)} + ${rest.toFixed(1)} KB`);
  if (first + rest > budget) {
    console.error(`${entry} is larger than ${budget} KB compressed: ${(first + rest).toFixed(1)}`);
    process.exitCode = 1;
  }
}
console.log(`${rows.join(", ")} (module + code, gzip)`);
