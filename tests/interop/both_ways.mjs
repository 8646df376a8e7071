// Passes fresh tokens between the npm package and other JOSE libraries, both ways and for every algorithm. What is fixed in
// tests/vectors/jwe.json was made once; this is made now, by the package as it is built and the libraries as installed.
//
//   node both_ways.mjs PYTHON     PYTHON has the packages of requirements.txt

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import * as csms from "../../crates/wasm/npm/lib/node.js";

const here = dirname(fileURLToPath(import.meta.url));
const [python] = process.argv.slice(2);
assert.ok(python, "usage: node both_ways.mjs PYTHON");

const vectors = JSON.parse(readFileSync(join(here, "../vectors/jwe.json"), "utf8"));
const binding = { name: "db-main", purpose: "value" };
const libraries = {
  jose: (command, path) => execFileSync(process.execPath, [join(here, "jose.mjs"), command, path], { encoding: "utf8" }),
  jwcrypto: (command, path) => execFileSync(python, [join(here, "jwcrypto_check.py"), command, path], { encoding: "utf8" }),
};

function keyOf({ jwk, passphrase }) {
  return passphrase === undefined ? csms.JweKey.fromJwk(jwk) : csms.JweKey.passphrase(passphrase, { iterations: 10_000 });
}

/** A token for every key of the vectors, by each engine, so that every algorithm is among them. */
async function seal() {
  const sealed = [];
  for (const [name, key] of Object.entries(vectors.keys)) {
    for (const engine of ["wasm", "webcrypto", "node"]) {
      for (const utf8 of ["s3cr3t", "凭据 🔑", "x".repeat(10_000), ""]) {
        const sealer = keyOf(key);
        const token = await sealer.seal(utf8, { ...binding, engine });
        sealer.free();
        sealed.push({ name: `${name} by ${engine}, ${utf8.length} units`, key: name, binding, utf8, token });
      }
    }
  }
  return sealed;
}

/** Opens every token that a library made, and returns their algorithms. */
async function open(foreign) {
  const algorithms = new Set();
  for (const { name, key, binding, utf8, token } of foreign) {
    for (const engine of ["wasm", "webcrypto", "node"]) {
      const opener = keyOf(vectors.keys[key]);
      const bytes = binding === null ? await opener.openUnbound(token, { engine }) : await opener.open(token, { ...binding, engine });
      assert.equal(new TextDecoder().decode(bytes), utf8, `${name} by ${engine}`);
      algorithms.add(opener.algorithm);
      opener.free();
    }
  }
  return algorithms;
}

const directory = mkdtempSync(join(tmpdir(), "csms-interop-"));
try {
  const path = join(directory, "jwe.json");
  const sealed = await seal();
  for (const [name, run] of Object.entries(libraries)) {
    writeFileSync(path, JSON.stringify({ ...vectors, sealed, foreign: [] }));
    run("open", path);
    run("make", path);
    const { foreign } = JSON.parse(readFileSync(path, "utf8"));
    const algorithms = await open(foreign);
    assert.equal(algorithms.size, 4, `${name} made tokens of every algorithm`);
    console.log(`${name}: opened ${sealed.length}, made ${foreign.length}`);
    // The fixed ones too, which the Rust tests make byte for byte.
    writeFileSync(path, JSON.stringify(vectors));
    run("open", path);
  }
} finally {
  rmSync(directory, { recursive: true });
}
