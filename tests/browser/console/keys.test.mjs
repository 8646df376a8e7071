// What a person does with keys of the key service, and what that does to secrets.

import assert from "node:assert/strict";

import { inEveryBrowser } from "./flow.mjs";
import { client, unique } from "./stage.mjs";

const stateOf = async (key_id) => (await client.listKeyDetail({ key_id })).key_info.key_state;
const idOf = async (alias) => (await client.listKeys()).key_details.find(({ key_alias }) => key_alias === alias)?.key_id;
const made = async (alias) => (await client.createKey({ key_alias: alias })).key_info.key_id;
const read = (secret_name) => client.showSecretVersion({ secret_name, version_id: "latest" });

const FLOWS = {
  "a key is created, and a secret is protected with it": async (person) => {
    const [alias, name] = [unique("team"), unique("protected")];
    await person.goTo("#/keys");
    await person.press("button", "New key");
    await person.write("Alias", alias);
    await person.write("Description", "values of a team");
    await person.press("button", "Create key");
    await person.sees(alias);
    await person.goTo("#/create");
    await person.write("Name", name);
    await person.choose("KMS key", alias);
    await person.press("radio", "Plain text");
    await person.write("Text", "of the team");
    await person.press("button", "Create secret");
    await person.sees("Current value");
    assert.equal((await client.showSecret({ secret_name: name })).secret.kms_key_id, await idOf(alias));
  },

  "a key of an alias that exists is refused in words": async (person) => {
    const alias = unique("taken");
    await made(alias);
    await person.goTo("#/keys");
    await person.press("button", "New key");
    await person.write("Alias", alias);
    await person.press("button", "Create key");
    await person.sees("A key of this alias exists.");
  },

  "a key is disabled after a look at what that does, and enabled again": async (person) => {
    const [alias, name] = [unique("disabled"), unique("secret")];
    const kms_key_id = await made(alias);
    await client.createSecret({ name, kms_key_id, secret_string: "readable" });
    await person.goTo("#/keys");
    await person.press("button", `Actions for ${alias}`);
    await person.press("menuitem", "Disable…");
    await person.sees("Values that it protects become unreadable at once.");
    await person.sees("Secrets that use it: 1");
    await person.sees(name);
    await person.press("button", "Disable the key");
    await person.waitFor(() => document.querySelector("[role=dialog]") === null);
    assert.equal(await stateOf(kms_key_id), "3");
    await person.goTo(`#/secrets/${name}`);
    await person.press("button", "Reveal the value of v1");
    await person.sees("The KMS key of the value cannot be used.");
    await person.goTo("#/keys");
    await person.press("button", `Actions for ${alias}`);
    await person.press("menuitem", "Enable");
    await person.waitFor((alias) => {
      const row = [...document.querySelectorAll("tbody tr")].find(({ innerText }) => innerText.includes(alias));
      return row?.innerText.includes("Enabled");
    }, alias);
    assert.equal((await read(name)).version.secret_string, "readable");
  },

  "the deletion of a key is scheduled and cancelled": async (person) => {
    const alias = unique("deleted");
    const id = await made(alias);
    await person.goTo("#/keys");
    await person.press("button", `Actions for ${alias}`);
    await person.press("menuitem", "Delete…");
    await person.sees("No secret is set to use this key.");
    await person.write("Days until it is deleted (7 to 1096)", "5");
    await person.sees("A whole number from 7 to 1096.");
    await person.write("Days until it is deleted (7 to 1096)", "10");
    await person.press("button", "Schedule the deletion");
    await person.sees("Pending deletion");
    assert.equal(await stateOf(id), "4");
    await person.press("button", `Actions for ${alias}`);
    await person.press("menuitem", "Cancel the deletion");
    await person.waitFor((alias) => {
      const row = [...document.querySelectorAll("tbody tr")].find(({ innerText }) => innerText.includes(alias));
      return row?.innerText.includes("Disabled");
    }, alias);
    assert.equal(await stateOf(id), "3");
  },

  "another key is chosen for a secret, and protects what is stored from then on": async (person) => {
    const [alias, name] = [unique("chosen"), unique("rekeyed")];
    const key_id = await made(alias);
    await client.createSecret({ name, secret_string: "first" });
    await person.goTo(`#/secrets/${name}`);
    await person.press("button", "More actions");
    await person.press("menuitem", "Edit…");
    await person.choose("KMS key", alias);
    await person.press("button", "Save");
    await person.sees(key_id);
    const { version_metadata } = await client.createSecretVersion({ secret_name: name, secret_string: "second" });
    assert.equal(version_metadata.kms_key_id, key_id);
  },

  "the service's own key is marked, and nobody can change it": async (person) => {
    await client.createSecret({ name: unique("default"), secret_string: "by the default key" });
    await person.goTo("#/keys");
    await person.sees("csms/default default");
    await person.sees("Built in: it cannot be changed.");
    assert.ok(!(await person.html()).includes("Actions for csms/default"));
  },
};

inEveryBrowser(FLOWS, { areUsuallyAlike: true });
