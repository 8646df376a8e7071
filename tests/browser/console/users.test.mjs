// What a person does with users: keys, passwords, policies.

import assert from "node:assert/strict";
import { join } from "node:path";

import { ROOT } from "../../packaging/unpack.mjs";
import { inEveryBrowser } from "./flow.mjs";
import { CREDENTIALS, client, unique } from "./stage.mjs";

const { CsmsClient } = await import(join(ROOT, "www/node_modules/csms/lib/node.js"));

const found = async (name) => (await client.listUsersV5({ limit: 200 })).users.find(({ user_name }) => user_name === name);
const made = async (name) => (await client.createUserV5({ name, enabled: true })).user.user_id;
const closed = (person) => person.waitFor(() => document.querySelector("[role=dialog]") === null);
const rowSays = (person, name, text) =>
  person.waitFor(
    ([name, text]) => [...document.querySelectorAll("tbody tr")].some(({ innerText }) => innerText.includes(name) && innerText.includes(text)),
    [name, text],
  );

const FLOWS = {
  "a user is created with an access key, whose secret key is told once": async (person) => {
    const name = unique("alice");
    await person.goTo("#/users");
    await person.press("button", "New user");
    await person.write("Name", name);
    await person.write("Description", "of the team");
    await person.press("button", "Create user");
    await person.sees("No policy yet, so this user may do nothing.");
    await person.press("button", "New access key");
    await person.sees("You will not see this key again.");
    const id = (await client.listAccessKeysV5({ user_id: (await found(name)).user_id })).access_keys[0].access_key_id;
    await person.sees(id);
    await person.key("Escape");
    await person.press("button", "Reveal the secret key");
    const secretKey = await person.page.evaluate(() => [...document.querySelectorAll("[role=dialog] dd code")].at(-1).textContent);
    const alice = new CsmsClient({
      endpoint: CREDENTIALS.endpoint,
      projectId: CREDENTIALS.project_id,
      credentials: { accessKey: id, secretKey },
    });
    await assert.rejects(alice.listSecrets(), { code: "CSMS.0302" }, "the keys are right, and allow nothing yet");
    await person.press("button", "Hide the secret key");
    await person.waitFor((secret) => !document.documentElement.outerHTML.includes(secret), secretKey);
    await person.press("button", "I have kept it");
    await closed(person);
    assert.ok(!(await person.html()).includes(secretKey));
  },

  "an edit of a user keeps what was changed elsewhere meanwhile": async (person) => {
    const name = unique("shared");
    const user_id = await made(name);
    await person.goTo("#/users");
    await person.press("button", `Actions for ${name}`);
    await person.press("menuitem", "Edit…");
    await person.write("Name", `${name}-x`);
    await client.updateUserV5({ user_id, new_description: "on call" });
    await person.press("button", "Save");
    await person.sees("The user was changed elsewhere after you began.");
    await person.sees("Description now: on call");
    assert.equal((await client.showUserV5({ user_id })).user.user_name, name);
    await person.press("button", "Save");
    await closed(person);
    const { user } = await client.showUserV5({ user_id });
    assert.deepEqual([user.user_name, user.description], [`${name}-x`, "on call"]);
  },

  "a policy is attached to a user, and detached": async (person) => {
    const user_id = await made(unique("attached"));
    const attached = async () => (await client.listAttachedUserPoliciesV5({ user_id })).attached_policies.map(({ policy_name }) => policy_name);
    await person.goTo(`#/users/${user_id}`);
    await person.sees("No policy yet, so this user may do nothing.");
    await person.choose("Another policy", "CSMS ReadOnlyAccess");
    await person.press("button", "Attach");
    await person.waitFor(() => !document.body.innerText.includes("No policy yet"));
    assert.deepEqual(await attached(), ["CSMS ReadOnlyAccess"]);
    await person.press("button", "Detach CSMS ReadOnlyAccess");
    await person.press("button", "Detach the policy");
    await person.sees("No policy yet, so this user may do nothing.");
    assert.deepEqual(await attached(), []);
  },

  "a grant is replaced and taken away after a question only": async (person) => {
    const [name, user] = [unique("granted"), unique("grantee")];
    await made(user);
    await client.createSecret({ name, secret_string: "x" });
    const { id } = (await client.showSecret({ secret_name: name })).secret;
    const grants = async () => (await client.listGrants({ resource_id: id })).data.grantee_user;
    const grant = { resource_id: id, type: "SECRET", grantee_type: "0", grantee_target_id: user };
    await client.createGrants({ ...grant, validity_time: "2099-12-24" });
    await person.goTo(`#/secrets/${name}/access`);
    await person.write("User (name or identifier)", user);
    await person.press("button", "Grant");
    await person.sees(`${user} has a grant already.`);
    assert.ok((await grants())[0].validity_time > 0);
    await person.press("button", "Grant");
    await person.sees(`${user} may read the secret.`);
    assert.equal((await grants())[0].validity_time, undefined);
    await person.press("button", `Take away the grant of ${user}`);
    await person.press("button", "Take away the grant");
    await person.sees("Nobody has a grant.");
  },

  "an access key is taken out of use before it is deleted": async (person) => {
    const user_id = await made(unique("keys"));
    const { access_key_id } = (await client.createAccessKeyV5({ user_id })).access_key;
    await person.goTo(`#/users/${user_id}`);
    await person.press("button", `Actions for ${access_key_id}`);
    await person.sees("Disable it first, and see that nothing fails.");
    await person.press("menuitem", "Disable");
    await person.waitFor(() => document.querySelector("section .badge-warning") !== null);
    await person.press("button", `Actions for ${access_key_id}`);
    await person.press("menuitem", "Delete…");
    await person.press("button", "Delete the access key");
    await person.sees("No access key yet.");
    assert.deepEqual((await client.listAccessKeysV5({ user_id })).access_keys, []);
  },

  "a password is set, signs in, and is taken away": async (person) => {
    // A password with digits drawn by chance is refused where they repeat or count up.
    const [name, password] = [unique("signs-in"), "Blue-Kettle-7-Harbour"];
    const user_id = await made(name);
    await person.goTo(`#/users/${user_id}`);
    await person.sees("None: this user signs in with an access key only.");
    await person.write("First password", password);
    await person.press("button", "Set the password");
    await person.sees("New password");
    assert.ok(!(await person.html()).includes(password));
    const body = JSON.stringify({ auth: { identity: { methods: ["password"], password: { user: { name, password } } } } });
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${CREDENTIALS.endpoint}/v3/auth/tokens`, { method: "POST", headers, body });
    assert.equal(answer.status, 201);
    await person.press("button", "Take it away…");
    await person.sees("cannot sign in with a password until a new one is set.");
    await person.press("button", "Take away the password");
    await person.sees("None: this user signs in with an access key only.");
  },

  "a password is generated out of sight, shown and set": async (person) => {
    const name = unique("generated");
    const user_id = await made(name);
    await person.goTo(`#/users/${user_id}`);
    await person.press("button", "Generate a password for this user");
    await person.write("Length", "24");
    await person.press("button", "Generate a password");
    const field = () =>
      person.page.evaluate(() => {
        const found = [...document.querySelectorAll("input")].find(({ labels }) => labels?.[0]?.textContent === "First password");
        return { value: found.value, type: found.type };
      });
    await person.until(async () => (await field()).value.length === 24);
    const { value: password, type } = await field();
    assert.equal(type, "password");
    assert.ok(!(await person.html()).includes(password));
    await person.press("switch", "Show the password");
    await person.until(async () => (await field()).type === "text");
    assert.equal((await field()).value, password);
    await person.press("button", "Set the password");
    await person.sees("New password");
    await person.waitFor(() => document.querySelector("#password ~ form input[type=password]")?.value === "");
    const body = JSON.stringify({ auth: { identity: { methods: ["password"], password: { user: { name, password } } } } });
    const headers = { "content-type": "application/json" };
    assert.equal((await fetch(`${CREDENTIALS.endpoint}/v3/auth/tokens`, { method: "POST", headers, body })).status, 201);
  },

  "a user is disabled, enabled and deleted": async (person) => {
    const name = unique("leaving");
    const user_id = await made(name);
    const isEnabled = async () => (await client.showUserV5({ user_id })).user.enabled;
    await person.goTo("#/users");
    await person.press("button", `Actions for ${name}`);
    await person.press("menuitem", "Disable");
    await rowSays(person, name, "Disabled");
    assert.equal(await isEnabled(), false);
    await person.press("button", `Actions for ${name}`);
    await person.press("menuitem", "Enable");
    await rowSays(person, name, "Enabled");
    assert.equal(await isEnabled(), true);
    await person.press("button", `Actions for ${name}`);
    await person.press("menuitem", "Delete…");
    await person.write("Type the name of the user to confirm", name);
    await person.press("button", "Delete the user");
    await person.waitFor((name) => !document.body.innerText.includes(name), name);
    assert.equal(await found(name), undefined);
  },

  "the first user cannot be disabled or deleted, and the menu says so": async (person) => {
    await person.goTo("#/users");
    await person.press("button", `Actions for ${CREDENTIALS.user_name}`);
    await person.sees("The first user always stays.");
  },
};

inEveryBrowser(FLOWS, { areUsuallyAlike: true });
