/**
 * The WebAssembly instance: loaded once, shared by the functions of one entry.
 */
import * as bindings from "./bindings.js";
import { invalid, reading } from "./arguments.js";
import { CsmsError, type CsmsErrorCode } from "./error.js";
import { EXPORTS } from "./exports.js";

/** Where the module comes from: its address, a response that holds it, its bytes, or compiled. */
export type ModuleSource = string | URL | Response | BufferSource | WebAssembly.Module;

let ready = false;
let loading: Promise<void> | undefined;
let fallback: (() => BufferSource | WebAssembly.Module) | undefined;
let failures = 0;

/** How many instances have failed. What an instance made is of no use to the next. */
export const generation = (): number => failures;

/** Makes the instance on first use from what `source` returns. */
export function loadOnFirstUse(source: () => BufferSource | WebAssembly.Module): void {
  fallback = source;
}

/** Makes the instance at once. A second call does nothing. */
export function loadSync(source: BufferSource | WebAssembly.Module): void {
  if (!reading("source", () => isModule(source) || isMemory(source))) throw wrongSource();
  if (ready) return;
  try {
    const module = isModule(source) ? source : new WebAssembly.Module(source);
    bindings.initSync({ module: checked(module) });
  } catch (cause) {
    throw refused(cause);
  }
  ready = true;
}

/** Makes the instance. Calls at the same time share the work; later ones do nothing. */
export function load(source: ModuleSource | Promise<ModuleSource>): Promise<void> {
  const isThenable = reading("source", () => typeof (source as Promise<unknown> | undefined)?.then === "function");
  if (!isThenable && !reading("source", () => isSource(source))) return Promise.reject(wrongSource());
  // A promise that nobody needs any more may fail.
  if (isThenable) Promise.resolve(source).catch(() => undefined);
  if (ready) return Promise.resolve();
  loading ??= start(source).finally(() => (loading = undefined));
  return loading;
}

async function start(source: ModuleSource | Promise<ModuleSource>): Promise<void> {
  let found: ModuleSource;
  try {
    found = await source;
  } catch (cause) {
    throw cause instanceof CsmsError ? cause : unreachable("its source", cause);
  }
  const module = await compile(found);
  // It may have been made by `loadSync` in the meantime; another would invalidate its keys.
  if (ready) return;
  try {
    await bindings.default({ module_or_path: checked(module) });
  } catch (cause) {
    throw refused(cause);
  }
  ready = true;
}

async function compile(source: ModuleSource): Promise<WebAssembly.Module> {
  if (isModule(source)) return source;
  if (isMemory(source)) return compileBytes(source, "the bytes");
  const isForeign = isResponse(source);
  const response = isForeign ? source : await request(source);
  const where = response.url === "" ? "the response" : response.url;
  if (!response.ok) {
    const { status } = response;
    throw new CsmsError("client/module-missing", `the WebAssembly module of csms is not at ${where} (status ${status})`, {
      status,
      retryable: status === 429 || status >= 500,
    });
  }
  if (response.bodyUsed) throw invalid("source", "a response that nobody has read");
  let found;
  try {
    // Engines keep the machine code of modules that they compile from a response of their own.
    const type = response.headers.get("content-type") ?? "";
    if (!isForeign && type.startsWith("application/wasm") && WebAssembly.compileStreaming !== undefined) {
      return await WebAssembly.compileStreaming(response);
    }
    found = await response.arrayBuffer();
  } catch (cause) {
    throw isForbidden() || (cause as Error).name === "CompileError" ? refused(cause, where) : unreachable(where, cause);
  }
  return compileBytes(found, where);
}

async function request(source: unknown): Promise<Response> {
  if (!isAddress(source)) throw wrongSource();
  const address = reading("source", () => String(source));
  try {
    return await fetch(address);
  } catch (cause) {
    throw unreachable(address, cause);
  }
}

async function compileBytes(found: BufferSource, where: string): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(found);
  } catch (cause) {
    throw refused(cause, where);
  }
}

/** Another module would be found out only after it has taken the place of this one. */
function checked(module: WebAssembly.Module): WebAssembly.Module {
  const names = new Set(WebAssembly.Module.exports(module).map(({ name }) => name));
  if (EXPORTS.every((name) => names.has(name))) return module;
  throw new TypeError("the module exports other functions");
}

const tagOf = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1);
const isModule = (source: unknown): source is WebAssembly.Module => tagOf(source) === "WebAssembly.Module";
const isMemory = (source: unknown): source is BufferSource => ArrayBuffer.isView(source) || tagOf(source) === "ArrayBuffer";
// Some engines give their classes no names of their own, others have one for each realm.
const isResponse = (source: unknown): source is Response => source instanceof Response || tagOf(source) === "Response";

const isAddress = (source: unknown) =>
  (typeof source === "string" && source !== "") || source instanceof URL || tagOf(source) === "URL";
const isSource = (source: unknown) => isAddress(source) || isResponse(source) || isMemory(source) || isModule(source);

function wrongSource(): CsmsError {
  return invalid("source", "an address, a response, bytes or a compiled module");
}

function unreachable(where: string, cause: unknown): CsmsError {
  const message = `the WebAssembly module of csms could not be loaded from ${where}`;
  return new CsmsError("client/network", message, { retryable: true, cause });
}

/** Whether the page's policy lets no module be compiled, not even the smallest: a header. */
function isForbidden(): boolean {
  try {
    new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0));
    return false;
  } catch {
    return true;
  }
}

/** Why the engine took no module: its policy, or the bytes themselves. */
function refused(cause: unknown, where = "the source"): CsmsError {
  if (isForbidden()) {
    const message = "the content security policy forbids WebAssembly: allow 'wasm-unsafe-eval' in script-src";
    return new CsmsError("client/content-policy", message, { cause });
  }
  return new CsmsError("client/not-webassembly", `${where} is not the WebAssembly module of csms`, { cause });
}

/**
 * Runs `work` on the instance. Arguments have been checked, and the module reports its errors as texts, so that anything
 * else that is thrown is a defect, after which the instance cannot be trusted: it is given up.
 */
export function engine<T>(work: () => T): T {
  if (!ready) {
    if (fallback === undefined) {
      throw new CsmsError(
        "client/not-initialised",
        "csms is not initialised: call `await init()` once before anything else",
      );
    }
    loadSync(fallback());
  }
  try {
    return work();
  } catch (error) {
    if (typeof error === "string") throw error;
    failures += 1;
    // A new instance of the same module.
    bindings.__wbg_reset_state();
    throw new CsmsError("client/crashed", "csms has failed and begins again; make keys again", { cause: error });
  }
}

/** The error of a text that the module throws, `<kind>/<name> <message>`; anything else as it is. */
export function explained(error: unknown): unknown {
  if (typeof error !== "string") return error;
  const [kind = "", ...words] = error.split(" ");
  const isInput = kind.startsWith("input/");
  const code = (isInput ? "input/invalid" : kind) as CsmsErrorCode;
  return new CsmsError(code, words.join(" "), { field: isInput ? kind.slice(6) : undefined });
}

/** Waits for what WebCrypto does, which the module may have begun. */
export async function done<T>(begin: () => Promise<T>): Promise<T> {
  try {
    return await begin();
  } catch (cause) {
    const error = explained(cause);
    if (error instanceof CsmsError) throw error;
    throw new CsmsError("client/unsupported", "WebCrypto of this engine has failed", { cause });
  }
}

/** The same as {@link engine}, with the texts that the module throws as errors. */
export function guarded<T>(work: () => T): T {
  try {
    return engine(work);
  } catch (error) {
    throw explained(error);
  }
}
