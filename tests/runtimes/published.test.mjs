// The packed package as registries, TypeScript and old tools see it.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { TARBALL, tool as packagingTool } from "../packaging/unpack.mjs";
import { prepared, run, script, tool } from "./tools.mjs";

const COMPILERS = {
  "TypeScript 5.4": tool("typescript-5-4/bin/tsc"),
  "TypeScript 5.9": tool("typescript-5-9/bin/tsc"),
  "TypeScript 7.0": packagingTool("typescript/bin/tsc"),
};

for (const [name, compiler] of Object.entries(COMPILERS)) {
  test(`${name} checks the types of every entry, as a module, by require and for bundlers`, async (context) => {
    const directory = await prepared(context, "types");
    const common = { strict: true, noEmit: true, skipLibCheck: false, target: "ES2022", lib: ["ES2022", "DOM"], types: [] };
    for (const [module, moduleResolution] of [["NodeNext", "NodeNext"], ["ESNext", "Bundler"], ["CommonJS", undefined]]) {
      if (module === "CommonJS") await writeFile(join(directory, "package.json"), '{ "name": "types-project", "private": true }');
      const options = { ...common, module: module === "CommonJS" ? "NodeNext" : module, moduleResolution: moduleResolution ?? "NodeNext" };
      await writeFile(join(directory, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files: ["main.ts"] }));
      await run(process.execPath, [compiler, "--project", "."], directory);
    }
  });
}

test("publint and attw find nothing", async (context) => {
  const directory = await prepared(context, "types");
  const { stdout } = await script("publint/src/cli.js", ["run", "--strict", join(directory, "node_modules/csms")], directory);
  assert.match(stdout, /All good!/);
  const modules = ["csms", "csms-client", "csms-jwe", "csms-rules"].map((name) => `${name}.wasm`);
  await script("@arethetypeswrong/cli/dist/index.js", [TARBALL, "--exclude-entrypoints", ...modules], directory);
});

test("Node runs every entry by require, and a tool that reads no exports finds every one", async (context) => {
  const directory = await prepared(context, "types");
  await writeFile(join(directory, "main.cjs"), `
    const { CsmsError, JweKey } = require("csms/jwe");
    const { parseRotationPeriod } = require("csms/rules");
    const { signRequest } = require("csms/client");
    const all = require("csms");
    const old = ["client", "jwe", "node", "rules", "slim"].map((name) => require(\`./node_modules/csms/\${name}\`));
    try { JweKey.dataKey("x"); } catch (error) { console.log(error instanceof CsmsError, error instanceof all.CsmsError); }
    console.log(parseRotationPeriod("24h").value.canonical, typeof signRequest, old.every((entry) => entry.CsmsError === CsmsError));
  `);
  const { stdout } = await run(process.execPath, ["main.cjs"], directory);
  assert.equal(stdout, "true true\n1d function true\n");
});
