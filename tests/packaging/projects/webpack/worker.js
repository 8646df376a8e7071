import * as csms from "csms";

import { prove } from "./prove.mjs";

csms.init().then(
  async () => postMessage(await prove(csms)),
  (error) => postMessage(`failed: ${error}`),
);
