import * as csms from "./node_modules/csms/lib/index.js";
import { prove } from "./prove.mjs";

globalThis.proven = csms
  .init()
  .then(() => prove(csms))
  .catch((error) => `failed: ${error.code} ${error.message}`);
