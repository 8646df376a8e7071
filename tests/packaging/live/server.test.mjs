// The packed package against the real server: signed calls from Node, and from a page of another origin.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";

import { withPage } from "../../browser/browsers.mjs";
import { serve } from "../../browser/serve.mjs";
import { project } from "../unpack.mjs";
import { csms as start } from "./server.mjs";

const directory = await project({ after }, "node");
const lib = join(directory, "node_modules/csms/lib");
const csms = await import(pathToFileURL(join(lib, "node.js")));

const codeOf = async (promise) => {
  try {
    await promise;
  } catch (error) {
    if (error instanceof csms.CsmsError) return error.code;
    throw error;
  }
  return "none";
};

test("a secret lives its life through the client", async (context) => {
  const client = new csms.CsmsClient(await start(context));
  const demo = { secret_name: "demo" };
  const request = csms.validateCreateSecret({ name: "demo", secret_string: "first", description: "凭据 ü" });
  const { secret } = await client.createSecret(request.value);
  assert.equal(secret.description, "凭据 ü");
  assert.equal((await client.showSecret(demo)).secret.id, secret.id);
  assert.equal((await client.updateSecret({ ...demo, description: "new" })).secret.description, "new");
  const { version_metadata } = await client.createSecretVersion({ ...demo, secret_binary: "AAEC", version_stages: ["blue"] });
  assert.equal(version_metadata.id, "v2");
  assert.equal((await client.showSecretVersion({ ...demo, version_id: "latest" })).version.secret_string, "first");
  assert.equal((await client.showSecretVersion({ ...demo, version_id: "v2" })).version.secret_binary, "AAEC");
  // The server keeps whole seconds.
  const expire_time = Math.ceil(Date.now() / 1000) * 1000 + 86_400_000;
  const dated = await client.updateVersion({ ...demo, version_id: "v2", expire_time });
  assert.equal(dated.version_metadata.expire_time, expire_time);
  assert.equal((await client.updateSecretStage({ ...demo, stage_name: "blue", version_id: "v1" })).stage.version_id, "v1");
  assert.equal((await client.showSecretStage({ ...demo, stage_name: "blue" })).stage.version_id, "v1");
  assert.equal(await client.deleteSecretStage({ ...demo, stage_name: "blue" }), undefined);
  assert.equal(await codeOf(client.showSecretStage({ ...demo, stage_name: "blue" })), "CSMS.0005");
  const scheduled = await client.deleteSecretForSchedule({ ...demo, recovery_window_in_days: 7 });
  assert.equal(scheduled.secret.state, "PENDING_DELETE");
  assert.equal((await client.restoreSecret(demo)).secret.state, "ENABLED");
  assert.equal(await client.deleteSecret(demo), undefined);
  assert.equal(await codeOf(client.showSecret(demo)), "CSMS.0106");
});

test("a key lives its life through the client", async (context) => {
  const client = new csms.CsmsClient(await start(context));
  const { key_id } = (await client.createKey({ key_alias: "team-a" })).key_info;
  await client.updateKeyAlias({ key_id, key_alias: "team-b" });
  await client.updateKeyDescription({ key_id, key_description: "values of team b" });
  const { key_info } = await client.listKeyDetail({ key_id });
  assert.deepEqual([key_info.key_alias, key_info.key_description, key_info.key_state], ["team-b", "values of team b", "2"]);
  await client.createSecret({ name: "demo", kms_key_id: key_id, secret_string: "first" });
  const read = () => client.showSecretVersion({ secret_name: "demo", version_id: "latest" });
  assert.equal((await client.disableKey({ key_id })).key_info.key_state, "3");
  assert.equal(await codeOf(read()), "CSMS.0401");
  assert.equal((await client.enableKey({ key_id })).key_info.key_state, "2");
  assert.equal((await read()).version.secret_string, "first");
  assert.equal((await client.deleteKey({ key_id, pending_days: "7" })).key_state, "4");
  assert.deepEqual((await client.listKeys({ key_state: "4" })).keys, [key_id]);
  assert.equal((await client.cancelKeyDeletion({ key_id })).key_state, "3");
});

test("what is sealed here is stored and opened again", async (context) => {
  const client = new csms.CsmsClient(await start(context));
  const binding = { name: "sealed", purpose: "test" };
  const key = await csms.JweKey.generate("ECDH-ES+A256KW");
  await client.createSecret({ name: "sealed", secret_string: await key.seal("s3cr3t", binding) });
  const { version } = await client.showSecretVersion({ secret_name: "sealed", version_id: "latest" });
  assert.equal(await key.openText(version.secret_string, binding), "s3cr3t");
});

test("every page of a list is read", async (context) => {
  const client = new csms.CsmsClient(await start(context));
  const names = Array.from({ length: 7 }, (_, index) => `secret-${index}`);
  for (const name of names) await client.createSecret({ name, secret_string: "x" });
  for (const secret_string of ["b", "c"]) await client.createSecretVersion({ secret_name: "secret-0", secret_string });
  const found = [];
  for await (const secret of client.secrets({ limit: 3 })) found.push(secret.name);
  assert.deepEqual(found.sort(), names);
  const versions = [];
  for await (const version of client.versions({ secret_name: "secret-0", limit: 2 })) versions.push(version.id);
  assert.deepEqual(versions.sort(), ["v1", "v2", "v3"]);
});

test("a preview shows what the server then does", async (context) => {
  const client = new csms.CsmsClient(await start(context));
  const demo = { secret_name: "demo" };
  await client.createSecret({ name: "demo", secret_string: "a" });
  const known = async () => ({
    ...(await client.showSecret(demo)).secret,
    versions: (await client.listSecretVersions(demo)).version_metadatas,
  });
  const { value } = csms.previewNewVersion(await known(), { version_stages: ["SYSCURRENT", "blue"] });
  await client.createSecretVersion({ ...demo, secret_string: "b", version_stages: ["SYSCURRENT", "blue"] });
  const after = Object.fromEntries((await known()).versions.map(({ id, version_stages }) => [id, version_stages.sort()]));
  assert.deepEqual(Object.fromEntries(value.after.map(({ id, version_stages }) => [id, version_stages.sort()])), after);
});

test("the server knows every operation of the client", async (context) => {
  const client = new csms.CsmsClient(await start(context));
  const nothing = { secret_name: "none", version_id: "v1", stage_name: "none", secret_id: "none", event_name: "none" };
  for (const [name, { method, path }] of Object.entries(csms.OPERATIONS)) {
    // Path parameters that lead to nothing, and no body: the operation answers, whatever it says.
    const request = Object.fromEntries(
      [...path.matchAll(/\{(\w+)\}/g)].map(([, part]) => [part, nothing[part] ?? "none"]).filter(([part]) => part !== "project_id"),
    );
    const code = await codeOf(client.call(name, request));
    assert.ok(code === "none" || code in csms.ERROR_CATALOGUE, `${name} (${method} ${path}): ${code}`);
    assert.notEqual(code, "APIGW.0101", name);
    assert.notEqual(code, "APIGW.0301", name);
  }
});

test("a wrong key is refused, with the request's identifier", async (context) => {
  const server = await start(context);
  const client = new csms.CsmsClient({ ...server, credentials: { ...server.credentials, secretKey: "wrong" } });
  const error = await client.listSecrets().catch((error) => error);
  assert.equal(error.code, "APIGW.0301");
  assert.match(error.requestId, /^\w/);
});

/** A page that lists and creates secrets, and says what came of it. */
const PAGE = `<!doctype html><title>page</title><output></output><script type="module">
  const say = (text) => { document.querySelector("output").textContent = text; };
  try {
    const csms = await import("/csms/index.js");
    await csms.init();
    const client = new csms.CsmsClient({ ...(await (await fetch("/server.json")).json()), retries: 0 });
    await client.createSecret({ name: "from-a-page", secret_string: "x" });
    const { secrets } = await client.listSecrets();
    const error = await client.showSecret({ secret_name: "none" }).catch((error) => error);
    say([secrets.map(({ name }) => name), error.code, typeof error.requestId].join(" "));
  } catch (error) {
    say("failed: " + error.code + " " + error.message);
  }
</script>`;

/** What the page says when the server is started with these flags. */
async function saidByPage(context, flagsFor) {
  const site = await mkdtemp(join(tmpdir(), "csms-page-"));
  context.after(() => rm(site, { recursive: true, force: true }));
  await writeFile(join(site, "index.html"), PAGE);
  const pages = await serve({ "/": site, "/csms/": lib });
  try {
    await writeFile(join(site, "server.json"), JSON.stringify(await start(context, ...flagsFor(pages.origin))));
    return await withPage("chromium", async (page) => {
      await page.goto(`${pages.origin}/`);
      await page.waitForFunction(() => document.querySelector("output").textContent !== "", { timeout: 60_000 });
      return page.evaluate(() => document.querySelector("output").textContent);
    });
  } finally {
    await pages.close();
  }
}

test("a page of another origin calls the server that allows it", async (context) => {
  const said = await saidByPage(context, (origin) => ["--allow-origin", origin]);
  assert.equal(said, "from-a-page CSMS.0106 string");
});

test("a page of another origin is told by the client when the server does not allow it", async (context) => {
  const said = await saidByPage(context, () => ["--allow-origin", "https://console.example.com"]);
  assert.match(said, /^failed: client\/network /);
});

test("a user gets a key and a policy through the client, and may then do what the policy allows", async (context) => {
  const options = await start(context);
  const admin = new csms.CsmsClient(options);
  const { user } = await admin.createUserV5({ name: "alice", description: "of the team", enabled: true });
  const { user_id } = user;
  const { access_key } = await admin.createAccessKeyV5({ user_id });
  const credentials = { accessKey: access_key.access_key_id, secretKey: access_key.secret_access_key };
  const alice = new csms.CsmsClient({ ...options, credentials });
  assert.equal(await codeOf(alice.listSecrets()), "CSMS.0302");
  assert.equal(await codeOf(alice.listUsersV5()), "PAP5.0001");

  const document = { Version: "5.0", Statement: [{ Effect: "Allow", Action: ["csms:*:list*"] }] };
  const policy_document = JSON.stringify(document);
  const { policy } = await admin.createPolicyV5({ policy_name: "readers", policy_document });
  const { policy_id } = policy;
  await admin.attachUserPolicyV5({ policy_id, user_id });
  assert.deepEqual((await alice.listSecrets()).secrets, []);
  const { policy_version } = await admin.getPolicyVersionV5({ policy_id, version_id: policy.default_version_id });
  assert.deepEqual(JSON.parse(policy_version.document), document);
  const { attached_policies } = await admin.listAttachedUserPoliciesV5({ user_id });
  assert.deepEqual(attached_policies.map((attached) => attached.policy_name), ["readers"]);
  assert.equal(await codeOf(admin.deletePolicyV5({ policy_id })), "IAM.0102");

  await admin.updateAccessKeyV5({ user_id, access_key_id: access_key.access_key_id, status: "inactive" });
  assert.equal(await codeOf(alice.listSecrets()), "APIGW.0301");
  await admin.detachUserPolicyV5({ policy_id, user_id });
  assert.equal(await admin.deletePolicyV5({ policy_id }), undefined);
  assert.equal(await admin.deleteUserV5({ user_id }), undefined);
  const { users, page_info } = await admin.listUsersV5({ limit: 1 });
  assert.deepEqual([users[0].is_root_user, page_info], [true, { current_count: 1 }]);
});

test("the client asks for its rights and for the audit trail", async (context) => {
  const options = await start(context);
  const client = new csms.CsmsClient(options);
  const actions = ["csms:secret:getVersion", "iam:users:listUsersV5", "cts:trace:list"];
  assert.deepEqual(await client.checkPermissions({ actions, secret_name: "demo" }), { allowed: actions, denied: [] });
  const { user } = await client.createUserV5({ name: "bob", enabled: true });
  const { access_key } = await client.createAccessKeyV5({ user_id: user.user_id });
  const credentials = { accessKey: access_key.access_key_id, secretKey: access_key.secret_access_key };
  const bob = new csms.CsmsClient({ ...options, credentials });
  assert.deepEqual(await bob.checkPermissions({ actions, secret_name: "demo" }), { allowed: [], denied: actions });
  assert.equal(await codeOf(bob.listTraces()), "CSMS.0302");

  await client.createSecret({ name: "demo", secret_string: "x" });
  const { traces, meta_data } = await client.listTraces({ resource_name: "demo", limit: 1 });
  assert.deepEqual([traces[0].trace_name, traces[0].user.name, meta_data], ["CreateSecret", "admin", { count: 1 }]);
  assert.equal(traces[0].source_ip, "127.0.0.1");
});
