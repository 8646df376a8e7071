// The packed package in Next.js: a server component, a route handler and one on the edge.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { test } from "node:test";

import { preparedWith, script, tool } from "./tools.mjs";

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

for (const bundler of ["--turbopack", "--webpack"]) {
  test(`Next.js builds and runs it with ${bundler}`, async (context) => {
    const directory = await preparedWith(context, "next", ["next", "react", "react-dom"]);
    const env = { NEXT_TELEMETRY_DISABLED: "1" };
    await script("next/dist/bin/next", ["build", bundler], directory, env);
    const port = await freePort();
    const server = spawn(process.execPath, [tool("next/dist/bin/next"), "start", "--port", String(port), "--hostname", "127.0.0.1"], {
      cwd: directory,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "inherit"],
    });
    context.after(async () => {
      server.kill();
      if (server.exitCode === null) await once(server, "exit");
    });
    for await (const line of createInterface(server.stdout)) if (line.includes("Ready")) break;
    const get = async (path) => (await fetch(`http://127.0.0.1:${port}${path}`)).text();
    assert.match(await get("/"), /page proven/);
    assert.equal(await get("/api/node"), "route proven");
    assert.equal(await get("/api/edge"), "edge client/aborted GET");
  });
}
