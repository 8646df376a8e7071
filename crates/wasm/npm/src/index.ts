/**
 * The rules of Cloud Secret Management Service, a client, and client-side encryption.
 *
 * In browsers, call {@link init} once; it fetches `csms.wasm` from beside this file, or from where you say. In Node it may
 * be left out.
 */
export * from "./api.js";
export { init } from "./init.js";
