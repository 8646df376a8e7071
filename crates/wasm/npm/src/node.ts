/**
 * The same as `index.ts` for Node, where `init()` may be left out.
 */
export * from "./api.js";
export { init } from "./init-node.js";
