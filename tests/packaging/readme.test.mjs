// Every example of the package's README is run, and prints what its comments say.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { ROOT, node, project } from "./unpack.mjs";

const readme = await readFile(join(ROOT, "crates/wasm/npm/README.md"), "utf8");
// Those that are marked `ignore` need surroundings that other tests have.
const examples = [...readme.matchAll(/^## (.+)$|^```js\n([^]*?)^```$/gm)];

let title = "the first steps";
for (const [, heading, code] of examples) {
  if (heading !== undefined) {
    title = heading;
    continue;
  }
  test(`the example of “${title}” prints what it says`, async (context) => {
    const directory = await project(context, "node");
    await writeFile(join(directory, "example.mjs"), code);
    const printed = await node("example.mjs", [], directory);
    const promised = code.split("\n").filter((line) => line.startsWith("// ")).map((line) => `${line.slice(3)}\n`);
    assert.equal(printed, promised.join(""));
  });
}

test("the README has an example for every feature", () => {
  assert.ok(examples.filter(([, , code]) => code).length >= 7);
});
