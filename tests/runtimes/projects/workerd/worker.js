import { CsmsClient, initSync } from "csms/slim";
import * as csms from "csms/slim";
import module from "csms/csms.wasm";

import { prove } from "./prove.mjs";

initSync(module);

export default {
  async fetch(request, { ENDPOINT }) {
    const client = new CsmsClient({ endpoint: ENDPOINT, projectId: "p", credentials: { accessKey: "AK", secretKey: "SK" } });
    const { secrets } = await client.listSecrets();
    const error = await client.showSecret({ secret_name: "moved" }).catch((error) => error);
    return new Response(`${await prove(csms)}, ${secrets[0].name}, ${error.code} ${error.status}`);
  },
};
