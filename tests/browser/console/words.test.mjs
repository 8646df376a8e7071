// Every English text of the console has its Chinese counterpart, and no counterpart is left over.

import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { ROOT } from "../../packaging/unpack.mjs";

const SOURCE = join(ROOT, "www/src");
const literal = (text) => JSON.parse(`"${text}"`);

async function sources() {
  const found = [];
  for (const name of await readdir(SOURCE, { recursive: true })) {
    if (/\.tsx?$/.test(name) && name !== "app/zh.ts") found.push(await readFile(join(SOURCE, name), "utf8"));
  }
  return found.join("\n");
}

async function translated() {
  const text = await readFile(join(SOURCE, "app/zh.ts"), "utf8");
  return [...text.matchAll(/^ {2}(?:"((?:[^"\\]|\\.)*)"|(\w+)):/gm)].map(([, quoted, bare]) => bare ?? literal(quoted));
}

test("every text has a translation", async () => {
  const known = new Set(await translated());
  const used = [...(await sources()).matchAll(/\bt\(\s*"((?:[^"\\]|\\.)*)"/g)].map(([, text]) => literal(text));
  assert.ok(used.length > 150, `${used.length} texts`);
  assert.deepEqual(used.filter((text) => !known.has(text)), []);
});

test("every translation is of a text that occurs", async () => {
  const all = await sources();
  assert.deepEqual((await translated()).filter((text) => !all.includes(JSON.stringify(text))), []);
});
