/**
 * The same as `jwe-only.ts` for Node, where `init()` may be left out.
 */
export * from "./jwe-only.js";
export { init } from "./init-node.js";
