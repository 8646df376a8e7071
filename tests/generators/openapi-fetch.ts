// A client by `openapi-typescript` and `openapi-fetch`: creates a secret and prints the value that it reads back.
import createClient from "openapi-fetch";
import type { components, paths } from "./openapi-typescript";

declare const process: { env: Record<string, string | undefined> };
const { CSMS_URL = "", CSMS_TOKEN = "", CSMS_PROJECT = "" } = process.env;
const client = createClient<paths>({ baseUrl: CSMS_URL, headers: { "X-Auth-Token": CSMS_TOKEN } });
const path = { project_id: CSMS_PROJECT };

async function main(): Promise<void> {
  const body: components["schemas"]["CreateSecretRequest"] = { name: "openapi-typescript", secret_string: "from fetch" };
  const created = await client.POST("/v1/{project_id}/secrets", { params: { path }, body });
  if (created.error) throw new Error(JSON.stringify(created.error));
  const read = await client.GET("/v1/{project_id}/secrets/{secret_name}/versions/{version_id}", {
    params: { path: { ...path, secret_name: created.data.secret.name, version_id: "latest" } },
  });
  if (read.error) throw new Error(JSON.stringify(read.error));
  console.log(read.data.version.secret_string);
}

void main();
