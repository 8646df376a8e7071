/**
 * The entry `csms/jwe`: client-side encryption alone.
 */
export { CsmsError, type ClientCode, type CsmsErrorCode, type CsmsErrorFacts } from "./error.js";
export type { JwkErrorName, OpenErrorName, SealErrorName } from "./catalogue.js";
export type { ModuleSource } from "./engine.js";
export { init } from "./init.js";
export * from "./jwe.js";
