/**
 * Users, their access keys, passwords and policies, the audit trail, and the check of rights, as methods: the parts of IAM
 * v5 and of CTS v3 that the server has, under their names. An operation is one row of {@link ACCESS_OPERATIONS}, which is
 * written from the server's tables, and one line here.
 *
 * Against the cloud, make a client whose `endpoint` is that of IAM or CTS; the check of rights is the server's own.
 */
import type { AccessOperationName } from "./catalogue.js";
import type { CallOptions } from "./operations.js";

/** A user. Times are RFC 3339 texts; what an older server did not write down is left out. */
export interface IamUser {
  user_id: string;
  user_name: string;
  description: string;
  /** Whether the user may do anything at all. */
  enabled: boolean;
  /** The first user, which is neither deleted nor disabled by a request. */
  is_root_user: boolean;
  created_at?: string;
  urn: string;
}

/** An access key without its secret key. */
export interface IamAccessKey {
  user_id: string;
  access_key_id: string;
  created_at?: string;
  status: "active" | "inactive";
}

/** That a user can sign in with a password. */
export interface IamLoginProfile {
  user_id: string;
  password_reset_required: boolean;
  created_at?: string;
}

/** A policy, without its document, which {@link AccessMethods.getPolicyVersionV5} tells. */
export interface IamPolicy {
  policy_type: "custom" | "system";
  policy_name: string;
  policy_id: string;
  urn: string;
  path: string;
  /** The version that counts, such as `v1`. */
  default_version_id: string;
  /** How many users it is attached to. */
  attachment_count: number;
  description: string;
  created_at?: string;
  updated_at?: string;
}

/** A version of a policy. */
export interface IamPolicyVersion {
  /** The policy as JSON in text; absent where all versions are listed. */
  document?: string;
  version_id: string;
  is_default: boolean;
  created_at?: string;
}

/** A policy that is attached to a user. */
export interface IamAttachedPolicy {
  policy_name: string;
  policy_id: string;
  urn: string;
  attached_at?: string;
}

/** Where the next page begins, if there is one. */
export interface IamPageInfo {
  next_marker?: string;
  current_count: number;
}

/** Which page: at most `limit` items (1 to 200, 100 by default) behind `marker`. */
export interface IamPageRequest {
  limit?: number;
  marker?: string;
}

/** Names a user. */
export interface IamUserRequest {
  user_id: string;
}

/** Names a policy. */
export interface IamPolicyRequest {
  policy_id: string;
}

/** Which records of the audit trail; of the last hour unless `from` and `to` say otherwise. Times are milliseconds. */
export interface ListTracesRequest {
  trace_type?: "system";
  /** 1 to 200, 10 by default. */
  limit?: number;
  /** The marker of the page before. */
  next?: string;
  from?: number;
  to?: number;
  service_type?: Trace["service_type"];
  /** Name of the user who did it. */
  user?: string;
  resource_name?: string;
  resource_id?: string;
  /** The operation, such as `CreateSecretVersion`. */
  trace_name?: string;
  /** This record alone, whatever else is asked for. */
  trace_id?: string;
  trace_rating?: Trace["trace_rating"];
}

/** A record of the audit trail. Times are milliseconds. */
export interface Trace {
  /** The number of the record in the chain. */
  trace_id: string;
  trace_name: string;
  /** `normal` for what succeeded. */
  trace_rating: "normal" | "warning";
  trace_type: "ApiCall" | "SystemAction";
  service_type: "CSMS" | "KMS" | "IAM";
  resource_type?: "secret" | "cmk" | "user" | "policy" | "accessKey";
  resource_name?: string;
  resource_id?: string;
  user: { id?: string; name: string; user_name: string; domain: { id: string; name: string }; account_id: string };
  time: number;
  record_time: number;
  /** The HTTP status. */
  code: string;
  read_only: boolean;
  source_ip?: string;
  request_id?: string;
  /** JSON in text: `outcome` (`OK` or the error's code), and where they are known `version_id` and `count`. */
  message: string;
}

/** What the caller wants to do, and with what; all secrets or keys where none is named. */
export interface CheckPermissionsRequest {
  /** 1 to 200 actions, such as `csms:secret:getVersion`, or patterns of several, such as `csms:secret:*`. */
  actions: string[];
  secret_name?: string;
  key_id?: string;
  /** A policy as JSON in text, judged instead of those of the caller; it need not be stored. */
  policy_document?: string;
}

/** A method for every operation here, by its name in the official definitions. */
export interface AccessMethods {
  /** One page of users, by name. */
  listUsersV5(
    request?: IamPageRequest & { access_key_id?: string },
    options?: CallOptions,
  ): Promise<{ users: IamUser[]; page_info: IamPageInfo }>;
  /** Makes a user, who may do nothing yet. */
  createUserV5(
    request: { name: string; description?: string; enabled: boolean },
    options?: CallOptions,
  ): Promise<{ user: IamUser }>;
  /** A user. */
  showUserV5(request: IamUserRequest, options?: CallOptions): Promise<{ user: IamUser }>;
  /** Changes what is given of a user. */
  updateUserV5(
    request: IamUserRequest & { new_user_name?: string; new_description?: string; enabled?: boolean },
    options?: CallOptions,
  ): Promise<{ user: IamUser }>;
  /** Deletes a user with its access keys. */
  deleteUserV5(request: IamUserRequest, options?: CallOptions): Promise<void>;
  /** One page of a user's access keys. */
  listAccessKeysV5(
    request: IamUserRequest & IamPageRequest,
    options?: CallOptions,
  ): Promise<{ access_keys: IamAccessKey[]; page_info: IamPageInfo }>;
  /** Makes an access key. Its secret key is told here and never again. */
  createAccessKeyV5(
    request: IamUserRequest,
    options?: CallOptions,
  ): Promise<{ access_key: IamAccessKey & { secret_access_key: string } }>;
  /** Takes an access key out of use, or into use again. */
  updateAccessKeyV5(
    request: IamUserRequest & { access_key_id: string; status: IamAccessKey["status"] },
    options?: CallOptions,
  ): Promise<{ access_key: IamAccessKey }>;
  /** Deletes an access key. */
  deleteAccessKeyV5(request: IamUserRequest & { access_key_id: string }, options?: CallOptions): Promise<void>;
  /** When an access key was last used, to within a minute; no time where it never was. */
  showAccessKeyLastUsedV5(
    request: IamUserRequest & { access_key_id: string },
    options?: CallOptions,
  ): Promise<{ access_key_last_used: { last_used_at?: string } }>;
  /** Whether and since when a user can sign in with a password; `IAM.0005` where it cannot. */
  showLoginProfileV5(request: IamUserRequest, options?: CallOptions): Promise<{ login_profile: IamLoginProfile }>;
  /** Gives a user its first password. */
  createLoginProfileV5(
    request: IamUserRequest & { password: string; password_reset_required: false },
    options?: CallOptions,
  ): Promise<{ login_profile: IamLoginProfile }>;
  /** Changes a user's password. */
  updateLoginProfileV5(
    request: IamUserRequest & { password?: string; password_reset_required?: false },
    options?: CallOptions,
  ): Promise<{ login_profile: IamLoginProfile }>;
  /** Takes a user's password away. */
  deleteLoginProfileV5(request: IamUserRequest, options?: CallOptions): Promise<void>;
  /** One page of the policies attached to a user. */
  listAttachedUserPoliciesV5(
    request: IamUserRequest & IamPageRequest,
    options?: CallOptions,
  ): Promise<{ attached_policies: IamAttachedPolicy[]; page_info: IamPageInfo }>;
  /** One page of policies, by name, those of the system among them. */
  listPoliciesV5(
    request?: IamPageRequest & { policy_type?: IamPolicy["policy_type"]; only_attached?: boolean },
    options?: CallOptions,
  ): Promise<{ policies: IamPolicy[]; page_info: IamPageInfo }>;
  /** Makes a policy with its version v1. */
  createPolicyV5(
    request: { policy_name: string; policy_document: string; description?: string },
    options?: CallOptions,
  ): Promise<{ policy: IamPolicy }>;
  /** A policy. */
  getPolicyV5(request: IamPolicyRequest, options?: CallOptions): Promise<{ policy: IamPolicy }>;
  /** Deletes a policy that is attached to nobody. */
  deletePolicyV5(request: IamPolicyRequest, options?: CallOptions): Promise<void>;
  /** One page of a policy's versions, without their documents. */
  listPolicyVersionsV5(
    request: IamPolicyRequest & IamPageRequest,
    options?: CallOptions,
  ): Promise<{ versions: IamPolicyVersion[]; page_info: IamPageInfo }>;
  /** Adds a version, which counts at once if `set_as_default` says so. A policy has at most five. */
  createPolicyVersionV5(
    request: IamPolicyRequest & { policy_document: string; set_as_default?: boolean },
    options?: CallOptions,
  ): Promise<{ policy_version: IamPolicyVersion }>;
  /** A version with its document. */
  getPolicyVersionV5(
    request: IamPolicyRequest & { version_id: string },
    options?: CallOptions,
  ): Promise<{ policy_version: IamPolicyVersion }>;
  /** Deletes a version that does not count. */
  deletePolicyVersionV5(request: IamPolicyRequest & { version_id: string }, options?: CallOptions): Promise<void>;
  /** Makes a version the one that counts. */
  setDefaultPolicyVersionV5(request: IamPolicyRequest & { version_id: string }, options?: CallOptions): Promise<void>;
  /** Attaches a policy to a user. */
  attachUserPolicyV5(request: IamPolicyRequest & IamUserRequest, options?: CallOptions): Promise<void>;
  /** Takes a policy off a user. */
  detachUserPolicyV5(request: IamPolicyRequest & IamUserRequest, options?: CallOptions): Promise<void>;
  /** One page of the users that a policy is attached to. */
  listEntitiesForPolicyV5(
    request: IamPolicyRequest & IamPageRequest,
    options?: CallOptions,
  ): Promise<{ policy_users: { user_id: string; attached_at?: string }[]; page_info: IamPageInfo }>;
  /** One page of the audit trail, the newest first. */
  listTraces(
    request?: ListTracesRequest,
    options?: CallOptions,
  ): Promise<{ traces: Trace[]; meta_data: { count: number; marker?: string } }>;
  /** Which actions the caller may do and which not. Whoever is authenticated may ask, for itself. */
  checkPermissions(
    request: CheckPermissionsRequest,
    options?: CallOptions,
  ): Promise<{
    allowed: string[];
    denied: string[];
    /** What the question does not decide, with the condition keys it depends on and `Resource` for the resource's name. */
    depends?: { action: string; on: string[] }[];
    /** What in the policy means nothing to the service. */
    warnings?: string[];
  }>;
}

/** Request and answer of every operation here. */
export type AccessTypes = {
  [O in AccessOperationName]: {
    request: NonNullable<Parameters<AccessMethods[Uncapitalize<O>]>[0]>;
    response: Awaited<ReturnType<AccessMethods[Uncapitalize<O>]>>;
  };
};
