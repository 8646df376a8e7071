// The packed package against the vectors in Node.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { FILES, check } from "../vectors/check.mjs";
import { ROOT, project } from "./unpack.mjs";

test("every vector agrees in Node", async (context) => {
  const directory = await project(context, "node");
  const csms = await import(pathToFileURL(join(directory, "node_modules/csms/lib/node.js")));
  const read = async (name) => [name, JSON.parse(await readFile(join(ROOT, `tests/vectors/${name}.json`), "utf8"))];
  const { checked, failures } = await check(csms, Object.fromEntries(await Promise.all(FILES.map(read))));
  assert.deepEqual(failures, []);
  assert.ok(checked > 800, `${checked} checks`);
});
