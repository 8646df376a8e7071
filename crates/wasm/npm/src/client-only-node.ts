/**
 * The same as `client-only.ts` for Node, where `init()` may be left out.
 */
export * from "./client-only.js";
export { init } from "./init-node.js";
