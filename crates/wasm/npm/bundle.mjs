// Puts the code of each entry into one file, with what the entries share in another, and makes it small. The types stay
// as the compiler wrote them. `new URL("./csms.wasm", import.meta.url)` is left for the user's own bundler to find.

import { readdir, rm } from "node:fs/promises";

import { build } from "esbuild";

const ENTRIES = ["index.js", "node.js", "slim.js"];

await build({
  entryPoints: ENTRIES.map((entry) => `lib/${entry}`),
  outdir: "lib",
  allowOverwrite: true,
  bundle: true,
  splitting: true,
  minify: true,
  format: "esm",
  target: "es2022",
  external: ["node:fs"],
  chunkNames: "shared",
});
for (const file of await readdir("lib")) {
  if (file.endsWith(".js") && ![...ENTRIES, "shared.js"].includes(file)) await rm(`lib/${file}`);
}
