/**
 * The entry `csms/rules`: validation, rotation periods, previews and passwords alone.
 */
export * from "./common.js";
export { init } from "./init.js";
export * from "./rules.js";
