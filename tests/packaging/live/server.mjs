// A csms server of a test, on its own port and data.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const BINARY = process.env.CSMS_BIN ?? join(import.meta.dirname, "../../../target/debug/csms");

/** Starts a server and returns where it is and how to sign in; it ends with the test. */
export async function csms(context, ...flags) {
  const data = await mkdtemp(join(tmpdir(), "csms-live-"));
  const process = spawn(BINARY, ["serve", "--listen", "127.0.0.1:0", "--data", data, ...flags], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...globalThis.process.env, CSMS_LOG: "warn" },
  });
  context.after(async () => {
    process.kill();
    if (process.exitCode === null) await once(process, "exit");
    await rm(data, { recursive: true, force: true });
  });
  // One line of JSON when it accepts connections; the end of the output when it could not.
  const { value } = await createInterface(process.stdout)[Symbol.asyncIterator]().next();
  if (value === undefined) throw new Error(`${BINARY} did not start`);
  const ready = JSON.parse(value);
  const file = JSON.parse(await readFile(ready.credentials, "utf8"));
  const credentials = { accessKey: file.access_key, secretKey: file.secret_key };
  const user = { name: file.user_name, password: file.password, domain: file.domain_name };
  return { endpoint: ready.url, projectId: ready.project_id, credentials, user };
}
