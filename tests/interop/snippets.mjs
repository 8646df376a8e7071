// Runs what the package's README says about opening its tokens with other libraries: each snippet opens a token that the
// package has just sealed with a passphrase of 210,000 iterations.
//
//   node snippets.mjs PYTHON     PYTHON has the packages of requirements.txt

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import * as csms from "../../crates/wasm/npm/lib/node.js";

const here = dirname(fileURLToPath(import.meta.url));
const [python] = process.argv.slice(2);
assert.ok(python, "usage: node snippets.mjs PYTHON");

const readme = readFileSync(join(here, "../../crates/wasm/npm/README.md"), "utf8");
const section = readme.split("### Other JOSE libraries")[1].split("\n## ")[0];
const snippets = Object.fromEntries(
  [...section.matchAll(/^```\w+ (\S+)\n([^]*?)^```$/gm)].map(([, library, code]) => [library, code]),
);

const passphrase = "correct horse é";
const value = "s3cr3t 凭据";
const key = csms.JweKey.passphrase(passphrase);
const token = await key.seal(value, { name: "db-main", purpose: "value" });
const directory = mkdtempSync(join(tmpdir(), "csms-snippets-"));
const env = { ...process.env, TOKEN: token, PASSPHRASE: passphrase };
const run = (program, args, cwd = here) => execFileSync(program, args, { encoding: "utf8", env, cwd });

const runs = {
  jose(code) {
    const before = "const { TOKEN: token, PASSPHRASE: passphrase } = process.env;";
    const file = join(here, `.snippet-${process.pid}.mjs`);
    writeFileSync(file, `${before}\n${code}\nconsole.log(new TextDecoder().decode(plaintext));\n`);
    try {
      return run(process.execPath, [file]);
    } finally {
      rmSync(file);
    }
  },
  jwcrypto: inPython,
  joserfc: inPython,
  "go-jose"(code) {
    cpSync(join(here, "go"), directory, { recursive: true });
    const [imports, body] = code.split(/\n\n/, 2);
    const main = `package main\n\nimport (\n\t"fmt"\n\t"os"\n)\n${imports}\n\nfunc main() {\n\ttoken, passphrase := os.Getenv("TOKEN"), os.Getenv("PASSPHRASE")\n${body}\n\tif err != nil {\n\t\tpanic(err)\n\t}\n\tfmt.Println(string(plaintext))\n}\n`;
    writeFileSync(join(directory, "main.go"), main);
    return run("go", ["run", "."], directory);
  },
};

function inPython(code) {
  const before = 'import os\ntoken, passphrase = os.environ["TOKEN"], os.environ["PASSPHRASE"]';
  return run(python, ["-c", `${before}\n${code}\nprint(plaintext.decode())\n`]);
}

function has(program) {
  try {
    return run(program, ["version"]) !== "";
  } catch {
    return false;
  }
}

const opened = [];
try {
  assert.deepEqual(Object.keys(snippets).sort(), Object.keys(runs).sort(), "the README has a snippet for each library");
  for (const [library, code] of Object.entries(snippets)) {
    if (library === "go-jose" && !has("go")) {
      opened.push("go-jose not run: there is no Go here");
      continue;
    }
    assert.equal(runs[library](code).trim(), value, library);
    opened.push(library);
  }
} finally {
  key.free();
  rmSync(directory, { recursive: true });
}
console.log(`snippets: ${opened.join(", ")}`);
