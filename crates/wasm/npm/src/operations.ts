/**
 * The operations of the service as methods: what each takes and answers. An operation is one row of {@link OPERATIONS},
 * which is written from the server's table, and one line here; code there is for none of them.
 */
import type { OperationName } from "./catalogue.js";
import type * as t from "./types.js";

/** Options of one call. */
export interface CallOptions {
  /** Ends the call. */
  signal?: AbortSignal;
}

/** A method for every operation, by its name in the official definitions. */
export interface OperationMethods {
  /** Creates a secret with its version v1. */
  createSecret(request: t.CreateSecretRequest, options?: CallOptions): Promise<t.SecretResponse>;
  /** One page of secrets, by name. {@link CsmsClient.secrets} reads all pages. */
  listSecrets(request?: t.ListSecretsRequest, options?: CallOptions): Promise<t.ListSecretsResponse>;
  /** A secret's metadata. */
  showSecret(request: t.SecretRequest, options?: CallOptions): Promise<t.SecretResponse>;
  /** Changes a secret's metadata. */
  updateSecret(request: t.UpdateSecretRequest, options?: CallOptions): Promise<t.SecretResponse>;
  /** Deletes a secret at once and for good. */
  deleteSecret(request: t.SecretRequest, options?: CallOptions): Promise<void>;
  /** Deletes a secret after some days. */
  deleteSecretForSchedule(request: t.ScheduleDeletionRequest, options?: CallOptions): Promise<t.SecretResponse>;
  /** Takes a scheduled deletion back. */
  restoreSecret(request: t.SecretRequest, options?: CallOptions): Promise<t.SecretResponse>;
  /** Starts a rotation; its task tells how it goes. */
  rotateSecret(request: t.SecretRequest, options?: CallOptions): Promise<t.RotateResponse>;
  /** Adds a version. */
  createSecretVersion(
    request: t.CreateSecretVersionRequest,
    options?: CallOptions,
  ): Promise<t.VersionMetadataResponse>;
  /** One page of versions, by number. {@link CsmsClient.versions} reads all pages. */
  listSecretVersions(request: t.ListSecretVersionsRequest, options?: CallOptions): Promise<t.ListVersionsResponse>;
  /** A version with its value. */
  showSecretVersion(request: t.VersionRequest, options?: CallOptions): Promise<t.ShowVersionResponse>;
  /** Sets when a version's expiry event fires. */
  updateVersion(request: t.UpdateVersionRequest, options?: CallOptions): Promise<t.VersionMetadataResponse>;
  /** A stage and the version it marks. */
  showSecretStage(request: t.StageRequest, options?: CallOptions): Promise<t.StageResponse>;
  /** Moves a stage to a version, or makes it. */
  updateSecretStage(request: t.UpdateSecretStageRequest, options?: CallOptions): Promise<t.StageResponse>;
  /** Takes a stage away. */
  deleteSecretStage(request: t.StageRequest, options?: CallOptions): Promise<void>;
  /** One page of rotation tasks, newest first. {@link CsmsClient.tasks} reads all pages. */
  listSecretTask(request?: t.ListSecretTaskRequest, options?: CallOptions): Promise<t.ListTasksResponse>;
  /** A sealed backup of a secret with all its versions. */
  downloadSecretBlob(request: t.SecretRequest, options?: CallOptions): Promise<t.SecretBlob>;
  /** Brings a secret back from its backup, in the installation that made it. */
  uploadSecretBlob(request: t.SecretBlob, options?: CallOptions): Promise<t.SecretResponse>;
  /** The current values of up to 20 secrets. */
  batchGetSecretValue(request: t.BatchGetRequest, options?: CallOptions): Promise<t.BatchGetResponse>;
  /** Creates up to 100 secrets, and tells which could not be created. */
  batchImportSecrets(request: t.BatchImportRequest, options?: CallOptions): Promise<t.BatchImportResponse>;
  /** Deletes every secret of an instance, at once and for good. */
  batchDeleteSecrets(request: t.BatchDeleteRequest, options?: CallOptions): Promise<t.BatchDeleteResponse>;
  /** Makes a stage, or moves it. */
  createSecretStage(request: t.CreateSecretStageRequest, options?: CallOptions): Promise<t.StageResponse>;
  /** Adds or takes away up to 20 tags of a secret. */
  batchCreateOrDeleteTags(request: t.ChangeTagsRequest, options?: CallOptions): Promise<void>;
  /** Adds a tag to a secret, or gives its key a new value. */
  createSecretTag(request: t.CreateTagRequest, options?: CallOptions): Promise<void>;
  /** Takes a tag away. */
  deleteSecretTag(request: t.DeleteTagRequest, options?: CallOptions): Promise<void>;
  /** The tags of a secret. */
  listSecretTags(request: t.SecretIdRequest, options?: CallOptions): Promise<t.ListTagsResponse>;
  /** All tags in the project, with their values. */
  listProjectSecretsTags(request?: Record<never, never>, options?: CallOptions): Promise<t.ListProjectTagsResponse>;
  /** Finds secrets by tags and parts of their names. */
  listResourceInstances(request: t.FindResourcesRequest, options?: CallOptions): Promise<t.ListResourcesResponse>;
  /** Creates an event, to which secrets can subscribe. */
  createSecretEvent(request: t.CreateEventRequest, options?: CallOptions): Promise<t.EventResponse>;
  /** One page of events, by name. */
  listSecretEvents(request?: t.PageRequest, options?: CallOptions): Promise<t.ListEventsResponse>;
  /** An event. */
  showSecretEvent(request: t.EventRequest, options?: CallOptions): Promise<t.EventResponse>;
  /** Changes an event. */
  updateSecretEvent(request: t.UpdateEventRequest, options?: CallOptions): Promise<t.EventResponse>;
  /** Deletes an event to which no secret subscribes. */
  deleteSecretEvent(request: t.EventRequest, options?: CallOptions): Promise<void>;
  /** One page of the notifications of three months, newest first. */
  listNotificationRecords(request?: t.PageRequest, options?: CallOptions): Promise<t.ListRecordsResponse>;
  /** Makes a copy of a secret in another region, which follows it. */
  createSecretReplica(request: t.CreateReplicaRequest, options?: CallOptions): Promise<t.SecretResponse>;
  /** Deletes the copy in a region, at once and for good. */
  deleteSecretReplica(request: t.DeleteReplicaRequest, options?: CallOptions): Promise<void>;
  /** The regions in which secrets of the project may have replicas. */
  listSupportRegions(request?: Record<never, never>, options?: CallOptions): Promise<t.ListRegionsResponse>;
  /** Has the service draw a password. */
  generateRandomPassword(request?: t.GeneratePasswordRequest, options?: CallOptions): Promise<{ password: string }>;
  /** Has the service judge a password. */
  checkSecrets(request: t.CheckSecretsRequest, options?: CallOptions): Promise<t.CheckSecretsResponse>;
  /** Whether passwords are judged. */
  showSecretsConfig(request?: Record<never, never>, options?: CallOptions): Promise<t.SecretsConfig>;
  /** Switches the judging of passwords on or off. */
  updateSecretsConfig(request: Partial<t.SecretsConfig>, options?: CallOptions): Promise<t.SecretsConfig>;
  /** Lets a user read a secret. */
  createGrants(request: t.GrantRequest, options?: CallOptions): Promise<t.GrantResponse>;
  /** Gives the grant of a user another end. */
  updateGrant(request: t.GrantRequest, options?: CallOptions): Promise<t.GrantResponse>;
  /** Who may read a secret by a grant. */
  listGrants(request: t.GrantsRequest, options?: CallOptions): Promise<t.ListGrantsResponse>;
  /** Takes the grant of a user away, or all grants of a secret. */
  deleteGrant(request: t.DeleteGrantRequest, options?: CallOptions): Promise<void>;
  /** One page of the users of the installation, by name. */
  listUsers(request: t.ListUsersRequest, options?: CallOptions): Promise<t.ListUsersResponse>;
  /** A user. */
  showUserDetail(request: t.UserId, options?: CallOptions): Promise<t.UserDetail>;
  /** Changes the caller's own password. */
  updateUserPassword(request: t.ChangePasswordRequest, options?: CallOptions): Promise<t.UserId>;
  /** Notes the agencies for functions that rotate secrets of a type. */
  createAgency(request: t.AgencyRequest, options?: CallOptions): Promise<t.CreateAgencyResponse>;
  /** Whether the agencies of a type have been noted. */
  showAgency(request: t.AgencyRequest, options?: CallOptions): Promise<{ agency_granted: "true" | "false" }>;
  /** The source text of a rotation function in Python. */
  showSecretFunctionTemplates(
    request: t.FunctionTemplateRequest,
    options?: CallOptions,
  ): Promise<{ function_templates: string }>;
}

/** A method for each operation on keys of the key service, by its name in the official definitions. */
export interface KeyMethods {
  /** Creates a key. */
  createKey(request: t.CreateKeyRequest, options?: CallOptions): Promise<t.CreateKeyResponse>;
  /** One page of keys. */
  listKeys(request?: t.ListKeysRequest, options?: CallOptions): Promise<t.ListKeysResponse>;
  /** What is known of a key. */
  listKeyDetail(request: t.KeyRequest, options?: CallOptions): Promise<{ key_info: t.KeyDetails }>;
  /** Lets a disabled key be used again. */
  enableKey(request: t.KeyRequest, options?: CallOptions): Promise<{ key_info: t.KeyInState }>;
  /** Keeps an enabled key from being used. */
  disableKey(request: t.KeyRequest, options?: CallOptions): Promise<{ key_info: t.KeyInState }>;
  /** Has a key deleted after some days, and with it everything that it protects. */
  deleteKey(request: t.DeleteKeyRequest, options?: CallOptions): Promise<t.KeyInState>;
  /** Takes a scheduled deletion back; the key is disabled then. */
  cancelKeyDeletion(request: t.KeyRequest, options?: CallOptions): Promise<t.KeyInState>;
  /** Gives a key another alias. */
  updateKeyAlias(
    request: t.KeyRequest & { key_alias: string },
    options?: CallOptions,
  ): Promise<{ key_info: { key_id: string; key_alias: string } }>;
  /** Gives a key another description. */
  updateKeyDescription(
    request: t.KeyRequest & { key_description: string },
    options?: CallOptions,
  ): Promise<{ key_info: { key_id: string; key_description: string } }>;
}

/** Request and answer of every operation. */
export type OperationTypes = {
  [O in OperationName]: {
    request: NonNullable<Parameters<OperationMethods[Uncapitalize<O>]>[0]>;
    response: Awaited<ReturnType<OperationMethods[Uncapitalize<O>]>>;
  };
};
