// What somebody typed is asked about before it is lost, in whichever view or form it stands; it is what is sent, and keeps
// its lines.

import assert from "node:assert/strict";
import { test } from "node:test";

import { inEveryBrowser } from "./flow.mjs";
import { withPerson } from "./person.mjs";
import { CREDENTIALS, client, JweKey, unique } from "./stage.mjs";
import { save, startFrom, stored } from "./versions.mjs";

/** A person who does not agree to lose anything is asked by each of these, and stays. */
async function staysAndIsAsked(person, ...ways) {
  person.agrees = false;
  const place = await person.page.evaluate(() => location.hash);
  for (const way of ways) {
    person.questions.length = 0;
    await way();
    await person.isAsked();
    await person.waitFor((place) => location.hash === place, place);
    assert.equal(person.questions.length, 1, `${way}`);
  }
  assert.equal(await warns(person), true);
  person.agrees = true;
  person.questions.length = 0;
}

/** Whether the browser would ask before the page is loaded again. */
const warns = (person) => person.page.evaluate(() => !dispatchEvent(new Event("beforeunload", { cancelable: true })));

/** Opens the empty form of a new version of a fresh secret. */
async function openForm(person, secret_string = '{"a":"1"}') {
  const name = unique("typed");
  await client.createSecret({ name, secret_string });
  await person.goTo(`#/secrets/${name}/new-version`);
  await person.sees("Stages that mark it");
  return name;
}

async function openEdit(person, place, button = "More actions") {
  await person.goTo(place);
  await person.press("button", button);
  await person.press("menuitem", "Edit…");
  await person.waitFor(() => document.querySelector("[role=dialog]") !== null);
}

/** Puts the cursor behind the text that stands in a field. */
const goToEnd = (person, text) =>
  person.page.evaluate((text) => {
    const field = [...document.querySelectorAll("input, textarea")].find(({ value }) => value === text);
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
  }, text);

const seesField = (person, text) =>
  person.waitFor((text) => [...document.querySelectorAll("textarea")].some(({ value }) => value === text), text);

inEveryBrowser({
  "a value whose key is still to come is asked about": async (person) => {
    await openForm(person);
    await person.write("Value 1", "by hand");
    await staysAndIsAsked(
      person,
      () => person.press("link", "Rotations"),
      () => person.press("button", "Cancel"),
      () => person.press("button", "Start from the current value"),
    );
    await person.press("radio", "Plain text");
    await staysAndIsAsked(person, () => person.press("link", "Rotations"));
  },

  "a text is asked about while another view is looked at": async (person) => {
    await openForm(person);
    await person.press("radio", "Plain text");
    await person.write("Text", "precious");
    await person.press("radio", "Binary");
    await staysAndIsAsked(
      person,
      () => person.press("link", "Rotations"),
      () => person.press("button", "Start from the current value"),
    );
    await person.press("radio", "Plain text");
    await seesField(person, "precious");
  },

  "stages alone are asked about, and so is the first value of a secret without a name": async (person) => {
    await openForm(person);
    await person.write("Stages that mark it", "SYSCURRENT blue");
    await staysAndIsAsked(person, () => person.press("link", "Rotations"));
    await person.goTo("#/create");
    await person.write("Value 1", "by hand");
    await staysAndIsAsked(person, () => person.press("link", "Rotations"));
  },

  "nothing is asked where nothing was typed, and nothing once it is saved": async (person) => {
    person.questions.length = 0;
    const name = await openForm(person);
    await person.press("button", "Start from the current value");
    await person.sees("Value of a");
    for (const view of ["Plain text", "Binary", "Key/value"]) await person.press("radio", view);
    await person.press("button", "Cancel");
    await person.sees("Current value");
    await startFrom(person, name);
    await person.write("Value of a", "2");
    await save(person);
    await person.sees("Current value");
    const created = unique("typed");
    await person.goTo("#/create");
    for (const type of ["TaurusDB account", "Common"]) await person.press("radio", type);
    await person.goTo("#/create?");
    await person.write("Name", created);
    await person.press("radio", "Plain text");
    await person.write("Text", "first");
    await person.press("button", "Create secret");
    await person.sees("Current value");
    assert.equal(await stored(created), "first");
    assert.equal(await warns(person), false);
    assert.deepEqual(person.questions, []);
  },

  "a schedule and a user that are saved are left without a question, and changed again they are asked about": async (person) => {
    const [name, user] = [unique("schedule"), unique("user")];
    await client.createSecret({
      name,
      secret_type: "RDS-FG",
      secret_string: JSON.stringify({ engine: "postgresql", host: "127.0.0.1", port: 5432, username: "u", password: "p", tls: "disable" }),
      rotation_func_urn: CREDENTIALS.rotation_func_urn,
      rotation_config: JSON.stringify({ InstanceId: "local", SecretSubType: "SingleUser" }),
    });
    person.questions.length = 0;
    await person.goTo(`#/secrets/${name}/rotation`);
    await person.press("switch", "Rotate automatically");
    await person.press("button", "Save the schedule");
    await person.sees("The schedule is saved.");
    await person.waitFor(() => [...document.querySelectorAll("button:disabled")].some((each) => each.innerText === "Save the schedule"));
    assert.equal(await warns(person), false);
    await person.write("Every", "40d");
    await staysAndIsAsked(person, () => person.press("link", "Events"));
    await person.goTo("#/users");
    person.questions.length = 0;
    await person.press("button", "New user");
    await person.write("Name", user);
    await person.press("button", "Create user");
    await person.waitFor(() => location.hash.startsWith("#/users/"));
    assert.deepEqual(person.questions, []);
  },

  "what another view holds is not left out without a question": async (person) => {
    const name = await openForm(person);
    await person.press("button", "Start from the current value");
    await person.sees("Value of a");
    await person.press("button", "Add a key");
    await person.write("Value 2", "waiting");
    await person.press("radio", "Plain text");
    await person.write("Text", '{"a":"2"}');
    person.agrees = false;
    person.questions.length = 0;
    await person.press("button", "Review");
    await person.isAsked();
    assert.deepEqual(person.questions, ["What you typed under Key/value is not part of what is stored. Go on?"]);
    await seesField(person, '{"a":"2"}');
    person.agrees = true;
    await save(person);
    assert.equal(await stored(name), '{"a":"2"}');
  },

  "a dialog that is discarded leaves the page below as dirty as it was": async (person) => {
    const name = unique("below");
    await client.createSecret({ name, secret_string: "1" });
    person.questions.length = 0;
    await person.goTo(`#/secrets/${name}/tags`);
    await person.write("Key", "team");
    await person.press("button", "More actions");
    await person.press("menuitem", "Edit…");
    await person.write("Description", "typed");
    await person.key("Escape");
    await person.waitFor(() => document.querySelector("[role=dialog]") === null);
    assert.equal(person.questions.length, 1);
    await staysAndIsAsked(person, () => person.press("link", "Events"));
  },

  "a form that stays after somebody agreed to leave asks again": async (person) => {
    await person.goTo("#/create");
    await person.write("Name", unique("again"));
    await person.page.evaluate(() => void (location.hash = "#/create?x=1"));
    await person.isAsked();
    await person.waitFor(() => location.hash === "#/create?x=1");
    await staysAndIsAsked(person, () => person.press("link", "Events"));
  },

  "a description of several lines keeps them, of a secret and of a key": async (person) => {
    const text = "line one\nline two\n\ttabbed";
    const name = unique("described");
    await client.createSecret({ name, description: text, secret_string: "1" });
    await openEdit(person, `#/secrets/${name}`);
    await goToEnd(person, text);
    await person.page.keyboard.type("!");
    await person.press("button", "Save");
    await person.sees(`The secret ${name} is saved.`);
    assert.equal((await client.showSecret({ secret_name: name })).secret.description, `${text}!`);
    const key_alias = unique("described");
    const { key_info } = await client.createKey({ key_alias, key_description: text });
    await person.goTo("#/keys");
    await person.sees(key_alias);
    await openEdit(person, "#/keys", `Actions for ${key_alias}`);
    await goToEnd(person, text);
    await person.page.keyboard.type("!");
    await person.press("button", "Save");
    await person.sees(`The key ${key_alias} is saved.`);
    const { key_info: now } = await client.listKeyDetail({ key_id: key_info.key_id });
    assert.equal(now.key_description, `${text}!`);
  },
});

/** Holds every request of a method whose path matches, until it is let go. */
async function held(person, method, path) {
  let letGo;
  const isFree = new Promise((resolve) => (letGo = resolve));
  await person.page.route(path, async (route) => {
    if (route.request().method() === method) await isFree;
    return route.continue();
  });
  return letGo;
}

const isHeld = (person, label) =>
  person.waitFor(
    (label) => [...document.querySelectorAll("input, textarea")].some((each) => each.labels[0]?.textContent === label && each.closest("[inert]")),
    label,
  );

const focused = (person) => person.page.evaluate(() => document.activeElement.value || document.activeElement.innerText);

test("nothing can be typed into a secret that is being created, and the keyboard comes back where that fails", () =>
  withPerson("chromium", async (person) => {
    const name = unique("held");
    await client.createSecret({ name, secret_string: "taken" });
    await person.signIn();
    await person.goTo("#/create");
    await person.press("radio", "Plain text");
    await person.write("Text", "first");
    await person.write("Description", "words");
    await person.write("Name", name);
    let letGo = await held(person, "POST", /\/v1\/[^/]+\/secrets$/);
    await person.key("Enter");
    await isHeld(person, "Text");
    assert.equal(await focused(person), "Create secret");
    await person.page.keyboard.type("lost");
    letGo();
    await person.sees("A secret of this name exists.");
    assert.equal(await focused(person), name);
    // The next try is asked from another field, and its failure brings the keyboard back there.
    await person.page.unrouteAll();
    await person.page.route(/\/v1\/[^/]+\/secrets$/, (route) =>
      route.request().method() === "POST" ? route.fulfill({ status: 400, json: { error_code: "CSMS.0001", error_msg: "no" } }) : route.continue(),
    );
    await person.page.getByLabel("Description").focus();
    await person.key("Enter");
    await person.waitFor(() => document.querySelector(".failure, [role=alert]") !== null);
    await person.page.waitForFunction(() => document.activeElement.value === "words");
    await person.page.unrouteAll();
    const free = unique("held");
    await person.write("Name", free);
    letGo = await held(person, "POST", /\/v1\/[^/]+\/secrets$/);
    await person.press("button", "Create secret");
    await isHeld(person, "Text");
    await person.page.keyboard.type("lost");
    letGo();
    await person.sees("Current value");
    assert.equal(await stored(free), "first");
  }));

test("a version that is being saved can neither be gone back from nor edited", () =>
  withPerson("chromium", async (person) => {
    await person.signIn();
    const name = await openForm(person);
    await person.press("radio", "Plain text");
    await person.write("Text", "first");
    await person.press("button", "Review");
    await person.sees("Save the version");
    const letGo = await held(person, "POST", /\/versions$/);
    await person.press("button", "Save the version");
    await person.waitFor(() => [...document.querySelectorAll("button:disabled")].some((each) => each.innerText === "Back"));
    letGo();
    await person.sees("Version v2 is saved.");
    assert.equal(await stored(name), "first");
  }));

test("nothing can be typed into a value that is about to be replaced by the current one", () =>
  withPerson("chromium", async (person) => {
    await person.signIn();
    await openForm(person, "stored");
    await person.press("radio", "Plain text");
    const letGo = await held(person, "GET", /\/versions\//);
    await person.press("button", "Start from the current value");
    await isHeld(person, "Text");
    letGo();
    await seesField(person, "stored");
    assert.equal(await person.page.evaluate(() => document.querySelector("[inert]")), null);
  }));

test("a dialog that is being saved takes no further letters, and Escape is still heard", () =>
  withPerson("chromium", async (person) => {
    const name = unique("held");
    await client.createSecret({ name, secret_string: "1" });
    await person.signIn();
    await openEdit(person, `#/secrets/${name}`);
    await person.write("Description", "first");
    const letGo = await held(person, "PUT", /\/v1\//);
    await person.key("Enter");
    await isHeld(person, "Description");
    await person.page.keyboard.type("lost");
    person.questions.length = 0;
    person.agrees = false;
    await person.key("Escape");
    await person.isAsked();
    letGo();
    await person.sees(`The secret ${name} is saved.`);
    await person.waitFor(() => document.querySelector("[role=dialog]") === null);
    assert.equal((await client.showSecret({ secret_name: name })).secret.description, "first");
  }));

test("what is dropped keeps its line ends, and undo and redo bring them back", () =>
  withPerson("chromium", async (person) => {
    const text = "a\r\nb\nc\r\nd\re";
    await person.signIn();
    const name = await openForm(person);
    await person.press("radio", "Plain text");
    const { x, y } = await person.page.getByLabel("Text", { exact: true }).boundingBox();
    const browser = await person.page.context().newCDPSession(person.page);
    const data = { items: [{ mimeType: "text/plain", data: text }], dragOperationsMask: 1 };
    for (const type of ["dragEnter", "dragOver", "drop"]) {
      await browser.send("Input.dispatchDragEvent", { type, x: x + 20, y: y + 10, data });
    }
    await seesField(person, "a\nb\nc\nd\ne");
    await save(person);
    assert.equal(await stored(name), text);
    await person.goTo(`#/secrets/${name}/new-version`);
    await person.press("radio", "Plain text");
    await person.page.evaluate((text) => navigator.clipboard.writeText(text), text);
    await person.page.getByLabel("Text", { exact: true }).focus();
    await person.key("Control+v");
    await seesField(person, "a\nb\nc\nd\ne");
    await person.key("Control+z");
    await seesField(person, "");
    await person.key("Control+Shift+Z");
    await seesField(person, "a\nb\nc\nd\ne");
    await save(person);
    assert.equal(await stored(name), text);
  }));

test("a line that is typed behind a lone carriage return is stored, and of two equal lines the edited one goes", () =>
  withPerson("chromium", async (person) => {
    const edit = async (text, place, key) => {
      const name = unique("lines");
      await client.createSecret({ name, secret_string: text });
      await startFrom(person, name);
      await seesField(person, text.replace(/\r\n?/g, "\n"));
      await person.page.evaluate(([start, end]) => {
        const field = document.querySelector("main textarea");
        field.focus();
        field.setSelectionRange(start, end);
      }, place);
      await person.key(key);
      await save(person);
      return stored(name);
    };
    await person.signIn();
    assert.equal(await edit("a\rb\rc", [2, 2], "Enter"), "a\r\r\nb\rc");
    assert.equal(await edit("x\r\nx\ny\n", [0, 2], "Delete"), "x\ny\n");
  }));

/** Leaves the window, as for another one. */
const leave = (person) => person.page.evaluate(() => void dispatchEvent(new Event("blur")));

test("a value that arrives after the window was left is not shown", () =>
  withPerson("chromium", async (person) => {
    const name = unique("late");
    await client.createSecret({ name, secret_string: "came late" });
    await person.signIn();
    await person.goTo(`#/secrets/${name}`);
    const letGo = await held(person, "GET", /\/versions\/v1$/);
    await person.press("button", "Reveal the value of v1");
    await person.sees("Reading…");
    await leave(person);
    letGo();
    await person.waitFor(() => document.querySelector(".value-view").getAttribute("aria-busy") === "false");
    assert.ok(!(await person.html()).includes("came late"));
    await person.press("button", "Reveal the value of v1");
    await person.sees("came late");
  }));

test("the form that opens a sealed value stays when the window is left, and what it opened does not", () =>
  withPerson("chromium", async (person) => {
    const name = unique("sealed");
    const key = JweKey.passphrase("correct horse battery");
    await client.createSecret({ name, secret_string: await key.seal("opened value", { name, purpose: "console" }) });
    await person.signIn();
    await person.goTo(`#/secrets/${name}`);
    await person.press("button", "Reveal the value of v1");
    await person.sees("This value is sealed.");
    await person.write("Passphrase", "correct horse");
    await leave(person);
    await person.page.getByLabel("Passphrase", { exact: true }).focus();
    await person.key("End");
    await person.page.keyboard.type(" battery");
    await person.press("button", "Open in this page");
    await person.sees("opened value");
    await person.sees("Hidden again in");
    await leave(person);
    await person.waitFor(() => !document.documentElement.outerHTML.includes("opened value"));
    await person.sees("Reveal");
  }));

test("what is typed to seal with stays while another type is chosen, and seals for the type that has a use for it", () =>
  withPerson("chromium", async (person) => {
    const field = (label) => person.page.getByLabel(label, { exact: true });
    const passphrase = "correct horse battery";
    const name = unique("types");
    await person.signIn();
    await person.goTo("#/create");
    await person.press("radio", "For a public key");
    await person.press("button", "Make a key pair");
    await person.sees("Keep the private key now");
    const publicKey = await field("Public key of the recipient (JSON Web Key)").inputValue();
    for (const type of ["Database account", "TaurusDB account", "Common"]) {
      await person.press("radio", type);
      await person.sees("Keep the private key now");
      assert.equal(await field("Public key of the recipient (JSON Web Key)").inputValue(), publicKey);
    }
    await person.press("radio", "With a passphrase");
    await person.write("Passphrase", passphrase);
    await person.write("Passphrase once more", passphrase);
    await person.press("radio", "TaurusDB account");
    assert.equal(await field("Passphrase").count(), 0);
    assert.ok(await person.page.getByRole("radio", { name: "No", exact: true }).isChecked());
    await person.press("radio", "Common");
    for (const label of ["Passphrase", "Passphrase once more"]) assert.equal(await field(label).inputValue(), passphrase);
    await person.write("Name", name);
    await person.press("radio", "Plain text");
    await person.write("Text", "sealed after all");
    await person.press("button", "Create secret");
    await person.sees("Current value");
    const key = JweKey.passphrase(passphrase);
    assert.equal(await key.openText(await stored(name), { name, purpose: "console" }), "sealed after all");
    key.free();
  }));

/** Pastes a text as a person does. */
async function pasteInto(person, label, text) {
  await person.page.evaluate((text) => navigator.clipboard.writeText(text), text);
  await person.page.getByLabel(label, { exact: true }).focus();
  await person.key("Control+v");
}

test("a pasted passphrase keeps its lines, and a name refuses them", () =>
  withPerson("chromium", async (person) => {
    const [name, passphrase] = [unique("lines"), "first line\r\nsecond line"];
    await person.signIn();
    await person.goTo("#/create");
    await pasteInto(person, "Name", "one\ntwo");
    await person.sees("This field holds one line; the text has line breaks, so nothing was pasted.");
    await person.write("Name", name);
    assert.ok(!(await person.text()).includes("nothing was pasted"));
    await pasteInto(person, "Description", "of two\nlines");
    await seesField(person, "of two\nlines");
    await person.press("radio", "Plain text");
    await person.write("Text", "sealed");
    await person.press("radio", "With a passphrase");
    await pasteInto(person, "Passphrase", passphrase);
    await pasteInto(person, "Passphrase once more", passphrase);
    await person.sees("2 lines, with their line breaks.");
    await person.press("button", "Create secret");
    await person.press("button", "Reveal the value of v1");
    await person.sees("This value is sealed.");
    const key = JweKey.passphrase(passphrase);
    assert.equal(await key.openText(await stored(name), { name, purpose: "console" }), "sealed");
    key.free();
    assert.equal((await client.showSecret({ secret_name: name })).secret.description, "of two\nlines");
    await pasteInto(person, "Passphrase", passphrase);
    // Enter sends it, as in a field of one line.
    await person.key("Enter");
    await person.sees("Copy the opened value");
  }));
