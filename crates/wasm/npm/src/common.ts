/**
 * What every entry of the package exports: errors, names and types.
 */
export {
  ACCESS_OPERATIONS,
  ERROR_CATALOGUE,
  KEY_OPERATIONS,
  OPERATIONS,
  type AccessOperationName,
  type ErrorCode,
  type JwkErrorName,
  type KeyOperationName,
  type OpenErrorName,
  type OperationName,
  type RefusalReason,
  type Rule,
  type SealErrorName,
  type WeaknessReason,
} from "./catalogue.js";
export { CsmsError, type ClientCode, type CsmsErrorCode, type CsmsErrorFacts } from "./error.js";
export type { ModuleSource } from "./engine.js";
export type * from "./types.js";
export type * from "./operations.js";
export type * from "./access.js";
