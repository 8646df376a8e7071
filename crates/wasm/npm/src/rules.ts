/**
 * The rules of the service: requests, periods, stages and passwords.
 */
export {
  checkText,
  validate,
  validateCreateSecret,
  validateCreateSecretVersion,
  validateDeleteSecretStage,
  validateRotateSecret,
  validateScheduleDeletion,
  validateUpdateSecret,
  validateUpdateSecretStage,
  validateUpdateVersion,
  type NormalCreateSecret,
  type NormalCreateSecretVersion,
  type NormalRequest,
  type Problem,
  type Refusal,
  type Result,
  type TextField,
  type ValidatedOperation,
  type ValidationOptions,
} from "./validation.js";
export * from "./periods.js";
export * from "./stages.js";
export * from "./passwords.js";
