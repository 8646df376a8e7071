// What the first visit loads, compressed: every script and module that the first page needs. Fails above the budget.

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const CONSOLE = fileURLToPath(new URL("../crates/server/console/", import.meta.url));
const BUDGET = 300_000;

/** The page's own script and what it imports without waiting to be asked. */
async function first() {
  const page = await readFile(join(CONSOLE, "index.html"), "utf8");
  const wanted = [...page.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map(([, name]) => name);
  for (let at = 0; at < wanted.length; at += 1) {
    const text = wanted[at].endsWith(".js") ? await readFile(join(CONSOLE, wanted[at]), "utf8") : "";
    for (const [, name] of text.matchAll(/(?:from|import)\s*["']\.\/([^"']+\.js)["']/g)) {
      if (!wanted.includes(`assets/${name}`)) wanted.push(`assets/${name}`);
    }
  }
  const modules = (await readdir(join(CONSOLE, "assets"))).filter((name) => name.endsWith(".wasm"));
  return [...wanted, ...modules.map((name) => `assets/${name}`)];
}

const sizes = await Promise.all(
  (await first()).map(async (name) => [
    name.split(".").at(-1),
    gzipSync(await readFile(join(CONSOLE, name)), { level: 9 }).length,
  ]),
);
const sum = (...kinds) => sizes.filter(([kind]) => kinds.includes(kind)).reduce((total, [, size]) => total + size, 0);
const words = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
console.log(
  `first load ${words(sum("js", "wasm"))}: script ${words(sum("js"))}, wasm ${words(sum("wasm"))}; style ${words(sum("css"))}`,
);
if (sum("js", "wasm") > BUDGET) {
  console.error(`the first load must stay below ${words(BUDGET)}`);
  process.exitCode = 1;
}
