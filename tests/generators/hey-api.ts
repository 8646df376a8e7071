// A client by `@hey-api/openapi-ts`: creates a secret and prints the value that it reads back.
import { createClient, createConfig } from "./hey-api/client";
import { createSecret, showSecretVersion } from "./hey-api/sdk.gen";
import type { CreateSecretRequest } from "./hey-api/types.gen";

declare const process: { env: Record<string, string | undefined> };
const { CSMS_URL = "", CSMS_TOKEN = "", CSMS_PROJECT = "" } = process.env;
const client = createClient(createConfig({ baseUrl: CSMS_URL, headers: { "X-Auth-Token": CSMS_TOKEN } }));
const project = { project_id: CSMS_PROJECT };

async function main(): Promise<void> {
  const body: CreateSecretRequest = { name: "hey-api", secret_string: "from hey" };
  const created = await createSecret({ client, path: project, body, throwOnError: true });
  const read = await showSecretVersion({
    client,
    path: { ...project, secret_name: created.data.secret.name, version_id: "latest" },
    throwOnError: true,
  });
  console.log(read.data.version.secret_string);
}

void main();
