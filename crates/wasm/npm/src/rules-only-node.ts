/**
 * The same as `rules-only.ts` for Node, where `init()` may be left out.
 */
export * from "./rules-only.js";
export { init } from "./init-node.js";
