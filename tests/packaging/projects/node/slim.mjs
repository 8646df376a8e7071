import { CsmsError, init, validateRotateSecret } from "csms/slim";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

try {
  validateRotateSecret({});
} catch (error) {
  console.log(error instanceof CsmsError, error.code, error.message);
}
await init(readFileSync(createRequire(import.meta.url).resolve("csms/csms.wasm")));
console.log(validateRotateSecret({ secret_name: "demo" }).ok);
