// Written by crates/wasm/tests/catalogue.rs from the Rust tables. Do not edit.

/** Method, path, status of a success and shape of errors of every operation. */
export const OPERATIONS = {
  CreateSecret: { method: "POST", path: "/v1/{project_id}/secrets", success: 200, errors: "flat" },
  ListSecrets: { method: "GET", path: "/v1/{project_id}/secrets", success: 200, errors: "flat" },
  ShowSecret: { method: "GET", path: "/v1/{project_id}/secrets/{secret_name}", success: 200, errors: "flat" },
  UpdateSecret: { method: "PUT", path: "/v1/{project_id}/secrets/{secret_name}", success: 200, errors: "flat" },
  DeleteSecret: { method: "DELETE", path: "/v1/{project_id}/secrets/{secret_name}", success: 200, errors: "flat" },
  DeleteSecretForSchedule: { method: "POST", path: "/v1/{project_id}/secrets/{secret_name}/scheduled-deleted-tasks/create", success: 200, errors: "flat" },
  RestoreSecret: { method: "POST", path: "/v1/{project_id}/secrets/{secret_name}/scheduled-deleted-tasks/cancel", success: 200, errors: "flat" },
  RotateSecret: { method: "POST", path: "/v1/{project_id}/secrets/{secret_name}/rotate", success: 200, errors: "nested" },
  CreateSecretVersion: { method: "POST", path: "/v1/{project_id}/secrets/{secret_name}/versions", success: 200, errors: "flat" },
  ListSecretVersions: { method: "GET", path: "/v1/{project_id}/secrets/{secret_name}/versions", success: 200, errors: "flat" },
  ShowSecretVersion: { method: "GET", path: "/v1/{project_id}/secrets/{secret_name}/versions/{version_id}", success: 200, errors: "flat" },
  UpdateVersion: { method: "PUT", path: "/v1/{project_id}/secrets/{secret_name}/versions/{version_id}", success: 200, errors: "flat" },
  ShowSecretStage: { method: "GET", path: "/v1/{project_id}/secrets/{secret_name}/stages/{stage_name}", success: 200, errors: "flat" },
  UpdateSecretStage: { method: "PUT", path: "/v1/{project_id}/secrets/{secret_name}/stages/{stage_name}", success: 200, errors: "flat" },
  DeleteSecretStage: { method: "DELETE", path: "/v1/{project_id}/secrets/{secret_name}/stages/{stage_name}", success: 204, errors: "flat" },
  ListSecretTask: { method: "GET", path: "/v1/{project_id}/csms/tasks", success: 200, errors: "flat" },
  DownloadSecretBlob: { method: "POST", path: "/v1/{project_id}/secrets/{secret_name}/backup", success: 200, errors: "flat" },
  UploadSecretBlob: { method: "POST", path: "/v1/{project_id}/secrets/restore", success: 200, errors: "flat" },
  BatchGetSecretValue: { method: "POST", path: "/v1/{project_id}/secrets/batch-get-secret-value", success: 200, errors: "flat" },
  BatchImportSecrets: { method: "POST", path: "/v1/{project_id}/secrets/batch-import", success: 200, errors: "flat" },
  BatchDeleteSecrets: { method: "POST", path: "/v1/{project_id}/secrets/batch-delete", success: 200, errors: "flat" },
  CreateSecretStage: { method: "POST", path: "/v1/{project_id}/secrets/{secret_name}/stages", success: 200, errors: "flat" },
  BatchCreateOrDeleteTags: { method: "POST", path: "/v1/{project_id}/csms/{secret_id}/tags/action", success: 204, errors: "nested" },
  CreateSecretTag: { method: "POST", path: "/v1/{project_id}/csms/{secret_id}/tags", success: 204, errors: "nested" },
  DeleteSecretTag: { method: "DELETE", path: "/v1/{project_id}/csms/{secret_id}/tags/{key}", success: 204, errors: "nested" },
  ListSecretTags: { method: "GET", path: "/v1/{project_id}/csms/{secret_id}/tags", success: 200, errors: "nested" },
  ListProjectSecretsTags: { method: "GET", path: "/v1/{project_id}/csms/tags", success: 200, errors: "nested" },
  ListResourceInstances: { method: "POST", path: "/v1/{project_id}/csms/resource_instances/action", success: 200, errors: "nested" },
  CreateSecretEvent: { method: "POST", path: "/v1/{project_id}/csms/events", success: 200, errors: "nested" },
  ListSecretEvents: { method: "GET", path: "/v1/{project_id}/csms/events", success: 200, errors: "nested" },
  ShowSecretEvent: { method: "GET", path: "/v1/{project_id}/csms/events/{event_name}", success: 200, errors: "nested" },
  UpdateSecretEvent: { method: "PUT", path: "/v1/{project_id}/csms/events/{event_name}", success: 200, errors: "nested" },
  DeleteSecretEvent: { method: "DELETE", path: "/v1/{project_id}/csms/events/{event_name}", success: 204, errors: "nested" },
  ListNotificationRecords: { method: "GET", path: "/v1/{project_id}/csms/notification-records", success: 200, errors: "nested" },
  GenerateRandomPassword: { method: "POST", path: "/v1/{project_id}/csms/generate-password", success: 200, errors: "flat" },
  CheckSecrets: { method: "POST", path: "/v1/{project_id}/secrets/checker/check", success: 200, errors: "flat" },
  ShowSecretsConfig: { method: "GET", path: "/v1/{project_id}/secrets/checker/config", success: 200, errors: "flat" },
  UpdateSecretsConfig: { method: "POST", path: "/v1/{project_id}/secrets/checker/config", success: 200, errors: "flat" },
  CreateGrants: { method: "POST", path: "/v1/{project_id}/csms/grants", success: 200, errors: "flat" },
  UpdateGrant: { method: "PUT", path: "/v1/{project_id}/csms/grants", success: 200, errors: "flat", query: ["resource_id"] },
  ListGrants: { method: "GET", path: "/v1/{project_id}/csms/grants", success: 200, errors: "flat" },
  DeleteGrant: { method: "DELETE", path: "/v1/{project_id}/csms/grants", success: 204, errors: "flat" },
  ListUsers: { method: "GET", path: "/v1/csms/users", success: 200, errors: "nested" },
  ShowUserDetail: { method: "GET", path: "/v1/csms/users/{user_id}", success: 200, errors: "flat" },
  UpdateUserPassword: { method: "POST", path: "/v1/csms/users/change-password", success: 200, errors: "flat" },
  CreateAgency: { method: "POST", path: "/v1/csms/agencies", success: 200, errors: "flat" },
  ShowAgency: { method: "GET", path: "/v1/csms/agencies", success: 200, errors: "flat" },
  ShowSecretFunctionTemplates: { method: "GET", path: "/v1/csms/function-templates", success: 200, errors: "flat" },
  CreateSecretReplica: { method: "POST", path: "/v1/{project_id}/secrets/{secret_name}/replicas", success: 200, errors: "flat" },
  DeleteSecretReplica: { method: "DELETE", path: "/v1/{project_id}/secrets/{secret_name}/replicas/{region_name}", success: 204, errors: "flat" },
  ListSupportRegions: { method: "GET", path: "/v1/{project_id}/csms/replica-regions", success: 200, errors: "flat" },
} as const;

/** The name of an operation, as in the official definitions. */
export type OperationName = keyof typeof OPERATIONS;

/** Operations on keys, and where each is below `/v1.0/{project_id}/kms/`. */
export const KEY_OPERATIONS = {
  CreateKey: "create-key",
  ListKeys: "list-keys",
  ListKeyDetail: "describe-key",
  EnableKey: "enable-key",
  DisableKey: "disable-key",
  DeleteKey: "schedule-key-deletion",
  CancelKeyDeletion: "cancel-key-deletion",
  UpdateKeyAlias: "update-key-alias",
  UpdateKeyDescription: "update-key-description",
} as const;

/** The name of an operation on keys, as in the official definitions. */
export type KeyOperationName = keyof typeof KEY_OPERATIONS;

/** Method and path of every operation on users, policies, the audit trail and rights. */
export const ACCESS_OPERATIONS = {
  ListUsersV5: { method: "GET", path: "/v5/users" },
  CreateUserV5: { method: "POST", path: "/v5/users" },
  ShowUserV5: { method: "GET", path: "/v5/users/{user_id}" },
  UpdateUserV5: { method: "PUT", path: "/v5/users/{user_id}" },
  DeleteUserV5: { method: "DELETE", path: "/v5/users/{user_id}" },
  ListAccessKeysV5: { method: "GET", path: "/v5/users/{user_id}/access-keys" },
  CreateAccessKeyV5: { method: "POST", path: "/v5/users/{user_id}/access-keys" },
  UpdateAccessKeyV5: { method: "PUT", path: "/v5/users/{user_id}/access-keys/{access_key_id}" },
  DeleteAccessKeyV5: { method: "DELETE", path: "/v5/users/{user_id}/access-keys/{access_key_id}" },
  ShowAccessKeyLastUsedV5: { method: "GET", path: "/v5/users/{user_id}/access-keys/{access_key_id}/last-used" },
  ShowLoginProfileV5: { method: "GET", path: "/v5/users/{user_id}/login-profile" },
  CreateLoginProfileV5: { method: "POST", path: "/v5/users/{user_id}/login-profile" },
  UpdateLoginProfileV5: { method: "PUT", path: "/v5/users/{user_id}/login-profile" },
  DeleteLoginProfileV5: { method: "DELETE", path: "/v5/users/{user_id}/login-profile" },
  ListAttachedUserPoliciesV5: { method: "GET", path: "/v5/users/{user_id}/attached-policies" },
  ListPoliciesV5: { method: "GET", path: "/v5/policies" },
  CreatePolicyV5: { method: "POST", path: "/v5/policies" },
  GetPolicyV5: { method: "GET", path: "/v5/policies/{policy_id}" },
  DeletePolicyV5: { method: "DELETE", path: "/v5/policies/{policy_id}" },
  ListPolicyVersionsV5: { method: "GET", path: "/v5/policies/{policy_id}/versions" },
  CreatePolicyVersionV5: { method: "POST", path: "/v5/policies/{policy_id}/versions" },
  GetPolicyVersionV5: { method: "GET", path: "/v5/policies/{policy_id}/versions/{version_id}" },
  DeletePolicyVersionV5: { method: "DELETE", path: "/v5/policies/{policy_id}/versions/{version_id}" },
  SetDefaultPolicyVersionV5: { method: "POST", path: "/v5/policies/{policy_id}/versions/{version_id}/set-default" },
  AttachUserPolicyV5: { method: "POST", path: "/v5/policies/{policy_id}/attach-user" },
  DetachUserPolicyV5: { method: "POST", path: "/v5/policies/{policy_id}/detach-user" },
  ListEntitiesForPolicyV5: { method: "GET", path: "/v5/policies/{policy_id}/attached-entities" },
  ListTraces: { method: "GET", path: "/v3/{project_id}/traces" },
  CheckPermissions: { method: "POST", path: "/v1/{project_id}/csms/permissions/check" },
} as const;

/** The name of an operation on users, policies, the audit trail or rights. */
export type AccessOperationName = keyof typeof ACCESS_OPERATIONS;

/** Status and meaning of every error code, and whether the same call may succeed later. */
export const ERROR_CATALOGUE = {
  "CSMS.0002": { status: 400, retryable: false, text: "Invalid parameter" },
  "CSMS.0003": { status: 400, retryable: false, text: "Invalid request" },
  "CSMS.0004": { status: 400, retryable: false, text: "The request body is not a JSON object" },
  "CSMS.0005": { status: 404, retryable: false, text: "Not found" },
  "CSMS.0101": { status: 400, retryable: false, text: "Already exists" },
  "CSMS.0103": { status: 400, retryable: false, text: "Scheduled for deletion" },
  "CSMS.0105": { status: 400, retryable: false, text: "Built-in stage" },
  "CSMS.0106": { status: 404, retryable: false, text: "Secret not found" },
  "CSMS.0107": { status: 400, retryable: false, text: "Already scheduled for deletion" },
  "CSMS.0108": { status: 400, retryable: false, text: "Not scheduled for deletion" },
  "CSMS.0109": { status: 403, retryable: false, text: "Not enabled" },
  "CSMS.0110": { status: 400, retryable: false, text: "Replica" },
  "CSMS.0111": { status: 400, retryable: false, text: "Has replicas" },
  "CSMS.0202": { status: 400, retryable: false, text: "Secret quota" },
  "CSMS.0203": { status: 400, retryable: false, text: "Stage quota" },
  "CSMS.0205": { status: 400, retryable: false, text: "Version quota" },
  "CSMS.0206": { status: 400, retryable: false, text: "Tag quota" },
  "CSMS.0207": { status: 400, retryable: false, text: "Event in use" },
  "CSMS.0208": { status: 400, retryable: false, text: "Grant quota" },
  "CSMS.0209": { status: 400, retryable: false, text: "Event quota" },
  "CSMS.0301": { status: 401, retryable: false, text: "Invalid token" },
  "CSMS.0302": { status: 403, retryable: false, text: "Not allowed" },
  "CSMS.0401": { status: 400, retryable: false, text: "The value cannot be protected or read with its KMS key" },
  "CSMS.0402": { status: 503, retryable: true, text: "The Key Management Service cannot be asked" },
  "CSMS.0501": { status: 400, retryable: false, text: "Not rotatable" },
  "CSMS.0502": { status: 400, retryable: false, text: "Rotation is not configured" },
  "CSMS.0503": { status: 400, retryable: true, text: "Rotation is running" },
  "CSMS.0511": { status: 502, retryable: true, text: "The rotation function failed" },
  "CSMS.0512": { status: 502, retryable: true, text: "The rotation function could not be invoked" },
  "CSMS.0513": { status: 502, retryable: true, text: "The rotation was reported but not done" },
  "CSMS.0514": { status: 400, retryable: false, text: "The secret is gone" },
  "CSMS.0601": { status: 400, retryable: false, text: "This installation has no groups" },
  "CSMS.0602": { status: 400, retryable: false, text: "Wrong password" },
  "CSMS.0603": { status: 400, retryable: true, text: "The password is locked" },
  "CSMS.0701": { status: 503, retryable: true, text: "The store is not available" },
  "KMS.0002": { status: 400, retryable: false, text: "Invalid parameter" },
  "KMS.0003": { status: 400, retryable: false, text: "Invalid request" },
  "KMS.0004": { status: 400, retryable: false, text: "The request body is not a JSON object" },
  "KMS.0005": { status: 404, retryable: false, text: "The key does not exist" },
  "KMS.0101": { status: 400, retryable: false, text: "The alias exists" },
  "KMS.0202": { status: 400, retryable: false, text: "Key quota" },
  "KMS.0301": { status: 401, retryable: false, text: "Invalid token" },
  "KMS.0302": { status: 403, retryable: false, text: "Not allowed" },
  "KMS.0401": { status: 400, retryable: false, text: "The key's state does not permit this" },
  "KMS.0402": { status: 400, retryable: false, text: "The sealed text cannot be opened" },
  "KMS.0403": { status: 400, retryable: false, text: "Default keys are the service's" },
  "KMS.9999": { status: 500, retryable: true, text: "Internal error" },
  "IAM.0002": { status: 400, retryable: false, text: "Invalid parameter" },
  "IAM.0004": { status: 400, retryable: false, text: "The request body is not a JSON object" },
  "IAM.0005": { status: 404, retryable: false, text: "Not found" },
  "IAM.0101": { status: 409, retryable: false, text: "Already exists" },
  "IAM.0102": { status: 409, retryable: false, text: "Conflict" },
  "IAM.0301": { status: 401, retryable: false, text: "Invalid token" },
  "PAP5.0001": { status: 403, retryable: false, text: "access denied" },
  "PAP5.0010": { status: 400, retryable: false, text: "invalid marker" },
  "PAP5.0011": { status: 400, retryable: false, text: "malformed policy document" },
  "PAP5.0028": { status: 409, retryable: false, text: "versions per policy limit exceeded" },
  "IAM.9999": { status: 500, retryable: true, text: "Internal error" },
  "CSMS.9999": { status: 500, retryable: true, text: "Internal error" },
  "APIGW.0301": { status: 401, retryable: false, text: "Incorrect IAM authentication information" },
  "APIGW.0101": { status: 404, retryable: false, text: "The API does not exist" },
  "APIGW.0201": { status: 413, retryable: false, text: "The request body is too large" },
  "APIGW.0202": { status: 408, retryable: true, text: "The request body arrived too slowly" },
  "APIGW.0308": { status: 429, retryable: true, text: "The throttling threshold has been reached" },
} as const;

/** A code that the service answers with. */
export type ErrorCode = keyof typeof ERROR_CATALOGUE;

/** The rule that an input breaks. */
export type Rule =
  | "required"
  | "forbidden"
  | "type"
  | "too-short"
  | "too-long"
  | "too-many"
  | "too-small"
  | "too-large"
  | "pattern"
  | "choice"
  | "base64"
  | "json"
  | "exactly-one"
  | "required-with"
  | "duplicate"
  | "past"
  | "unknown";

/** Why the state of things does not allow a request. */
export type RefusalReason =
  | "secret-not-found"
  | "version-not-found"
  | "stage-not-found"
  | "task-not-found"
  | "secret-exists"
  | "secret-waits"
  | "pending-deletion"
  | "already-scheduled"
  | "not-scheduled"
  | "not-enabled"
  | "built-in-stage"
  | "secret-quota"
  | "stage-quota"
  | "version-quota"
  | "common-secret"
  | "rotation-not-configured"
  | "rotation-running"
  | "tag-quota"
  | "tag-not-found"
  | "event-not-found"
  | "event-exists"
  | "event-quota"
  | "event-in-use"
  | "replica"
  | "has-replicas"
  | "replica-exists"
  | "replica-not-found"
  | "grant-not-found"
  | "grant-exists"
  | "grant-quota";

/** What speaks against a password. */
export type WeaknessReason =
  | "too-short"
  | "too-long"
  | "few-classes"
  | "holds-user-name"
  | "well-known"
  | "repetition"
  | "run";

/** Why a token was not opened. */
export type OpenErrorName =
  | "token-too-long"
  | "part-count"
  | "base64"
  | "length"
  | "header-too-long"
  | "header-syntax"
  | "duplicate-member"
  | "unknown-member"
  | "missing-member"
  | "member-form"
  | "compressed"
  | "critical"
  | "algorithm"
  | "encryption"
  | "iteration-count"
  | "ephemeral-key"
  | "key-mismatch"
  | "unbound"
  | "bound"
  | "other-binding"
  | "decryption";

/** Why a value was not sealed. */
export type SealErrorName =
  | "randomness"
  | "too-long"
  | "underived";

/** Why a JSON Web Key was not read. */
export type JwkErrorName =
  | "too-long"
  | "syntax"
  | "duplicate-member"
  | "missing-member"
  | "member-form"
  | "key-type"
  | "not-on-curve"
  | "private-key"
  | "other-use"
  | "public";
