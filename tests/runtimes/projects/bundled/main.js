import * as csms from "csms";

import { prove } from "./prove.mjs";

csms
  .init()
  .then(() => prove(csms))
  .catch((error) => `failed: ${error.code} ${error.message}`)
  .then((text) => (document.querySelector("output").textContent = text));
