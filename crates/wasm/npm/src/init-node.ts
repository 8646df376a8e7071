/**
 * Loading of the module in Node: it is part of the code, so that bundlers for servers need not copy a file, and nothing is
 * read. It is made on first use.
 */
import { type ModuleSource, load, loadOnFirstUse, loadSync } from "./engine.js";
import { MODULE } from "./module.js";

interface Decoder {
  from(text: string, encoding: string): Uint8Array<ArrayBuffer>;
}

function standardSource(): Uint8Array<ArrayBuffer> {
  const { Buffer } = globalThis as { Buffer?: Decoder };
  return Buffer?.from(MODULE, "base64") ?? Uint8Array.from(atob(MODULE), (letter) => letter.charCodeAt(0));
}

loadOnFirstUse(standardSource);

/** Loads the WebAssembly module now instead of on first use. */
export async function init(source?: ModuleSource | Promise<ModuleSource>): Promise<void> {
  if (source === undefined) loadSync(standardSource());
  else await load(source);
}
