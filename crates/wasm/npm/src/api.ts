/**
 * Everything that the main entry and its variants export, whatever loads the module.
 */
export * from "./common.js";
export * from "./rules.js";
export { signRequest, type AccessKey, type RequestToSign } from "./signing.js";
export * from "./client.js";
export * from "./jwe.js";
