// Uses every export of the package the way the documentation shows. Compiling is the test.

import * as csms from "csms";
import { init as initSlim, initSync } from "csms/slim";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const is = <T extends true>(): T | undefined => undefined;

export async function loading(module: WebAssembly.Module) {
  await csms.init();
  await csms.init("https://example.com/csms.wasm");
  await csms.init(fetch("/csms.wasm"));
  await initSlim(module);
  initSync(module);
}

export function validation() {
  const created = csms.validateCreateSecret({ name: "demo" }, { now: 0, minRotationPeriodSeconds: 0, language: "zh-CN" });
  if (created.ok) {
    const { secret_type, auto_rotation, event_subscriptions }: csms.NormalCreateSecret = created.value;
    is<Equal<typeof secret_type, csms.SecretType>>();
    is<Equal<typeof auto_rotation, boolean>>();
    is<Equal<typeof event_subscriptions, string[]>>();
  } else {
    const [problem] = created.problems;
    is<Equal<typeof problem, csms.Problem | undefined>>();
    const rule: csms.Rule = problem!.rule;
    const refusal: csms.Refusal | undefined = created.refusal;
    return [rule, problem?.limit?.toFixed(), problem?.got, refusal?.reason];
  }
  const request: csms.Result<csms.UpdateSecretRequest> = csms.validateUpdateSecret({});
  const window: csms.Result<csms.ScheduleDeletionRequest> = csms.validateScheduleDeletion({});
  const version: csms.Result<csms.NormalCreateSecretVersion> = csms.validateCreateSecretVersion({});
  const expiry: csms.Result<csms.UpdateVersionRequest> = csms.validateUpdateVersion({});
  const moved: csms.Result<csms.UpdateSecretStageRequest> = csms.validateUpdateSecretStage({});
  const gone: csms.Result<csms.StageRequest> = csms.validateDeleteSecretStage({});
  const rotated: csms.Result<csms.SecretRequest> = csms.validateRotateSecret({});
  const any: csms.Result<csms.NormalRequest<"RestoreSecret">> = csms.validate("RestoreSecret", {});
  const field: csms.TextField = "secret_name";
  const checked: csms.Result<string> = csms.checkText(field, "demo", { language: "en" });
  return [request, window, version, expiry, moved, gone, rotated, any, checked];
}

export function periods(): unknown[] {
  const period: csms.Result<csms.RotationPeriod> = csms.parseRotationPeriod("30d", { minSeconds: 0 });
  const times: csms.Result<number[]> = csms.nextRotations("30d", { since: 0, lastSuccess: 0, count: 3 });
  const config: csms.Result<csms.RotationConfig> = csms.parseRotationConfig("{}");
  const urn: csms.Result<csms.FunctionUrn> = csms.parseFunctionUrn("urn");
  const texts: csms.Result<string>[] = [
    csms.formatRotationConfig({ instance_id: "i", mode: "SingleUser" }),
    csms.formatFunctionUrn({ region: "r", project_id: "p", package: "default", function: "f", version: "!live" }),
  ];
  return [period, times, config, urn, ...texts];
}

export function stages(secret: csms.Secret, versions: csms.VersionMetadata[]): unknown[] {
  const known: csms.KnownSecret = { ...secret, versions };
  const previews: csms.Result<csms.Preview>[] = [
    csms.previewNewVersion(known, { version_stages: ["blue"] }),
    csms.previewStageMove(known, { stage_name: "blue", version_id: "v1" }),
    csms.previewStageDeletion(known, { stage_name: "blue" }, { language: "zh-CN" }),
    csms.previewRotation({ versions: [{ id: "v1", version_stages: ["SYSCURRENT"] }] }, { now: 0 }),
  ];
  const [preview] = previews;
  if (preview?.ok) {
    const move: csms.StageMove | undefined = preview.value.moves[0];
    const version: csms.PicturedVersion | undefined = preview.value.after[0];
    const ids: (string | null)[] = [preview.value.added, preview.value.removed, move?.from ?? null];
    return [version?.deprecated, ...ids];
  }
  const operation: csms.OperationName = "RotateSecret";
  const reason: csms.RefusalReason = "not-enabled";
  const deprecated: csms.Result<string[]> = csms.deprecatedVersions(known);
  return [csms.permits(secret.state, operation), reason, deprecated];
}

export function passwords(): string {
  const options: csms.PasswordOptions = { length: 20, exclude_characters: "0O", include_space: false };
  const password: csms.Result<string> = csms.generatePassword({ ...options, require_each_included_type: true });
  const judged: csms.Result<csms.Assessment> = csms.assessPassword("hunter2", { userName: "app" });
  const weakness: csms.Weakness | undefined = judged.ok ? judged.value.weaknesses[0] : undefined;
  const reason: csms.WeaknessReason | undefined = weakness?.reason;
  return `${password.ok} ${reason} ${csms.generateDatabasePassword()}`;
}

export function signing(key: csms.AccessKey): Record<string, string> {
  const request: csms.RequestToSign = { method: "POST", url: new URL("https://example.com"), body: new Uint8Array() };
  return csms.signRequest(request, key, { date: new Date(0) });
}

export async function client(signal: AbortSignal) {
  const credentials: csms.Credentials = { token: async () => "token" };
  const options: csms.ClientOptions = { endpoint: "https://example.com", projectId: "p", credentials, retries: 1 };
  const temporary = async (): Promise<csms.ProvidedCredentials> => ({ token: "token" });
  const others: csms.Credentials[] = [{ provider: temporary }, { session: "same-origin" }];
  others.forEach((credentials) => new csms.CsmsClient({ ...options, credentials }));
  const client = new csms.CsmsClient(options);
  const call: csms.CallOptions = { signal };
  const named = { secret_name: "demo" };
  const created: csms.SecretResponse = await client.createSecret({ name: "demo", secret_string: "x" }, call);
  const page: csms.ListSecretsResponse = await client.listSecrets({ limit: 10, event_name: "e" });
  const shown: csms.SecretResponse = await client.showSecret(named);
  const updated: csms.SecretResponse = await client.updateSecret({ ...named, description: "" });
  const scheduled: csms.SecretResponse = await client.deleteSecretForSchedule({ ...named, recovery_window_in_days: 7 });
  const restored: csms.SecretResponse = await client.restoreSecret(named);
  const task: csms.RotateResponse = await client.rotateSecret(named);
  const version: csms.VersionMetadataResponse = await client.createSecretVersion({ ...named, secret_binary: "AA==" });
  const versions: csms.ListVersionsResponse = await client.listSecretVersions({ ...named, marker: "v1" });
  const value: csms.ShowVersionResponse = await client.showSecretVersion({ ...named, version_id: "latest" });
  const expiry: csms.VersionMetadataResponse = await client.updateVersion({ ...named, version_id: "v1", expire_time: 1 });
  const stage: csms.StageResponse = await client.showSecretStage({ ...named, stage_name: "blue" });
  const moved: csms.StageResponse = await client.updateSecretStage({ ...named, stage_name: "blue", version_id: "v1" });
  const tasks: csms.ListTasksResponse = await client.listSecretTask({ status: "FAILED" });
  is<Equal<void, Awaited<ReturnType<typeof client.deleteSecretStage>>>>();
  await client.deleteSecretStage({ ...named, stage_name: "blue" });
  await client.deleteSecret(named);
  for await (const secret of client.secrets()) is<Equal<typeof secret, csms.Secret>>();
  for await (const version of client.versions(named)) is<Equal<typeof version, csms.VersionMetadata>>();
  for await (const task of client.tasks()) is<Equal<typeof task, csms.Task>>();
  const methods: csms.OperationMethods = client;
  const byName: csms.OperationTypes["ShowSecret"]["response"] = await client.call("ShowSecret", named);
  const dataKey: csms.DataKey = await client.createDataKey({ keyId: "id", additionalAuthenticatedData: "aad" });
  const opened: csms.DataKey = await client.openDataKey(dataKey);
  return [methods, created, page, shown, updated, scheduled, restored, task, version, versions, value, expiry, stage, moved, tasks, byName, opened];
}

export async function batches(client: csms.CsmsClient, get: csms.BatchGetRequest, imported: csms.BatchImportRequest) {
  const values: csms.BatchGetResponse = await client.batchGetSecretValue(get);
  const created: csms.BatchImportResponse = await client.batchImportSecrets(imported);
  const failed: csms.FailedSecret | undefined = created.error_list[0];
  const instance: csms.BatchDeleteRequest = { instance_id: "i", instance_type: "RDS" };
  const deleted: csms.BatchDeleteResponse = await client.batchDeleteSecrets(instance);
  const made: csms.CreateSecretStageRequest = { secret_name: "demo", name: "blue", version_id: "v1" };
  const stage: csms.StageResponse = await client.createSecretStage(made);
  return [values.versions, failed?.error_msg, deleted.success_secrets, stage];
}

export async function tags(client: csms.CsmsClient, secret: csms.SecretIdRequest, find: csms.FindResourcesRequest) {
  const tag: csms.CreateTagRequest = { ...secret, tag: { key: "team", value: "red" } };
  const gone: csms.DeleteTagRequest = { ...secret, key: "team" };
  const changed: csms.ChangeTagsRequest = { ...secret, action: "delete", tags: [{ key: "team" }] };
  await client.createSecretTag(tag);
  await client.deleteSecretTag(gone);
  await client.batchCreateOrDeleteTags(changed);
  const own: csms.ListTagsResponse = await client.listSecretTags(secret);
  const first: csms.Tag | undefined = own.tags[0];
  const all: csms.ListProjectTagsResponse = await client.listProjectSecretsTags();
  const found: csms.ListResourcesResponse = await client.listResourceInstances(find);
  return [first?.value, all.tags[0]?.values, found.total_count];
}

export async function passwordsOfTheService(client: csms.CsmsClient, drawn: csms.GeneratePasswordRequest) {
  const { password } = await client.generateRandomPassword(drawn);
  const question: csms.CheckSecretsRequest = { type: "password", data: { secret: password } };
  const judged: csms.CheckSecretsResponse = await client.checkSecrets(question);
  const config: csms.SecretsConfig = await client.updateSecretsConfig(await client.showSecretsConfig());
  return [judged.data.strength, config.checking_secret_strength];
}

export async function events(client: csms.CsmsClient, notification: csms.NotificationTarget) {
  const type: csms.EventType = "SECRET_ROTATED";
  const wanted: csms.CreateEventRequest = { name: "rotated", event_types: [type], state: "ENABLED", notification };
  const { event }: csms.EventResponse = await client.createSecretEvent(wanted);
  const named: csms.EventRequest = { event_name: event.name };
  const change: csms.UpdateEventRequest = { ...named, state: "DISABLED" };
  const changed: csms.SecretEvent = (await client.updateSecretEvent(change)).event;
  const shown: csms.EventResponse = await client.showSecretEvent(named);
  const all: csms.ListEventsResponse = await client.listSecretEvents({ limit: 10 });
  const told: csms.ListRecordsResponse = await client.listNotificationRecords();
  const record: csms.NotificationRecord | undefined = told.records[0];
  await client.deleteSecretEvent(named);
  return [changed.state, shown, all.page_info.current_count, record?.notification_status];
}

export async function keys(client: csms.CsmsClient, methods: csms.KeyMethods, operation: csms.KeyOperationName) {
  const wanted: csms.CreateKeyRequest = { key_alias: "team-a", key_description: "values of team a" };
  const made: csms.CreateKeyResponse = await client.createKey(wanted);
  const key: csms.KeyRequest = { key_id: made.key_info.key_id };
  const some: csms.ListKeysRequest = { limit: "10", key_state: "2" };
  const { key_details }: csms.ListKeysResponse = await client.listKeys(some);
  const first: csms.KeyDetails | undefined = key_details[0];
  const state: csms.KeyState = (await client.listKeyDetail(key)).key_info.key_state;
  const disabled: csms.KeyInState = (await client.disableKey(key)).key_info;
  const enabled = (await methods.enableKey(key)).key_info;
  const gone: csms.DeleteKeyRequest = { ...key, pending_days: "7" };
  const scheduled: csms.KeyInState = await client.deleteKey(gone);
  const kept: csms.KeyInState = await client.cancelKeyDeletion(key);
  const { key_alias } = (await client.updateKeyAlias({ ...key, key_alias: "team-b" })).key_info;
  const { key_description } = (await client.updateKeyDescription({ ...key, key_description: "" })).key_info;
  const path: string = csms.KEY_OPERATIONS[operation];
  return [first, state, disabled, enabled, scheduled, kept, key_alias, key_description, path];
}

export async function replicas(client: csms.CsmsClient, gone: csms.DeleteReplicaRequest) {
  const wanted: csms.CreateReplicaRequest = { secret_name: "demo", region: "eu-1" };
  const primary: csms.SecretResponse = await client.createSecretReplica(wanted);
  const regions: csms.ListRegionsResponse = await client.listSupportRegions();
  await client.deleteSecretReplica(gone);
  return [primary, regions.total];
}

export function copies(secret: csms.Secret): csms.ReplicaType[] {
  const all: csms.ReplicaInfo[] = secret.replicas ?? [];
  return [secret.replica_type, ...all.map((copy) => copy.replica_type)];
}

export async function grants(client: csms.CsmsClient) {
  const wanted: csms.GrantRequest = {
    resource_id: "demo", type: "SECRET", grantee_type: "0", grantee_target_id: "alice", validity_time: "2030-12-31",
  };
  const made: csms.GrantResponse = await client.createGrants(wanted);
  const changed: csms.Grant = (await client.updateGrant(wanted)).data;
  const secret: csms.GrantsRequest = { resource_id: "demo" };
  const all: csms.ListGrantsResponse = await client.listGrants(secret);
  const first: csms.Grantee | undefined = all.data.grantee_user[0];
  const gone: csms.DeleteGrantRequest = { ...secret, grantee_user: "alice" };
  await client.deleteGrant(gone);
  return [made.data.uuid, changed.validityTime, first?.user_name];
}

export async function users(client: csms.CsmsClient, change: csms.ChangePasswordRequest) {
  const page: csms.ListUsersRequest = { offset: 0, limit: 10, user_info: "al" };
  const listed: csms.ListUsersResponse = await client.listUsers(page);
  const user: csms.User | undefined = listed.users[0];
  const own: csms.UserId = await client.updateUserPassword(change);
  const shown: csms.UserDetail = await client.showUserDetail(own);
  return [user?.disabled, shown.disabled];
}

export async function functions(client: csms.CsmsClient) {
  const agency: csms.AgencyRequest = { secret_type: "RDS-FG" };
  const made: csms.CreateAgencyResponse = await client.createAgency(agency);
  const { agency_granted } = await client.showAgency(agency);
  const wanted: csms.FunctionTemplateRequest = { ...agency, secret_sub_type: "SingleUser", engine: "mysql" };
  const { function_templates } = await client.showSecretFunctionTemplates(wanted);
  return [made.agencies[0]?.agency_id, agency_granted, function_templates];
}

export async function backups(client: csms.CsmsClient) {
  const blob: csms.SecretBlob = await client.downloadSecretBlob({ secret_name: "demo" });
  const restored: csms.SecretResponse = await client.uploadSecretBlob(blob);
  return [blob.secret_blob, restored];
}

export function stepOf(step: csms.TaskStep): csms.Task["steps"] {
  const message: csms.Message | undefined = step.outcome_detail;
  return message?.fields === undefined ? [step] : [{ ...step, outcome: message.code }];
}

export async function encryption(publicJwk: csms.JsonWebKeyOf256Bits): Promise<string> {
  using key = await csms.JweKey.generate("dir");
  const binding: csms.Binding = { name: "demo", purpose: "console" };
  const engine: csms.Engine = "auto";
  const options: csms.OpenOptions = { ...binding, maxIterations: 10_000, engine };
  const token = await key.seal(new Uint8Array([1]), { ...binding, engine: "webcrypto" });
  const bytes: Uint8Array = await key.open(token, options);
  const unbound: Uint8Array = await key.openUnbound(token, { engine });
  const keys = [
    csms.JweKey.dataKey(bytes),
    csms.JweKey.wrappingKey(unbound),
    csms.JweKey.passphrase("correct horse", { iterations: 210_000 }),
    csms.JweKey.fromJwk(publicJwk),
  ];
  const algorithms: csms.JweAlgorithm[] = keys.map((key) => key.algorithm);
  keys.forEach((key) => key.free());
  const jwks: (csms.JsonWebKeyOf256Bits | undefined)[] = [key.toJwk(), key.toPublicJwk()];
  return `${algorithms} ${key.opens} ${jwks.length} ${await key.openText(token, options)}`;
}

export function errors(error: unknown): string {
  if (!(error instanceof csms.CsmsError)) throw error;
  const code: csms.CsmsErrorCode = error.code;
  switch (code) {
    case "CSMS.0106":
    case "open/decryption":
    case "seal/too-long":
    case "jwk/key-type":
    case "client/timeout":
      return `${error.field} ${error.status?.toFixed()} ${error.requestId} ${error.serviceCode}`;
    default:
      return error.retryable ? "later" : "never";
  }
}

export async function access(client: csms.CsmsClient): Promise<unknown[]> {
  const page: csms.IamPageRequest = { limit: 10 };
  const methods: csms.AccessMethods = client;
  const { user }: { user: csms.IamUser } = await methods.createUserV5({ name: "alice", enabled: true });
  const named: csms.IamUserRequest = { user_id: user.user_id };
  const { access_key } = await client.createAccessKeyV5(named);
  const shown: csms.IamAccessKey = access_key;
  const secret: string = access_key.secret_access_key;
  const { login_profile } = await client.createLoginProfileV5({ ...named, password: secret, password_reset_required: false });
  const login: csms.IamLoginProfile = login_profile;
  const { policies, page_info } = await client.listPoliciesV5({ ...page, policy_type: "custom", only_attached: true });
  const info: csms.IamPageInfo = page_info;
  const [policy]: csms.IamPolicy[] = policies;
  const target: csms.IamPolicyRequest = { policy_id: policy!.policy_id };
  await client.attachUserPolicyV5({ ...target, ...named });
  const { attached_policies } = await client.listAttachedUserPoliciesV5(named);
  const attached: csms.IamAttachedPolicy | undefined = attached_policies[0];
  const { policy_version } = await client.getPolicyVersionV5({ ...target, version_id: policy!.default_version_id });
  const version: csms.IamPolicyVersion = policy_version;
  const question: csms.ListTracesRequest = { from: 0, to: 1, trace_rating: "warning" };
  const { traces } = await client.listTraces(question);
  const trace: csms.Trace | undefined = traces[0];
  const check: csms.CheckPermissionsRequest = { actions: ["csms:secret:list"], secret_name: "demo" };
  const { allowed, denied } = await client.checkPermissions(check);
  const name: csms.AccessOperationName = "ListUsersV5";
  const request: csms.AccessTypes["ListUsersV5"]["request"] = {};
  is<Equal<(typeof csms.ACCESS_OPERATIONS)["ListUsersV5"]["path"], "/v5/users">>();
  return [trace, ...allowed, ...denied, shown, login, info, attached, version, await client.call(name, request)];
}

const facts: csms.CsmsErrorFacts = { field: "name" };
const clientCode: csms.ClientCode = "client/aborted";
export const made = new csms.CsmsError(clientCode, "why", facts);
const errorCode: csms.ErrorCode = "CSMS.0002";
is<Equal<(typeof csms.ERROR_CATALOGUE)["CSMS.0308" & keyof typeof csms.ERROR_CATALOGUE], never>>();
export const status: 400 = csms.ERROR_CATALOGUE[errorCode].status;
export const path: "/v1/{project_id}/csms/tasks" = csms.OPERATIONS.ListSecretTask.path;
const names: [csms.OpenErrorName, csms.SealErrorName, csms.JwkErrorName] = ["decryption", "too-long", "syntax"];
const source: csms.ModuleSource = "https://example.com/csms.wasm";
const language: csms.Language = "zh-CN";
const state: csms.SecretState = "ENABLED";
const mode: csms.RotationMode = "MultiUser";
const operation: csms.ValidatedOperation = "CreateSecret";
const options: [csms.ValidationOptions, csms.PreviewOptions] = [{}, {}];
const value: csms.SecretValue = { secret_string: "x" };
const version: csms.Version | csms.Stage | csms.PageInfo | undefined = undefined;
const requests: (csms.CreateSecretRequest | csms.CreateSecretVersionRequest | csms.VersionRequest | csms.PageRequest)[] = [];
const lists: (csms.ListSecretsRequest | csms.ListSecretVersionsRequest | csms.ListSecretTaskRequest)[] = [];
export const everything = [names, source, language, state, mode, operation, options, value, version, requests, lists];
