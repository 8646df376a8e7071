// Clients that generators make of `/openapi.json`: they are compiled, and each creates a secret and reads it back.
//
// CSMS_PYTHON is the Python of an environment with requirements.txt. No output of a generator is kept.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, delimiter, join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { csms } from "../packaging/live/server.mjs";

const run = promisify(execFile);
const here = import.meta.dirname;
const python = process.env.CSMS_PYTHON ?? "python3";
const bin = (name) => join(here, "node_modules", name);

/** A directory with the document of a server and the programs of this one, and how the programs reach the server. */
async function place(context) {
  const server = await csms(context);
  const directory = await mkdtemp(join(tmpdir(), "csms-generators-"));
  context.after(() => rm(directory, { recursive: true }));
  const document = await (await fetch(`${server.endpoint}/openapi.json`)).text();
  await writeFile(join(directory, "openapi.json"), document);
  for (const file of ["client.py", "hey-api.ts", "openapi-fetch.ts"]) await cp(join(here, file), join(directory, file));
  await symlink(join(here, "node_modules"), join(directory, "node_modules"));
  const path = `${dirname(python)}${delimiter}${process.env.PATH}`;
  const env = { ...process.env, PATH: path, CSMS_URL: server.endpoint, CSMS_PROJECT: server.projectId, CSMS_TOKEN: await token(server) };
  Object.assign(env, { REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" });
  return { directory, env, does: (program, ...args) => run(program, args, { cwd: directory, env }) };
}

async function token({ endpoint, projectId, user }) {
  const password = { user: { name: user.name, password: user.password, domain: { name: user.domain } } };
  const identity = { methods: ["password"], password };
  const body = JSON.stringify({ auth: { identity, scope: { project: { id: projectId } } } });
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${endpoint}/v3/auth/tokens`, { method: "POST", headers, body });
  assert.equal(response.status, 201);
  return response.headers.get("x-subject-token");
}

test("the document is valid by two validators", async (context) => {
  const { does } = await place(context);
  await does(python, "-m", "openapi_spec_validator", "openapi.json");
  await does("node", bin("@redocly/cli/bin/cli.js"), "lint", "--extends", "minimal", "openapi.json");
});

test("clients of two TypeScript generators compile, create a secret and read it", async (context) => {
  const { does } = await place(context);
  await does("node", bin("openapi-typescript/bin/cli.js"), "openapi.json", "-o", "openapi-typescript.d.ts");
  await does("node", bin("@hey-api/openapi-ts/bin/run.js"), "-i", "openapi.json", "-o", "hey-api");
  const module = ["--module", "commonjs", "--moduleResolution", "node10"];
  const target = ["--target", "es2022", "--lib", "es2023,dom,dom.iterable", "--outDir", "out"];
  await does("node", bin("typescript/bin/tsc"), "--strict", ...module, ...target, "openapi-fetch.ts", "hey-api.ts");
  assert.equal((await does("node", "out/openapi-fetch.js")).stdout, "from fetch\n");
  assert.equal((await does("node", "out/hey-api.js")).stdout, "from hey\n");
});

test("the client of a Python generator has typed requests, creates a secret and reads it", async (context) => {
  const { does } = await place(context);
  const output = ["--output-path", "generated", "--meta", "none"];
  const generated = await does("openapi-python-client", "generate", "--path", "openapi.json", ...output);
  assert.doesNotMatch(generated.stdout, /Warning|Error/);
  assert.equal((await does(python, "client.py")).stdout, "from python\n");
});
