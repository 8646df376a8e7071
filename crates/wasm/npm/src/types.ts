/**
 * Requests and answers of the service. Times are milliseconds since 1970.
 */

/** State of a secret. */
export type SecretState = "ENABLED" | "DISABLED" | "PENDING_DELETE" | "FROZEN";
/** Kind of a secret. */
export type SecretType = "COMMON" | "RDS-FG" | "GaussDB-FG";
/** How many accounts take turns. */
export type RotationMode = "SingleUser" | "MultiUser";
/** A language of messages: `en` or `zh-CN`; any other tag counts as English. */
export type Language = "en" | "zh-CN" | (string & {});

/** Metadata of a secret. */
export interface Secret {
  id: string;
  name: string;
  state: SecretState;
  kms_key_id: string;
  description: string;
  create_time: number;
  update_time: number;
  /** When the deletion happens; only in `PENDING_DELETE`. */
  scheduled_delete_time?: number;
  secret_type: SecretType;
  auto_rotation: boolean;
  rotation_period?: string;
  rotation_config?: string;
  /** Last successful rotation. */
  rotation_time?: number;
  next_rotation_time?: number;
  event_subscriptions: string[];
  enterprise_project_id: string;
  rotation_func_urn?: string;
  /** When a value was last read, to within a minute. */
  last_used_time?: number;
  domain_id: string;
  replica_type: ReplicaType;
  /** The replicas of a primary; of a replica, its primary. */
  replicas?: ReplicaInfo[];
}

/** What a secret is among its copies in other regions. */
export type ReplicaType = "STANDALONE" | "PRIMARY" | "REPLICA";

/** A secret with the same content in another region. */
export interface ReplicaInfo {
  id: string;
  kms_key_id: string;
  project_id: string;
  region: string;
  replica_type: ReplicaType;
  /** `IN_SYNC`: a replica is never behind. */
  status: string;
  created_at: number;
  updated_at: number;
}

/** Asks for a copy of a secret in another region. */
export interface CreateReplicaRequest extends SecretRequest {
  region: string;
  /** A key of the project of that region; its default key unless given. */
  kms_key_id?: string;
}

/** Names the copy of a secret in a region. */
export interface DeleteReplicaRequest extends SecretRequest {
  region_name: string;
}

/** Answer of ListSupportRegions. */
export interface ListRegionsResponse {
  regions: string[];
  total: number;
}

/** Metadata of a version. */
export interface VersionMetadata {
  /** `v1`, `v2`, … */
  id: string;
  create_time: number;
  /** When its expiry event fires; the value stays readable. */
  expire_time?: number;
  kms_key_id: string;
  secret_name: string;
  /** The stages that mark it; none for a deprecated version. */
  version_stages: string[];
}

/** A version with its value, which is in exactly one of the two fields. */
export interface Version {
  version_metadata: VersionMetadata;
  secret_string?: string;
  /** Base64. */
  secret_binary?: string;
}

/** A stage and the version it marks. */
export interface Stage {
  name: string;
  update_time: number;
  secret_name: string;
  version_id: string;
}

/** A rotation task. */
export interface Task {
  task_id: string;
  secret_name: string;
  rotation_func_urn: string;
  task_status: "RUNNING" | "SUCCESS" | "FAILED";
  operate_type: "SINGLE_USER" | "MULTI_USER";
  task_time: number;
  attempt_nums: number;
  task_error_code?: string;
  task_error_msg?: string;
  /** Our own: why it failed, as a message; absent where a function gave its reason in words alone. */
  task_error_detail?: Message;
  /** What happened, oldest first. Our own; only where `steps` or `task_id` asks for it. */
  steps?: TaskStep[];
}

/** A step of a rotation task: an extension of ListSecretTask that the cloud does not know. */
export interface TaskStep {
  time: number;
  attempt: number;
  step: string;
  outcome: string;
  outcome_detail?: Message;
}

/** What people are told about a rotation: a stable code, and what fills its sentence. Our own. */
export interface Message {
  code: string;
  fields?: { [name: string]: number | string | Message | Message[] };
}

/** Where a page stands in its list. */
export interface PageInfo {
  /** The marker of the next page; absent on the last one. */
  next_marker?: string;
  previous_marker?: string;
  current_count: number;
}

/** Exactly one of a text value and a binary value. */
export type SecretValue =
  | { secret_string: string; secret_binary?: never }
  | {
      /** Base64. */
      secret_binary: string;
      secret_string?: never;
    };

/** Request of CreateSecret. */
export type CreateSecretRequest = SecretValue & {
  name: string;
  kms_key_id?: string;
  description?: string;
  secret_type?: SecretType;
  auto_rotation?: boolean;
  rotation_period?: string;
  rotation_config?: string;
  rotation_func_urn?: string;
  event_subscriptions?: string[];
  enterprise_project_id?: string;
};

/** Request of an operation about one secret. */
export interface SecretRequest {
  secret_name: string;
}

/** Request of UpdateSecret; what is absent stays as it is. */
export interface UpdateSecretRequest extends SecretRequest {
  kms_key_id?: string;
  description?: string;
  auto_rotation?: boolean;
  rotation_period?: string;
  rotation_func_urn?: string;
  event_subscriptions?: string[];
}

/** Request of DeleteSecretForSchedule. */
export interface ScheduleDeletionRequest extends SecretRequest {
  /** 7 to 30. */
  recovery_window_in_days: number;
}

/** Request of CreateSecretVersion. */
export type CreateSecretVersionRequest = SecretRequest &
  SecretValue & {
    /** Stages to move to the new version; `SYSCURRENT` when absent or empty. */
    version_stages?: string[];
    expire_time?: number;
  };

/** Request of an operation about one version: `vN` or `latest`. */
export interface VersionRequest extends SecretRequest {
  version_id: string;
}

/** Request of UpdateVersion. */
export interface UpdateVersionRequest extends VersionRequest {
  expire_time: number;
}

/** Request of an operation about one stage. */
export interface StageRequest extends SecretRequest {
  stage_name: string;
}

/** Request of UpdateSecretStage. */
export interface UpdateSecretStageRequest extends StageRequest {
  /** `vN`. */
  version_id: string;
}

/** Which page of a list to read. */
export interface PageRequest {
  /** Items on a page, 1 to 1,000; 50 by default. */
  limit?: number;
  /** The item after which the page begins. */
  marker?: string;
}

/** Request of ListSecrets. */
export interface ListSecretsRequest extends PageRequest {
  /** Only secrets that subscribe to this event. */
  event_name?: string;
}

/** Request of ListSecretVersions. */
export interface ListSecretVersionsRequest extends PageRequest, SecretRequest {}

/** Request of ListSecretTask. */
export interface ListSecretTaskRequest extends PageRequest {
  secret_name?: string;
  status?: "SUCCESS" | "FAILED";
  /** Excludes every other parameter. */
  task_id?: string;
  /** Whether each task comes with its steps. Our own. */
  steps?: boolean;
}

/** Answer with a secret's metadata. */
export interface SecretResponse {
  secret: Secret;
}
/** Answer of ListSecrets. */
export interface ListSecretsResponse {
  secrets: Secret[];
  page_info: PageInfo;
}
/** Answer with a version's metadata. */
export interface VersionMetadataResponse {
  version_metadata: VersionMetadata;
}
/** Answer of ListSecretVersions. */
export interface ListVersionsResponse {
  version_metadatas: VersionMetadata[];
  page_info: PageInfo;
}
/** Answer of ShowSecretVersion. */
export interface ShowVersionResponse {
  version: Version;
}
/** Answer with a stage. */
export interface StageResponse {
  stage: Stage;
}
/** Answer of RotateSecret. */
export interface RotateResponse {
  rotation_task_id: string;
  secret_name: string;
  version_id: string;
}
/** Answer of ListSecretTask. */
export interface ListTasksResponse {
  tasks: Task[];
  total: number;
  next_marker?: string;
}

/** A sealed backup. */
export interface SecretBlob {
  secret_blob: string;
}

/** Request of BatchGetSecretValue. */
export interface BatchGetRequest {
  /** Up to 20 names. */
  secret_name_list: string[];
}
/** Answer of BatchGetSecretValue, in the order of the names. */
export interface BatchGetResponse {
  total_count: number;
  versions: Version[];
}
/** Request of BatchImportSecrets. */
export interface BatchImportRequest {
  /** Up to 100 secrets. */
  secrets: CreateSecretRequest[];
}
/** A secret for which something was not done, and why. */
export interface FailedSecret {
  name: string;
  error_msg: string;
}
/** Answer of BatchImportSecrets. */
export interface BatchImportResponse {
  total: number;
  success: number;
  failed: number;
  error_list: FailedSecret[];
}
/** Request of BatchDeleteSecrets. */
export interface BatchDeleteRequest {
  /** The instance in the secrets' `rotation_config`. */
  instance_id: string;
  instance_type?: "RDS" | "TaurusDB" | "GaussDB" | "APIG";
}
/** Answer of BatchDeleteSecrets. */
export interface BatchDeleteResponse {
  total: number;
  success_secrets: string[];
  failed_secrets: FailedSecret[];
}
/** Request of CreateSecretStage. */
export interface CreateSecretStageRequest extends SecretRequest {
  /** The stage. */
  name: string;
  /** `vN`. */
  version_id: string;
}

/** A tag. */
export interface Tag {
  key: string;
  value: string;
}
/** Request of an operation about one secret by its identifier. */
export interface SecretIdRequest {
  secret_id: string;
}
/** Request of CreateSecretTag. */
export interface CreateTagRequest extends SecretIdRequest {
  tag: { key: string; value?: string };
}
/** Request of DeleteSecretTag. */
export interface DeleteTagRequest extends SecretIdRequest {
  key: string;
}
/** Request of BatchCreateOrDeleteTags. */
export interface ChangeTagsRequest extends SecretIdRequest {
  action: "create" | "delete";
  tags: { key: string; value?: string }[];
}
/** Answer of ListSecretTags. */
export interface ListTagsResponse {
  tags: Tag[];
}
/** Answer of ListProjectSecretsTags. */
export interface ListProjectTagsResponse {
  tags: { key: string; values: string[] }[];
}
/** Request of ListResourceInstances. */
export interface FindResourcesRequest {
  action: "filter" | "count";
  /** Digits; 10 by default. */
  limit?: string;
  /** Digits; 0 by default. */
  offset?: string;
  /** Tags that a secret must all have, with one of the values or with any. */
  tags?: { key: string; values?: string[] }[];
  /** Parts that its name must all have. */
  matches?: { key: "resource_name"; value: string }[];
}
/** Answer of ListResourceInstances. */
export interface ListResourcesResponse {
  /** Absent for `count`. */
  resources?: { resource_id: string; resource_detail: Secret; resource_name: string; tags: Tag[] }[];
  total_count: number;
}

/** Request of GenerateRandomPassword. */
export interface GeneratePasswordRequest {
  /** 1 to 4,096; 32 by default. */
  length?: number;
  exclude_characters?: string;
  exclude_lowercase?: boolean;
  exclude_uppercase?: boolean;
  exclude_numbers?: boolean;
  exclude_punctuation?: boolean;
  include_space?: boolean;
  require_each_included_type?: boolean;
}
/** Request of CheckSecrets. */
export interface CheckSecretsRequest {
  type: "password";
  data: { secret: string; user_name?: string };
}
/** Answer of CheckSecrets. */
export interface CheckSecretsResponse {
  type: string;
  data: { strength: "weak" | "fair" | "strong" | "unchecked"; reasons: string[] };
}
/** Settings of the checker. */
export interface SecretsConfig {
  checking_secret_strength: boolean;
  /** Most bytes of `secret_string` and of the base64 text in `secret_binary`. */
  max_value_bytes: number;
}

/** What an event may tell of. */
export type EventType =
  | "SECRET_VERSION_CREATED"
  | "SECRET_VERSION_EXPIRED"
  | "SECRET_ROTATED"
  | "SECRET_ROTATED_FAILED"
  | "SECRET_DELETED";
/** Where an event tells it. */
export interface NotificationTarget {
  target_type: "SMN";
  /** URN of the topic. */
  target_id: string;
  target_name: string;
}
/** An event. */
export interface SecretEvent {
  name: string;
  event_id: string;
  event_types: EventType[];
  state: "ENABLED" | "DISABLED";
  create_time: number;
  update_time: number;
  notification: NotificationTarget;
}
/** Request of CreateSecretEvent. */
export type CreateEventRequest = Pick<SecretEvent, "name" | "event_types" | "state" | "notification">;
/** Request of an operation about one event. */
export interface EventRequest {
  event_name: string;
}
/** Request of UpdateSecretEvent; what is absent stays as it is. */
export interface UpdateEventRequest
  extends EventRequest, Partial<Pick<SecretEvent, "event_types" | "state" | "notification">> {}
/** Answer with an event. */
export interface EventResponse {
  event: SecretEvent;
}
/** Answer of ListSecretEvents. */
export interface ListEventsResponse {
  events: SecretEvent[];
  page_info: PageInfo;
}
/** A notification that was sent, or could not be. */
export interface NotificationRecord {
  event_name: string;
  trigger_event_type: EventType;
  create_time: number;
  secret_name: string;
  secret_type: SecretType;
  notification_target_name: string;
  notification_target_id: string;
  /** JSON text. */
  notification_content: string;
  notification_status: "SUCCESS" | "FAIL" | "INVALID";
}
/** Answer of ListNotificationRecords. */
export interface ListRecordsResponse {
  records: NotificationRecord[];
  page_info: PageInfo;
}

/** State of a key: 1 not activated, 2 enabled, 3 disabled, 4 scheduled for deletion, 5 without material. */
export type KeyState = "1" | "2" | "3" | "4" | "5";
/** What is known of a key. Numbers are text, times milliseconds since 1970. */
export interface KeyDetails {
  key_id: string;
  domain_id: string;
  key_alias: string;
  realm: string;
  key_description: string;
  creation_date: string;
  /** Empty unless it is scheduled for deletion. */
  scheduled_deletion_date: string;
  key_state: KeyState;
  /** `1` for the key that protects secrets without a key of their own. */
  default_key_flag: "0" | "1";
  key_type: string;
  key_usage: string;
  key_spec: string;
}
/** Request of an operation about one key. */
export interface KeyRequest {
  key_id: string;
}
/** A key, and its state after an operation. */
export interface KeyInState extends KeyRequest {
  key_state: KeyState;
}
/** Request of CreateKey. */
export interface CreateKeyRequest {
  key_alias: string;
  key_description?: string;
}
/** Answer of CreateKey. */
export interface CreateKeyResponse {
  key_info: { key_id: string; domain_id: string };
}
/** Request of DeleteKey. */
export interface DeleteKeyRequest extends KeyRequest {
  /** 7 to 1096, in text. */
  pending_days: string;
}
/** Request of ListKeys. */
export interface ListKeysRequest {
  /** Keys on a page, in text; all by default. */
  limit?: string;
  /** Number of keys before the page, in text. */
  marker?: string;
  key_state?: KeyState;
}
/** Answer of ListKeys. */
export interface ListKeysResponse {
  keys: string[];
  key_details: KeyDetails[];
  next_marker: string;
  truncated: "true" | "false";
  total: number;
}

/** Request of CreateGrants and UpdateGrant. */
export interface GrantRequest {
  /** Identifier or name of the secret. */
  resource_id: string;
  type: "SECRET";
  /** A user. */
  grantee_type: "0";
  /** Identifier or name of the user. */
  grantee_target_id: string;
  /** The last day in UTC, `YYYY-MM-DD`; without it the grant has no end. */
  validity_time?: string;
}
/** A grant. */
export interface Grant {
  uuid: string;
  /** Identifier of the secret. */
  resourceId: string;
  type: "SECRET";
  /** Identifier of the user. */
  granteeUser: string;
  createTime: number;
  updateTime: number;
  /** The first moment at which it no longer counts. */
  validityTime?: number;
}
/** Answer with a grant. */
export interface GrantResponse {
  data: Grant;
}
/** Request of ListGrants. */
export interface GrantsRequest {
  /** Identifier or name of the secret. */
  resource_id: string;
}
/** Request of DeleteGrant. */
export interface DeleteGrantRequest extends GrantsRequest {
  /** Identifier or name of the user; all grants are taken away without it. */
  grantee_user?: string;
}
/** A user who may read a secret. */
export interface Grantee {
  user_id: string;
  user_name: string;
  create_time: number;
  /** The first moment at which the grant no longer counts. */
  validity_time?: number;
}
/** Answer of ListGrants. */
export interface ListGrantsResponse {
  data: {
    id: string;
    name: string;
    type: "SECRET";
    grantee_user: Grantee[];
    create_time: number;
    update_time: number;
  };
}

/** Request of ListUsers. */
export interface ListUsersRequest {
  /** Number of the page, from 0. */
  offset: number;
  /** Users of a page, 10 to 100. */
  limit: number;
  /** Only users of this organisation. */
  org_id?: string;
  /** Part of the name. */
  user_info?: string;
}
/** A user's identifier. */
export interface UserId {
  user_id: string;
}
/** A user in a list. */
export interface User extends UserId {
  org_id: string;
  user_name: string;
  name: string;
  pwd_must_modify: boolean;
  disabled: "true" | "false";
  locked: "true" | "false";
  user_org_relation_list: { org_id: string; relation_type: string }[];
}
/** Answer of ListUsers. */
export interface ListUsersResponse {
  /** Users that match, on whatever page. */
  total: number;
  users: User[];
}
/** Answer of ShowUserDetail. */
export interface UserDetail extends Omit<User, "disabled"> {
  domain_id: string;
  disabled: boolean;
}
/** Request of UpdateUserPassword. */
export interface ChangePasswordRequest {
  old_password: string;
  /** 8 to 128 characters, neither the user's name nor its reverse. */
  password: string;
}

/** Request about the agencies of a type of secrets. */
export interface AgencyRequest {
  secret_type: Exclude<SecretType, "COMMON">;
}
/** Answer of CreateAgency. */
export interface CreateAgencyResponse {
  /** Those that could not be made say why. */
  agencies: { agency_name: string; agency_id?: string; error_msg?: string }[];
}
/** Request of ShowSecretFunctionTemplates; an engine goes with `RDS-FG`, and always. */
export interface FunctionTemplateRequest extends AgencyRequest {
  secret_sub_type: RotationMode;
  engine?: "mysql" | "postgresql" | "sqlserver";
}
