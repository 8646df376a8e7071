/**
 * The package for Node: the module is read from the package on first use, so `init()` may be left out.
 */
import { readFileSync } from "node:fs";

import { load, loadOnFirstUse, loadSync, type ModuleSource } from "./engine.js";

export * from "./api.js";

const read = (): Uint8Array<ArrayBuffer> => readFileSync(new URL("./csms.wasm", import.meta.url));

loadOnFirstUse(read);

/** Loads the WebAssembly module now instead of on first use. */
export async function init(source?: ModuleSource | Promise<ModuleSource>): Promise<void> {
  if (source === undefined) loadSync(read());
  else await load(source);
}
