// A project as one finds it in use, for screenshots and for the checks that look at every page.

import { CREDENTIALS, client, JweKey, loginFor } from "./stage.mjs";

const SERVICES = ["billing", "catalog", "checkout", "courier", "ledger", "mailer", "media", "reports", "search", "shop"];
const KINDS = ["api-key", "oauth-client", "session-key", "webhook-token", "smtp", "signing-key"];

const CONFIG = JSON.stringify({ InstanceId: "rds-pg-01", SecretSubType: "SingleUser" });

async function database(name, value, rotation = {}) {
  await client.createSecret({
    name,
    secret_type: "RDS-FG",
    secret_string: value,
    rotation_config: CONFIG,
    rotation_func_urn: CREDENTIALS.rotation_func_urn,
    ...rotation,
  });
}

/** Waits until a task has ended, and returns it. */
export async function ended(task) {
  for (;;) {
    const { tasks } = await client.listSecretTask({ task_id: task });
    if (tasks[0] && tasks[0].task_status !== "RUNNING") return tasks[0];
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Keys in each of their states, one of them in use. */
async function keys() {
  const made = {};
  for (const [key_alias, key_description] of [
    ["shop/production", "Everything that the shop needs in production"],
    ["shop/staging", "Disabled after the tests"],
    ["former-team", ""],
  ]) {
    made[key_alias] = (await client.createKey({ key_alias, key_description })).key_info.key_id;
  }
  await client.disableKey({ key_id: made["shop/staging"] });
  await client.deleteKey({ key_id: made["former-team"], pending_days: "30" });
  const secret_string = "encrypted with a key of the shop";
  await client.createSecret({ name: "shop-payment-gateway", kms_key_id: made["shop/production"], secret_string });
}

/** Events, one of them subscribed to and told of. */
async function events() {
  const topic = (name) => ({ target_type: "SMN", target_id: `urn:smn:local-1:p:${name}`, target_name: name });
  const failed = ["SECRET_ROTATED_FAILED", "SECRET_VERSION_EXPIRED"];
  await client.createSecretEvent({ name: "wake-somebody", event_types: failed, state: "ENABLED", notification: topic("on-call") });
  const all = [...failed, "SECRET_VERSION_CREATED", "SECRET_ROTATED", "SECRET_DELETED"];
  await client.createSecretEvent({ name: "everything", event_types: all, state: "DISABLED", notification: topic("audit") });
  await client.updateSecret({ secret_name: "app-smtp-relay", event_subscriptions: ["wake-somebody"] });
}

/** Users with keys and policies. */
async function users() {
  const statement = { Effect: "Allow", Action: ["csms:secret:*"], Resource: ["CSMS:*:*:secretName:team-a-*"] };
  const policy_document = JSON.stringify({ Version: "5.0", Statement: [statement] });
  const description = "Everything with the secrets of team A";
  await client.createPolicyV5({ policy_name: "team-b", description: "Attached to nobody yet", policy_document });
  const { policy_id } = (await client.createPolicyV5({ policy_name: "team-a", description, policy_document })).policy;
  const { user_id } = (await client.createUserV5({ name: "alice", description: "Team A", enabled: true })).user;
  await client.attachUserPolicyV5({ policy_id, user_id });
  await client.createAccessKeyV5({ user_id });
  const { access_key_id } = (await client.createAccessKeyV5({ user_id })).access_key;
  await client.updateAccessKeyV5({ user_id, access_key_id, status: "inactive" });
  await client.createUserV5({ name: "bob", description: "Left the company", enabled: false });
}

/** Creates everything once. */
export async function seed() {
  for (const service of SERVICES) {
    for (const kind of KINDS) {
      await client.createSecret({ name: `${service}-${kind}`, secret_string: `value of ${service} ${kind}` });
    }
  }
  await client.createSecret({
    name: "app-smtp-relay",
    description: "Login of the mail relay",
    secret_string: JSON.stringify({ host: "smtp.example.org", port: 587, user: "relay", password: "first-password" }),
  });
  const second = JSON.stringify({ host: "smtp.example.org", port: 587, user: "relay", password: "second-password" });
  await client.createSecretVersion({ secret_name: "app-smtp-relay", secret_string: second });
  const third = JSON.stringify({ host: "mail.example.org", port: 587, user: "relay", password: "third-password", tls: true });
  await client.createSecretVersion({ secret_name: "app-smtp-relay", secret_string: third });
  const fourth = JSON.stringify({ host: "mail.example.org", port: 465, user: "relay", password: "fourth-password", from: "shop" });
  await client.createSecretVersion({ secret_name: "app-smtp-relay", secret_string: fourth, version_stages: ["green"] });
  const { secret } = await client.showSecret({ secret_name: "app-smtp-relay" });
  for (const tag of [{ key: "team", value: "shop" }, { key: "env", value: "production" }]) {
    await client.createSecretTag({ secret_id: secret.id, tag });
  }
  await client.updateSecretStage({ secret_name: "app-smtp-relay", stage_name: "blue", version_id: "v2" });
  const key = JweKey.passphrase("correct horse battery");
  const sealed = await key.seal("for few eyes only", { name: "app-sealed", purpose: "console" });
  await client.createSecret({ name: "app-sealed", description: "Opened in the browser only", secret_string: sealed });
  await keys();
  await users();
  await events();
  await client.createSecret({ name: "archive-token", description: "No longer used", secret_string: "gone soon" });
  await client.deleteSecretForSchedule({ secret_name: "archive-token", recovery_window_in_days: 14 });
  // Somebody changed this password without telling, so its rotation fails.
  const outdated = JSON.stringify({ ...loginFor("orders"), password: "outdated" });
  await database("app-orders-db", outdated, { description: "Orders, PostgreSQL", event_subscriptions: ["wake-somebody"] });
  const schedule = { description: "Payments, PostgreSQL", auto_rotation: true, rotation_period: "30d" };
  await database("app-payments-db", JSON.stringify(loginFor("payments")), schedule);
  for (const secret_name of ["app-payments-db", "app-orders-db"]) {
    await ended((await client.rotateSecret({ secret_name })).rotation_task_id);
  }
}
