// What a person sees who may not do everything: which right is missing, before anything is clicked.

import assert from "node:assert/strict";
import { test } from "node:test";

import { inEveryBrowser } from "./flow.mjs";
import { withPerson } from "./person.mjs";
import { client, unique } from "./stage.mjs";

/** A user with a policy, and its access key. */
async function userWith(statements) {
  const policy_document = JSON.stringify({ Version: "5.0", Statement: statements });
  const { policy_id } = (await client.createPolicyV5({ policy_name: unique("rights"), policy_document })).policy;
  const { user_id } = (await client.createUserV5({ name: unique("limited"), enabled: true })).user;
  await client.attachUserPolicyV5({ policy_id, user_id });
  return (await client.createAccessKeyV5({ user_id })).access_key;
}

async function signInAs(person, key) {
  await person.arrive();
  await person.write("Access key (AK)", key.access_key_id);
  await person.write("Secret key (SK)", key.secret_access_key);
  await person.press("button", "Sign in");
  await person.waitFor(() => document.querySelector("main#main h1") !== null);
}

const isDisabled = (person, name) =>
  person.waitFor((name) => {
    const found = [...document.querySelectorAll("button")].find((button) => (button.ariaLabel ?? button.innerText) === name);
    return found?.disabled === true;
  }, name);

const FLOWS = {
  "who may only look is told what is missing before a click": async (person) => {
    const name = unique("looked-at");
    await client.createSecret({ name, secret_string: "not for everybody" });
    const read = { Effect: "Allow", Action: ["csms:secret:list", "csms:secret:get", "csms:secret:listVersion"] };
    await signInAs(person, await userWith([read]));
    await person.goTo(`#/secrets/${name}`);
    await person.sees("You lack the right csms:secret:getVersion.");
    await isDisabled(person, "Reveal the value of v1");
    await person.sees("You lack the right csms:secret:createVersion.");
    await isDisabled(person, "New version");
    await person.press("button", "More actions");
    await person.sees("You lack the right csms:secret:update.");
    await person.sees("You lack the right csms:secret:scheduleDeletion.");
  },

  "who may store versions and not read them stores one": async (person) => {
    const name = unique("write-only");
    await client.createSecret({ name, secret_string: "before" });
    const rights = ["csms:secret:list", "csms:secret:get", "csms:secret:listVersion", "csms:secret:createVersion"];
    const keys = { Effect: "Allow", Action: ["kms:*:*"] };
    await signInAs(person, await userWith([{ Effect: "Allow", Action: rights }, keys]));
    await person.goTo(`#/secrets/${name}`);
    await person.press("button", "New version");
    await person.press("radio", "Plain text");
    await person.write("Text", "after");
    await person.press("button", "Review");
    await person.sees("The current value cannot be read, so there is nothing to compare with.");
    await person.press("button", "Save the version");
    await person.sees("Version v2 is saved.");
    assert.equal((await client.showSecretVersion({ secret_name: name, version_id: "v2" })).version.secret_string, "after");
  },

  "a right to some secrets is asked for by the secret's name": async (person) => {
    const [mine, other] = [unique("mine"), unique("other")];
    for (const name of [mine, other]) await client.createSecret({ name, secret_string: `value of ${name}` });
    const everywhere = { Effect: "Allow", Action: ["csms:secret:list", "csms:secret:get", "csms:secret:listVersion"] };
    const here = { Effect: "Allow", Action: ["csms:secret:getVersion"], Resource: [`CSMS:*:*:secretName:${mine}`] };
    await signInAs(person, await userWith([everywhere, here]));
    await person.goTo(`#/secrets/${other}`);
    await person.sees("You lack the right csms:secret:getVersion.");
    await person.goTo(`#/secrets/${mine}`);
    await person.press("button", "Reveal the value of v1");
    await person.sees(`value of ${mine}`);
  },

  "who may not list secrets opens one by its name, is told whom to ask, and is offered nothing else": async (person) => {
    const name = unique("only-mine");
    await client.createSecret({ name, secret_string: "x" });
    const read = { Effect: "Allow", Action: ["csms:secret:get", "csms:secret:listVersion"], Resource: [`CSMS:*:*:secretName:${name}`] };
    await signInAs(person, await userWith([read]));
    await person.sees("You may not list the secrets");
    await person.sees("Please allow ");
    assert.doesNotMatch(await person.text(), /New secret|Try again|ReadOnlyAccess/);
    await person.write("Open a secret by its name", name);
    await person.press("button", "Open");
    await person.sees("Current value");
    await person.key("Control+k");
    await person.write("Name of a secret or page", name);
    await person.sees("You may not list the secrets. Type the whole name of one to open it.");
    await person.waitFor((name) => document.querySelector("[role=option][aria-selected=true]")?.innerText.startsWith(name), name);
  },

  "a form that cannot be sent says so before anything is typed": async (person) => {
    const name = unique("read-only");
    await client.createSecret({ name, secret_string: "x" });
    const read = { Effect: "Allow", Action: ["csms:secret:list", "csms:secret:get", "csms:secret:listVersion"] };
    await signInAs(person, await userWith([read]));
    await person.sees(name);
    assert.doesNotMatch(await person.text(), /New secret/);
    for (const [place, right] of [["create", "create"], ["import", "create"], [`secrets/${name}/new-version`, "createVersion"]]) {
      await person.goTo(`#/${place}`);
      await person.sees(`You lack the right csms:secret:${right}.`);
    }
    await person.goTo("#/keys");
    await isDisabled(person, "New key");
  },

  "a page says which of its rights are missing": async (person) => {
    await signInAs(person, await userWith([{ Effect: "Allow", Action: ["kms:cmk:list", "kms:cmk:enable"] }]));
    await person.goTo("#/keys");
    await person.sees("Rights that you do not have for everything here: kms:cmk:create");
    assert.ok(!(await person.text()).includes("kms:cmk:enable"));
  },

  "who may do everything is told of nothing": async (person) => {
    const name = unique("all");
    await client.createSecret({ name, secret_string: "x" });
    await person.goTo(`#/secrets/${name}/versions`);
    await person.press("button", "More actions");
    await person.sees("Edit…");
    assert.ok(!(await person.text()).includes("You lack"));
  },
};

inEveryBrowser(FLOWS, { areUsuallyAlike: true });

test("who signs in over the page of somebody else has the rights of their own", () =>
  withPerson("chromium", async (person) => {
    const name = unique("over");
    await client.createSecret({ name, secret_string: "not for everybody" });
    const read = { Effect: "Allow", Action: ["csms:secret:list", "csms:secret:get", "csms:secret:listVersion"] };
    const key = await userWith([read]);
    let isExpired = false;
    await person.page.route(/\/versions\/v1$/, (route) =>
      isExpired
        ? route.fulfill({ status: 401, contentType: "application/json", body: '{"error_code":"APIGW.0301","error_msg":"expired"}' })
        : route.continue(),
    );
    await person.signIn();
    await person.goTo(`#/secrets/${name}`);
    isExpired = true;
    await person.press("button", "Reveal the value of v1");
    await person.sees("Your sign-in has expired");
    isExpired = false;
    await person.write("Access key (AK)", key.access_key_id);
    await person.write("Secret key (SK)", key.secret_access_key);
    await person.press("button", "Sign in");
    await person.sees("You lack the right csms:secret:createVersion.");
    await isDisabled(person, "New version");
  }));
