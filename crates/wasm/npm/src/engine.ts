/**
 * The WebAssembly instance: loaded once, shared by every entry of the package.
 */
import * as bindings from "./bindings.js";
import { CsmsError } from "./error.js";

/** Where the module comes from: its address, an answer to a request for it, its bytes, or compiled. */
export type ModuleSource = string | URL | Response | BufferSource | WebAssembly.Module;

let ready = false;
let loading: Promise<void> | undefined;
let fallback: (() => ModuleSource) | undefined;

/** Makes the instance on first use from what `source` returns, bytes or a compiled module. */
export function loadOnFirstUse(source: () => BufferSource | WebAssembly.Module): void {
  fallback = source;
}

/** Makes the instance at once. A second call does nothing. */
export function loadSync(source: BufferSource | WebAssembly.Module): void {
  if (ready) return;
  bindings.initSync({ module: source });
  ready = true;
}

/** Makes the instance. A second call waits for the first and does nothing of its own. */
export function load(source: ModuleSource | Promise<ModuleSource>): Promise<void> {
  if (ready) return Promise.resolve();
  loading ??= bindings.default({ module_or_path: source }).then(
    () => {
      ready = true;
      loading = undefined;
    },
    (cause: unknown) => {
      loading = undefined;
      throw new CsmsError("client/network", "the WebAssembly module of csms could not be loaded", {
        retryable: true,
        cause,
      });
    },
  );
  return loading;
}

/** Runs `call` on the instance and turns a trap, which ends the instance, into an error. */
export function engine<T>(call: (bound: typeof bindings) => T): T {
  if (!ready) {
    if (fallback === undefined) {
      throw new CsmsError(
        "client/not-initialised",
        "csms is not initialised: call `await init()` once before anything else",
      );
    }
    loadSync(fallback() as BufferSource);
  }
  try {
    return call(bindings);
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) {
      ready = false;
      bindings.__wbg_reset_state();
      throw new CsmsError("client/crashed", "csms has failed; call `init()` again, and make keys anew", {
        cause: error,
      });
    }
    throw error;
  }
}
