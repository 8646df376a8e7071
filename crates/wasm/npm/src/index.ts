/**
 * The rules of Cloud Secret Management Service and client-side encryption.
 *
 * Call {@link init} once; it fetches `csms.wasm` from beside this file, or from where you say.
 */
import { load, type ModuleSource } from "./engine.js";

export * from "./api.js";

/**
 * Loads the WebAssembly module. May be called any number of times; only the first loads.
 *
 * @param source address, response, bytes or compiled module; by default `csms.wasm` beside this file
 */
export function init(source?: ModuleSource | Promise<ModuleSource>): Promise<void> {
  return load(source ?? new URL("./csms.wasm", import.meta.url));
}
