// What a person does with secrets that rotate: now, on a schedule, for a trial, and sealed for the function.

import assert from "node:assert/strict";

import { inEveryBrowser } from "./flow.mjs";
import { ended } from "./seed.mjs";
import { CREDENTIALS, client, JweKey, loginFor, unique } from "./stage.mjs";

/** What the function seals and opens values for. */
const PURPOSE = `rotation-${CREDENTIALS.project_id}`;

const valueOf = async (secret_name, version_id = "latest") =>
  (await client.showSecretVersion({ secret_name, version_id })).version.secret_string;

const rotating = (name, secret_string) =>
  client.createSecret({
    name,
    secret_type: "RDS-FG",
    secret_string,
    rotation_func_urn: CREDENTIALS.rotation_func_urn,
    rotation_config: JSON.stringify({ InstanceId: "local", SecretSubType: "SingleUser" }),
  });

inEveryBrowser({
  "a database password is rotated with its progress in view": async (person, browser) => {
    const name = unique("rotated");
    const login = loginFor(browser);
    await rotating(name, JSON.stringify(login));
    await person.goTo(`#/secrets/${name}/rotation`);
    await person.sees("Not rotated yet.");
    await person.press("button", "Rotate now");
    await person.sees("SYSCURRENT moves from v1 to v2");
    await person.press("button", "Start the rotation");
    await person.sees("The account has a new password, and v2 is current.");
    await person.press("button", "Close");
    await person.sees("Done");
    assert.notEqual(JSON.parse(await valueOf(name)).password, login.password);
  },

  "a dry run tells that a rotation would succeed, and changes nothing": async (person, browser) => {
    const name = unique("tried");
    const current = JSON.stringify(loginFor(`trial_${browser}`));
    await rotating(name, current);
    await person.goTo(`#/secrets/${name}/rotation`);
    await person.press("button", "Rotate now");
    await person.press("button", "Dry run");
    await person.sees("A rotation would succeed. Nothing was changed.");
    await person.sees(`trial_${browser} on postgresql`);
    await person.sees("For a moment: the current login fails");
    assert.equal(await valueOf(name), current);
    assert.equal((await client.listSecretVersions({ secret_name: name })).version_metadatas.length, 1);
    assert.deepEqual((await client.listSecretTask({ secret_name: name })).tasks, []);
  },

  "a dry run tells why a rotation would fail, and what to do": async (person, browser) => {
    const name = unique("tried");
    await rotating(name, JSON.stringify({ ...loginFor(`outdated_${browser}`), password: "outdated" }));
    await person.goTo(`#/secrets/${name}/rotation`);
    await person.press("button", "Rotate now");
    await person.press("button", "Dry run");
    await person.sees("A rotation would fail. Nothing was changed.");
    await person.sees("The database accepts no password that the secret knows.");
  },

  "the login of a new secret is tried before its schedule is on, and mended in the same form": async (person, browser) => {
    const name = unique("tried");
    const login = loginFor(`form_${browser}`);
    await person.goTo("#/create");
    await person.write("Name", name);
    await person.press("radio", "Database account");
    await person.write("Host", login.host);
    await person.write("Port", String(login.port));
    await person.write("Database (may be left out)", login.dbname);
    await person.write("Account name", login.username);
    await person.write("Password of the account", "not the password");
    await person.choose("Encryption (TLS)", "No: anybody on the network can read along");
    await person.press("switch", "Rotate automatically");
    await person.press("button", "Create and try the connection");
    await person.sees("A rotation would fail. Nothing was changed.");
    assert.equal((await client.showSecret({ secret_name: name })).secret.auto_rotation, false);
    await person.write("Password of the account", login.password);
    person.agrees = false;
    person.questions.length = 0;
    await person.press("link", "Open the secret");
    await person.isAsked();
    await person.waitFor(() => location.hash === "#/create");
    person.agrees = true;
    await person.press("button", "Try again");
    await person.sees("Current value");
    const { secret } = await client.showSecret({ secret_name: name });
    assert.deepEqual([secret.auto_rotation, secret.rotation_period], [true, "30d"]);
    assert.deepEqual(JSON.parse(await valueOf(name)), login);
  },

  "a login that rotates is sealed for its function": async (person) => {
    const name = unique("sealed");
    const key = await JweKey.generate("ECDH-ES+A256KW");
    await person.goTo("#/create");
    await person.write("Name", name);
    await person.press("radio", "Database account");
    await person.press("radio", "As keys or text");
    await person.press("radio", "Plain text");
    await person.write("Text", '{"engine":"postgresql","password":"of few"}');
    await person.write("Database instance", "local");
    await person.press("radio", "For the rotation function");
    await person.write("Public key of the recipient (JSON Web Key)", JSON.stringify(key.toPublicJwk()));
    await person.press("button", "Create secret");
    await person.sees("Current value");
    const opened = await key.openText(await valueOf(name), { name, purpose: PURPOSE });
    assert.equal(opened, '{"engine":"postgresql","password":"of few"}');
    key.free();
  },

  "automatic rotation is turned on with a period that is explained": async (person) => {
    const name = unique("scheduled");
    await rotating(name, '{"engine":"postgresql"}');
    await person.goTo(`#/secrets/${name}/rotation`);
    await person.press("switch", "Rotate automatically");
    await person.write("Every", "1h");
    await person.sees("At least 4 hours");
    await person.write("Every", "36h");
    await person.sees("Every 1 day 12 hours, next on");
    await person.press("button", "Save the schedule");
    await person.waitFor(() => !/Next rotation\s+by hand/.test(document.body.innerText));
    const { secret } = await client.showSecret({ secret_name: name });
    assert.deepEqual([secret.auto_rotation, secret.rotation_period], [true, "36h"]);
    await person.write("Every", "48h");
    await person.press("button", "Save the schedule");
    await person.waitFor(() => document.querySelector("form [type=submit]").disabled);
    assert.equal((await client.showSecret({ secret_name: name })).secret.rotation_period, "48h");
  },

  "a schedule that is being typed outlives a change of something else": async (person) => {
    const name = unique("typing");
    await rotating(name, '{"engine":"postgresql"}');
    await person.goTo(`#/secrets/${name}/rotation`);
    await person.press("switch", "Rotate automatically");
    await person.write("Every", "72h");
    await person.press("button", "More actions");
    await person.press("menuitem", "Edit…");
    await person.write("Description", "changed meanwhile");
    await person.press("button", "Save");
    await person.sees(`The secret ${name} is saved.`);
    await person.settles();
    await person.press("button", "Save the schedule");
    await person.sees("The schedule is saved.");
    const { secret } = await client.showSecret({ secret_name: name });
    assert.deepEqual([secret.rotation_period, secret.description], ["72h", "changed meanwhile"]);
  },
});

inEveryBrowser(
  {
    "rotations that the first page does not hold follow on demand": async (person, browser) => {
      const name = unique("long-lived");
      await rotating(name, JSON.stringify(loginFor(`often_${browser}`)));
      for (let task = 0; task < 51; task += 1) {
        await ended((await client.rotateSecret({ secret_name: name })).rotation_task_id);
      }
      await person.goTo(`#/secrets/${name}/rotation`);
      await person.waitFor(() => document.querySelectorAll(".tasks > li").length === 50);
      await person.press("button", "Older rotations");
      await person.waitFor(() => document.querySelectorAll(".tasks > li").length === 51);
      assert.ok(!(await person.page.evaluate(() => document.body.innerText.includes("Older rotations"))));
    },
  },
  { areUsuallyAlike: true },
);
