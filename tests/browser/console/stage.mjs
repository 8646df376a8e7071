// What the console's tests play on: a running server, a client of it, and a database. `cargo xtask` starts them and
// says where they are.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { randomBytes } from "node:crypto";

import { ROOT } from "../../packaging/unpack.mjs";

const { CsmsClient, JweKey, init } = await import(join(ROOT, "www/node_modules/csms/lib/node.js"));
await init?.();

export { JweKey };

/** The server's first user. */
export const CREDENTIALS = JSON.parse(readFileSync(process.env.CSMS_CREDENTIALS, "utf8"));
/** The console's address. */
export const URL_OF_CONSOLE = CREDENTIALS.endpoint;
/** Logins of accounts in a real database by who may rotate them, each the value of a secret. */
const LOGINS = JSON.parse(process.env.CSMS_DATABASE_LOGINS ?? "{}");
export const loginFor = (whom) => {
  const login = LOGINS[whom];
  if (login === undefined) throw new Error(`there is no account for ${whom}`);
  return login;
};

/** The same client that the console uses, in Node. */
export const client = new CsmsClient({
  endpoint: CREDENTIALS.endpoint,
  projectId: CREDENTIALS.project_id,
  credentials: { accessKey: CREDENTIALS.access_key, secretKey: CREDENTIALS.secret_key },
});

/** A name that no other test has. */
export const unique = (prefix) => `${prefix}-${randomBytes(4).toString("hex")}`;

/** As many as the service takes in one request. */
const BATCH = 100;

/** Makes secrets `prefix-00000` and so on, a few batches at a time, as an importer would. */
export async function fill(prefix, count) {
  const batches = Array.from({ length: count / BATCH }, (_, batch) =>
    Array.from({ length: BATCH }, (_, index) => ({
      name: `${prefix}-${String(batch * BATCH + index).padStart(5, "0")}`,
      secret_string: "one of many",
    })),
  );
  const workers = Array.from({ length: 4 }, async () => {
    for (let batch = batches.pop(); batch; batch = batches.pop()) {
      const { failed, error_list } = await client.batchImportSecrets({ secrets: batch });
      assert.equal(failed, 0, JSON.stringify(error_list));
    }
  });
  await Promise.all(workers);
}
