// What a person does with policies.

import assert from "node:assert/strict";

import { inEveryBrowser } from "./flow.mjs";
import { client, unique } from "./stage.mjs";

const DOCUMENT = { Version: "5.0", Statement: [{ Effect: "Allow", Action: ["csms:secret:get"] }] };

const found = async (name) => (await client.listPoliciesV5({ limit: 200 })).policies.find(({ policy_name }) => policy_name === name);
const made = async (policy_name) =>
  (await client.createPolicyV5({ policy_name, policy_document: JSON.stringify(DOCUMENT) })).policy.policy_id;
const documentOf = async (policy_id) => {
  const { default_version_id: version_id } = (await client.getPolicyV5({ policy_id })).policy;
  return JSON.parse((await client.getPolicyVersionV5({ policy_id, version_id })).policy_version.document);
};
const closed = (person) => person.waitFor(() => document.querySelector("[role=dialog]") === null);

const FLOWS = {
  "a policy is created, and judged by the service": async (person) => {
    const name = unique("policy");
    await person.goTo("#/policies");
    await person.press("button", "New policy");
    await person.write("Name", name);
    await person.write("What it says (JSON)", "{");
    await person.waitFor(() => document.querySelector("[role=dialog] .problem") !== null);
    await person.write("What it says (JSON)", '{"Version": "5.0", "Statement": [{"Effect": "Perhaps", "Action": ["csms:secret:get"]}]}');
    await person.press("button", "Create policy");
    await person.sees("The service does not accept this policy.");
    await person.sees("malformed policy document");
    assert.equal(await found(name), undefined);
    await person.write("What it says (JSON)", JSON.stringify(DOCUMENT));
    await person.press("button", "Create policy");
    await closed(person);
    await person.sees(name);
    assert.deepEqual((await documentOf((await found(name)).policy_id)).Statement[0].Action, ["csms:secret:get"]);
  },

  "a policy is tried before it is saved, with every action at hand": async (person) => {
    await person.goTo("#/policies");
    await person.press("button", "New policy");
    await person.sees("Add an action to the last statement");
    await person.choose("Add an action to the last statement", "csms:secret:rotate");
    await person.waitFor(() => document.querySelector("[role=dialog] textarea").value.includes("csms:secret:rotate"));
    await person.write("Action (a part of its name)", "secret:rotate");
    await person.press("button", "Try the policy");
    await person.sees("on the name of the resource");
    await person.write("With the secret (may be left out)", "team-a-db");
    await person.sees("The text has changed; try it again.");
    await person.press("button", "Try the policy");
    await person.waitFor(() => /^Allowed$/m.test(document.querySelector(".policy-verdict")?.innerText ?? ""));
    await person.write("Action (a part of its name)", "secret:delete");
    await person.waitFor(() => /^Denied$/m.test(document.querySelector(".policy-verdict")?.innerText ?? ""));
    await person.write("What it says (JSON)", '{"Version":"5.0","Statement":[{"Effect":"Allow","Action":["csms:secret:rotat"]}]}');
    await person.press("button", "Try the policy");
    await person.sees("malformed policy document");
  },

  "an added action leaves the text as it is written, or the page says why it is not added": async (person) => {
    const text = '{"Version":"5.0","Statement":[{"Effect":"Allow","Condition":{"NumericEquals":{"g:X":[1.0,12345678901234567890]}},"Action":"csms:secret:get"}]}';
    const isShown = (text) => person.waitFor((text) => document.querySelector("[role=dialog] textarea").value === text, text);
    const add = (action) => person.choose("Add an action to the last statement", action);
    await person.goTo("#/policies");
    await person.press("button", "New policy");
    await person.sees("Add an action to the last statement");
    await person.write("What it says (JSON)", text);
    await add("csms:secret:rotate");
    await isShown(text.replace('"csms:secret:get"', '["csms:secret:get","csms:secret:rotate"]'));
    // WebKit reports no change to the option that was chosen last.
    await add("csms:secret:get");
    await person.sees("The last statement has this action already.");
    await person.write("What it says (JSON)", text.replace("Action", "NotAction"));
    await add("csms:secret:rotate");
    await person.sees("The last statement has no list of actions to add one to.");
    await isShown(text.replace("Action", "NotAction"));
    await person.write("What it says (JSON)", `${text},`);
    await person.sees(`Not JSON: look at line 1, column ${text.length + 1}.`);
  },

  "a policy is changed again and again, and keeps its last versions": async (person) => {
    const name = unique("changed");
    const policy_id = await made(name);
    for (let version = 2; version <= 5; version += 1) {
      await client.createPolicyVersionV5({ policy_id, policy_document: JSON.stringify(DOCUMENT), set_as_default: true });
    }
    await person.goTo("#/policies");
    await person.press("button", `Actions for ${name}`);
    await person.press("menuitem", "Edit…");
    await person.sees("It counts from the next request on. Users that have it: 0.");
    await person.waitFor(() => document.querySelector("[role=dialog] textarea").value.includes("csms:secret:get"));
    await person.write("What it says (JSON)", JSON.stringify(DOCUMENT).replace("Allow", "Perhaps"));
    await person.press("button", "Save");
    await person.sees("malformed policy document");
    assert.equal((await client.listPolicyVersionsV5({ policy_id })).versions.length, 5);
    await person.write("What it says (JSON)", JSON.stringify(DOCUMENT).replace(":get", ":list"));
    await person.press("button", "Save");
    await closed(person);
    assert.deepEqual((await documentOf(policy_id)).Statement[0].Action, ["csms:secret:list"]);
    const { versions } = await client.listPolicyVersionsV5({ policy_id });
    assert.deepEqual(versions.map(({ version_id }) => version_id).sort(), ["v2", "v3", "v4", "v5", "v6"]);
  },

  "a policy that was changed meanwhile is noticed before saving": async (person) => {
    const name = unique("meanwhile");
    const policy_id = await made(name);
    await person.goTo("#/policies");
    await person.press("button", `Actions for ${name}`);
    await person.press("menuitem", "Edit…");
    await person.waitFor(() => document.querySelector("[role=dialog] textarea").value.includes("csms:secret:get"));
    await person.write("What it says (JSON)", JSON.stringify(DOCUMENT).replace(":get", ":list"));
    const policy_document = JSON.stringify(DOCUMENT).replace(":get", ":rotate");
    await client.createPolicyVersionV5({ policy_id, policy_document, set_as_default: true });
    await person.press("button", "Save");
    await person.sees("The policy was changed elsewhere after you began.");
    assert.deepEqual((await documentOf(policy_id)).Statement[0].Action, ["csms:secret:rotate"]);
    await person.press("button", "Save");
    await closed(person);
    assert.deepEqual((await documentOf(policy_id)).Statement[0].Action, ["csms:secret:list"]);
  },

  "a policy that is attached cannot be deleted, and one that is not can": async (person) => {
    const name = unique("attached");
    const policy_id = await made(name);
    const { user_id } = (await client.createUserV5({ name: unique("holder"), enabled: true })).user;
    await client.attachUserPolicyV5({ policy_id, user_id });
    await person.goTo("#/policies");
    await person.press("button", `Actions for ${name}`);
    await person.sees("It is attached; detach it first.");
    await person.key("Escape");
    await client.detachUserPolicyV5({ policy_id, user_id });
    // Another page in between, so that the list is read again.
    await person.goTo("#/users");
    await person.sees("New user");
    await person.goTo("#/policies");
    await person.sees("New policy");
    await person.press("button", `Actions for ${name}`);
    await person.press("menuitem", "Delete…");
    await person.press("button", "Delete the policy");
    await person.waitFor((name) => !document.body.innerText.includes(name), name);
    assert.equal(await found(name), undefined);
  },

  "a policy of the service is looked at and not changed": async (person) => {
    await person.goTo("#/policies");
    await person.press("button", "Actions for CSMS ReadOnlyAccess");
    await person.press("menuitem", "Look at it…");
    await person.sees("It comes with the service and is never changed.");
    await person.waitFor(() => document.querySelector("[role=dialog] textarea").value.includes("Statement"));
    assert.ok(!/\bSave\b/.test(await person.text()));
  },
};

inEveryBrowser(FLOWS, { areUsuallyAlike: true });
