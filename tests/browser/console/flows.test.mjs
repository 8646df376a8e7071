// What a person does with the console, in every browser, against a real server and a real database.

import assert from "node:assert/strict";

import { inEveryBrowser } from "./flow.mjs";
import { CREDENTIALS, client, unique } from "./stage.mjs";

const valueOf = async (secret_name, version_id = "latest") =>
  (await client.showSecretVersion({ secret_name, version_id })).version.secret_string;

/** Each starts signed in, and ends without a complaint of the browser. */
const FLOWS = {
  "a name and a password sign in": async (person) => {
    await person.signOut();
    await person.press("radio", "Name and password");
    await person.write("User name", CREDENTIALS.user_name);
    await person.write("Password", CREDENTIALS.password);
    await person.press("button", "Sign in");
    await person.sees("Secrets");
    await person.settles();
    assert.match(await person.text(), /New secret/);
  },

  "a wrong secret key is told in words, with what to do": async (person) => {
    await person.signOut();
    await person.write("Access key (AK)", CREDENTIALS.access_key);
    await person.write("Secret key (SK)", "wrong");
    await person.press("button", "Sign in");
    await person.sees("The service does not accept your sign-in.");
    await person.sees("Check what you typed");
  },

  "a secret with keys and values is created, and judged while it is typed": async (person) => {
    const name = unique("created");
    await person.goTo("#/create");
    await person.write("Name", `${name} `);
    await person.sees("Use letters, digits, - and _, at most 64.");
    await person.write("Name", name);
    await person.waitFor(() => !document.body.innerText.includes("Use letters, digits, - and _, at most 64."));
    await person.write("Key 1", "user");
    await person.write("Value of user", "app");
    await person.press("button", "Add a key");
    await person.write("Key 2", "password");
    await person.write("Value of password", "hunter2");
    await person.press("button", "Create secret");
    await person.sees("Current value");
    assert.equal(await valueOf(name), '{"user":"app","password":"hunter2"}');
  },

  "messages of the rules are Chinese where the console is": async (person) => {
    await person.goTo("#/create");
    await person.openAccount();
    await person.choose("Language", "简体中文");
    await person.sees("新建凭据");
    await person.key("Escape");
    await person.write("名称", "no name");
    await person.sees("使用字母、数字、- 和 _，最多 64 个字符。");
    await person.openAccount(`${CREDENTIALS.access_key} 的账号`);
    await person.choose("语言", "English");
    await person.sees("New secret");
  },

  "a value is out of the page until it is revealed, and again when it is hidden": async (person) => {
    const name = unique("masked");
    const value = unique("value");
    await client.createSecret({ name, secret_string: JSON.stringify({ password: value }) });
    await person.goTo(`#/secrets/${name}`);
    assert.ok(!(await person.html()).includes(value));
    await person.press("button", "Reveal the value of v1");
    await person.sees(value);
    await person.press("button", "Hide");
    await person.waitFor((value) => !document.documentElement.outerHTML.includes(value), value);
  },

  "a new value is compared with the current one before it is saved": async (person) => {
    const name = unique("compared");
    // Longer than a number of four digits, which the identifiers of a page contain by chance.
    const port = "port-of-the-database";
    await client.createSecret({ name, secret_string: JSON.stringify({ host: "one", user: "app", old: "x" }) });
    await person.goTo(`#/secrets/${name}`);
    await person.press("button", "New version");
    await person.press("button", "Start from the current value");
    await person.write("Value of host", "two");
    await person.press("button", "Remove key 3");
    await person.press("button", "Add a key");
    await person.write("Key 3", "port");
    await person.write("Value of port", port);
    await person.press("button", "Review");
    await person.sees("1 added, 1 removed, 1 changed");
    await person.sees("SYSCURRENT moves from v1 to v2");
    assert.ok(!(await person.html()).includes(port), "masked values are not in the document");
    await person.press("button", "Save the version");
    await person.sees("Current version v2");
    assert.equal(await valueOf(name), `{"host":"two","user":"app","port":"${port}"}`);
  },

  "two versions are compared": async (person) => {
    const name = unique("versions");
    await client.createSecret({ name, secret_string: JSON.stringify({ a: "1", b: "2" }) });
    await client.createSecretVersion({ secret_name: name, secret_string: JSON.stringify({ a: "1", c: "3" }) });
    await person.goTo(`#/secrets/${name}/versions`);
    await person.press("button", "Compare");
    await person.sees("1 added, 1 removed, 0 changed");
  },

  "a stage is moved after a look at what that does": async (person) => {
    const name = unique("moved");
    await client.createSecret({ name, secret_string: "first" });
    await client.createSecretVersion({ secret_name: name, secret_string: "second" });
    await person.goTo(`#/secrets/${name}/versions`);
    await person.press("button", "Actions for v1");
    await person.press("menuitem", "Move a stage here…");
    await person.sees("SYSCURRENT moves from v2 to v1");
    await person.sees("SYSPREVIOUS moves from v1 to v2");
    await person.press("button", "Move the stage");
    await person.waitFor(() => !document.body.innerText.includes("What will change"));
    assert.equal(await valueOf(name), "first");
  },

  "a deletion is scheduled and taken back": async (person) => {
    const name = unique("deleted");
    await client.createSecret({ name, secret_string: "kept" });
    await person.goTo(`#/secrets/${name}`);
    await person.press("button", "More actions");
    await person.press("menuitem", "Delete…");
    await person.write("Days until it is deleted (7 to 30)", "5");
    await person.sees("A whole number from 7 to 30.");
    await person.write("Days until it is deleted (7 to 30)", "7");
    await person.press("button", "Schedule the deletion");
    await person.sees("This secret is scheduled for deletion.");
    await person.press("button", "More actions");
    await person.press("menuitem", "Restore…");
    await person.press("button", "Restore");
    await person.waitFor(() => !document.body.innerText.includes("Pending deletion"));
    assert.equal((await client.showSecret({ secret_name: name })).secret.state, "ENABLED");
  },

  "a value is sealed before it is sent, and opened in the page": async (person) => {
    const name = unique("sealed");
    await person.goTo("#/create");
    await person.write("Name", name);
    await person.press("radio", "Plain text");
    await person.write("Text", "for few eyes only");
    await person.press("radio", "With a passphrase");
    await person.write("Passphrase", "correct horse battery");
    await person.write("Passphrase once more", "correct horse batter");
    await person.press("button", "Create secret");
    await person.sees("The two passphrases differ.");
    await person.write("Passphrase once more", "correct horse battery");
    await person.press("button", "Create secret");
    await person.sees("Current value");
    assert.match(await valueOf(name), /^[\w-]+(\.[\w-]*){4}$/);
    await person.press("button", "Reveal the value of v1");
    await person.sees("This value is sealed.");
    await person.write("Passphrase", "wrong horse battery");
    await person.press("button", "Open in this page");
    await person.sees("It does not open");
    await person.write("Passphrase", "correct horse battery");
    await person.press("button", "Open in this page");
    await person.sees("for few eyes only");
  },

  "a tag is added, and finds the secret": async (person) => {
    const name = unique("tagged");
    const team = unique("team");
    await client.createSecret({ name, secret_string: "tagged" });
    await person.goTo(`#/secrets/${name}/tags`);
    await person.sees("No tags yet.");
    await person.write("Key", "team");
    await person.write("Value (may be left out)", team);
    await person.press("button", "Add the tag");
    await person.sees(`team=${team}`);
    await person.goTo("#/");
    await person.choose("Tag", `team=${team}`);
    await person.waitFor(() => document.querySelectorAll("table.secrets tbody tr").length === 1);
    assert.match(await person.text(), new RegExp(name));
  },
};

inEveryBrowser(FLOWS);
