/**
 * The package for those who bring the WebAssembly module themselves, such as other libraries: this entry names no file,
 * so no bundler copies one.
 */
import { load, loadSync, type ModuleSource } from "./engine.js";

export * from "./api.js";

/** Loads the WebAssembly module from `source`. May be called any number of times; only the first loads. */
export async function init(source: ModuleSource | Promise<ModuleSource>): Promise<void> {
  await load(source);
}

/** The same at once. Browsers refuse to compile large modules synchronously on the main thread. */
export function initSync(source: BufferSource | WebAssembly.Module): void {
  loadSync(source);
}
