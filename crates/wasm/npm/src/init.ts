/**
 * Loading of the module in browsers: its file is beside this code.
 */
import { type ModuleSource, load } from "./engine.js";
import { CsmsError } from "./error.js";

/**
 * Loads the WebAssembly module. May be called any number of times; only the first loads.
 *
 * @param source address, response, bytes or compiled module; by default the package's own module
 */
export async function init(source?: ModuleSource | Promise<ModuleSource>): Promise<void> {
  await load(source === undefined ? standardSource() : source);
}

function standardSource(): ModuleSource {
  try {
    // Bundlers look for this very form, and copy the file.
    return new URL("./csms.wasm", import.meta.url);
  } catch (cause) {
    const message = "the code of csms has no address here: call `init(source)`, or use csms/slim";
    throw new CsmsError("client/module-missing", message, { cause });
  }
}
