import * as main from "csms";
import * as node from "csms/node";
import * as slim from "csms/slim";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { prove } from "./prove.mjs";

// In Node, `csms` is `csms/node`, and loads itself on first use.
console.log("without init", main.parseRotationPeriod("30d").ok);
await Promise.all([main.init(), main.init(), node.init()]);
console.log("main", await prove(main));
console.log("slim shares the instance", slim.validateRotateSecret({ secret_name: "demo" }).ok);
const wasm = createRequire(import.meta.url).resolve("csms/csms.wasm");
console.log("module", WebAssembly.validate(readFileSync(wasm)));
