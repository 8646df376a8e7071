// Nothing that a person did not change is changed by the console, and nothing typed is lost without a question.

import assert from "node:assert/strict";
import { test } from "node:test";

import { inEveryBrowser } from "./flow.mjs";
import { withPerson } from "./person.mjs";
import { CREDENTIALS, client, unique } from "./stage.mjs";
import { save, startFrom, stored } from "./versions.mjs";

/** Puts a text, written as in JSON and repeated, into a field, as no keyboard could. */
const putEscaped = (person, label, text, times = 1) =>
  person.page.evaluate(
    ([label, text, times]) => {
      const field = [...document.querySelectorAll("input, textarea")].find(({ labels }) => labels?.[0]?.textContent === label);
      const { set } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), "value");
      set.call(field, JSON.parse(`"${text}"`).repeat(times));
      field.dispatchEvent(new Event("input", { bubbles: true }));
    },
    [label, text, times],
  );

const TEXT = '{\n  "user": "app",\n  "ratio": 1.0,\n  "id": 18446744073709551615,\n  "dash": "\\u2014"\n}\n';

inEveryBrowser({
  "a value nobody edits is saved as the bytes it was, also after looking at every view and going back": async (person) => {
    const name = unique("same");
    await client.createSecret({ name, secret_string: TEXT });
    await startFrom(person, name);
    await person.sees("Value of user");
    await person.press("radio", "Plain text");
    await person.press("radio", "Key/value");
    await person.press("button", "Review");
    await person.sees("The two values are the same.");
    await person.press("button", "Back");
    await save(person);
    assert.equal(await stored(name), TEXT);
  },

  "one edited value changes nothing else": async (person) => {
    const name = unique("one");
    await client.createSecret({ name, secret_string: TEXT });
    await startFrom(person, name);
    await person.sees("Type: number");
    await person.write("Value of ratio", "2.50");
    await save(person);
    assert.equal(await stored(name), TEXT.replace("1.0", "2.50"));
  },

  "a value of several lines keeps them, and a number that becomes text says so": async (person) => {
    const name = unique("lines");
    const key = "-----BEGIN KEY-----\nAAAA\nBBBB\n-----END KEY-----\n";
    await client.createSecret({ name, secret_string: JSON.stringify({ key, port: 5432 }) });
    await startFrom(person, name);
    await person.write("Value of port", "none");
    await person.sees("Type: text, no longer number");
    await person.page.evaluate(() => {
      const field = [...document.querySelectorAll("textarea")].find((each) => each.value.includes("AAAA"));
      field.focus();
      field.setSelectionRange(field.value.length, field.value.length);
    });
    await person.page.keyboard.type("x");
    await person.press("button", "Review");
    await person.sees("number → text");
    await person.press("button", "Save the version");
    await person.sees("Version v2 is saved.");
    assert.deepEqual(JSON.parse(await stored(name)), { key: `${key}x`, port: "none" });
  },

  "text with CRLF keeps it": async (person) => {
    const name = unique("crlf");
    await client.createSecret({ name, secret_string: "A=1\r\nB=2\r\n" });
    await startFrom(person, name);
    await person.sees("Line ends");
    await person.page.evaluate(() => {
      const field = document.querySelector("textarea");
      field.focus();
      field.setSelectionRange(field.value.length, field.value.length);
    });
    await person.page.keyboard.type("C=3");
    await save(person);
    assert.equal(await stored(name), "A=1\r\nB=2\r\nC=3");
  },

  "typed text is there again after a look at another view": async (person) => {
    await person.goTo("#/create");
    await person.press("radio", "Plain text");
    await person.write("Text", "hello");
    await person.press("radio", "Key/value");
    await person.sees("This text has no keys.");
    await person.press("radio", "Plain text");
    assert.equal(await person.page.evaluate(() => document.querySelector("textarea").value), "hello");
  },

  "a dirty form asks before it is left, and stays if it may not": async (person) => {
    const name = unique("asks");
    await person.goTo("#/create");
    await person.write("Name", name);
    person.agrees = false;
    person.questions.length = 0;
    await person.page.evaluate(() => void (location.hash = "#/tasks"));
    await person.waitFor(() => location.hash === "#/create");
    assert.equal(person.questions.length, 1);
    await person.sees("Programs ask for this name.");
    person.agrees = true;
    await person.page.evaluate(() => void (location.hash = "#/tasks"));
    await person.sees("Which rotations");
  },

  "loading the page again asks before anything typed is lost": async (person, browser) => {
    const name = unique("reload");
    await person.goTo("#/create");
    await person.write("Name", name);
    if (browser === "webkit") {
      // Its driver answers the question before anybody sees it.
      assert.equal(await person.page.evaluate(() => dispatchEvent(new Event("beforeunload", { cancelable: true }))), false);
      return;
    }
    person.agrees = false;
    person.questions.length = 0;
    await person.page.evaluate(() => void setTimeout(() => location.reload()));
    await person.isAsked();
    assert.equal(await person.page.evaluate(() => document.querySelector("[name=secret-name]").value), name);
    person.agrees = true;
  },

  "the text of a file takes the place of a typed one only after a question": async (person) => {
    await person.goTo("#/create");
    await person.press("radio", "Plain text");
    await person.write("Text", "typed");
    person.agrees = false;
    person.questions.length = 0;
    await person.chooseFile(Buffer.from("from a file"));
    await person.isAsked();
    const text = () => person.page.evaluate(() => document.querySelector("textarea").value);
    assert.equal(await text(), "typed");
    person.agrees = true;
    await person.chooseFile(Buffer.from("from a file"));
    await person.waitFor(() => document.querySelector("textarea").value === "from a file");
    // Nobody typed that one.
    await person.chooseFile(Buffer.from("from another"));
    await person.waitFor(() => document.querySelector("textarea").value === "from another");
    assert.equal(person.questions.length, 2);
  },

  "text that no rule can take is a problem of its field, and the page goes on": async (person) => {
    const put = (label, text) => putEscaped(person, label, text);
    const HALF = "\\ud800";
    await person.goTo("#/create");
    await person.press("radio", "Plain text");
    await put("Text", HALF);
    await person.sees("It holds half of a character");
    await put("Name", HALF);
    await person.sees("Use letters, digits, - and _, at most 64.");
    await person.press("radio", "Database account");
    await put("Database instance", HALF);
    await person.press("switch", "Rotate automatically");
    await put("Every", HALF);
    await person.sees("A whole number and d, h, m or s");
    await person.goTo("#/events");
    await person.press("button", "New event");
    await put("Name", HALF);
    await person.sees("Use letters, digits, - and _, at most 64.");
  },

  "an edit of a secret keeps what was changed elsewhere meanwhile": async (person) => {
    const [name, event_name] = [unique("shared"), unique("shared-event")];
    await client.createSecretEvent({
      name: event_name,
      event_types: ["SECRET_DELETED"],
      state: "ENABLED",
      notification: { target_type: "SMN", target_id: "urn:smn:local-1:p:alerts", target_name: "alerts" },
    });
    await client.createSecret({ name, secret_string: "kept", description: "old" });
    await person.goTo(`#/secrets/${name}`);
    await person.press("button", "More actions");
    await person.press("menuitem", "Edit…");
    await person.choose("Event", event_name);
    await client.updateSecret({ secret_name: name, description: "by somebody else" });
    await person.press("button", "Save");
    await person.sees("Description now: by somebody else");
    await person.press("button", "Save");
    await person.waitFor(() => document.querySelector("[role=dialog]") === null);
    const { secret } = await client.showSecret({ secret_name: name });
    assert.deepEqual([secret.description, secret.event_subscriptions], ["by somebody else", [event_name]]);
  },

  "Escape asks before it closes a dialog with something typed in it": async (person) => {
    const name = unique("escape");
    await client.createSecret({ name, secret_string: "kept" });
    await person.goTo(`#/secrets/${name}`);
    await person.press("button", "More actions");
    await person.press("menuitem", "Edit…");
    await person.write("Description", "typed");
    person.agrees = false;
    person.questions.length = 0;
    await person.key("Escape");
    assert.equal(person.questions.length, 1);
    await person.waitFor(() => [...document.querySelectorAll("[role=dialog] :is(input, textarea)")].some(({ value }) => value === "typed"));
    person.agrees = true;
    await person.press("button", "Cancel");
    await person.waitFor(() => document.querySelector("[role=dialog]") === null);
    assert.equal(person.questions.length, 2);
  },

  "the form of a new version has an address, and asks before it is left": async (person) => {
    const name = unique("form");
    await client.createSecret({ name, secret_string: "kept" });
    await startFrom(person, name);
    assert.equal(await person.page.evaluate(() => location.hash), `#/secrets/${name}/new-version`);
    await person.waitFor(() => document.querySelector("textarea")?.value === "kept");
    await person.write("Text", "typed");
    person.agrees = false;
    person.questions.length = 0;
    await person.press("link", "Secrets");
    await person.waitFor((name) => location.hash === `#/secrets/${name}/new-version`, name);
    assert.equal(person.questions.length, 1);
    assert.equal(await person.page.evaluate(() => document.querySelector("textarea").value), "typed");
    person.agrees = true;
    await person.press("button", "Cancel");
    await person.sees("Current value");
    assert.equal(await stored(name), "kept");
  },

  "what was typed is not replaced by the current value without a question": async (person) => {
    const name = unique("replaced");
    await client.createSecret({ name, secret_string: "kept" });
    await person.goTo(`#/secrets/${name}/new-version`);
    await person.press("radio", "Plain text");
    await person.write("Text", "typed");
    person.agrees = false;
    person.questions.length = 0;
    await person.press("button", "Start from the current value");
    await person.waitFor(() => document.querySelector("textarea").value === "typed");
    assert.deepEqual(person.questions, ["What you typed is replaced by the current value. Go on?"]);
    person.agrees = true;
    await person.press("button", "Start from the current value");
    await person.waitFor(() => document.querySelector("textarea")?.value === "kept");
    await person.press("button", "Start from the current value");
    await person.settles();
    assert.equal(person.questions.length, 2);
  },

  "a new version of a secret that waits for its deletion is not offered by its address either": async (person) => {
    const name = unique("waits");
    await client.createSecret({ name, secret_string: "kept" });
    await client.deleteSecretForSchedule({ secret_name: name, recovery_window_in_days: 7 });
    await person.goTo(`#/secrets/${name}/new-version`);
    await person.waitFor(() => document.querySelector("main .notice") !== null);
    assert.equal(await person.page.evaluate(() => document.querySelector("main form")), null);
  },

  "a file is limited by what the server says, and one that is too long is not read": async (person) => {
    const { max_value_bytes = 32_768 } = await client.showSecretsConfig();
    const limit = (max_value_bytes / 4) * 3;
    await person.goTo("#/create");
    await person.press("radio", "Binary");
    await person.sees(`at most ${limit.toLocaleString("en")} bytes`);
    const choose = (length) => person.chooseFile(new Uint8Array(length));
    await choose(limit + 1);
    await person.sees("it is stored as Base64.");
    await choose(limit);
    await person.sees(`${limit.toLocaleString("en")} bytes of at most ${limit.toLocaleString("en")}`);
    assert.ok(!(await person.text()).includes("it is stored as Base64."));
  },

  "a text from a file is stored byte by byte, and a file that is no text is refused": async (person) => {
    const name = unique("file");
    const text = "\ufeffA=1\r\nB=2\n\u2028C=3\r\n";
    await person.goTo("#/create");
    await person.write("Name", name);
    await person.press("radio", "Plain text");
    await person.chooseFile(Buffer.from([0xb0, 0xa1, 0xff]));
    await person.sees("This file is not text in UTF-8.");
    await person.chooseFile(Buffer.from(text));
    await person.waitFor(() => document.querySelector("textarea").value.includes("C=3"));
    assert.ok(!(await person.text()).includes("not text in UTF-8"));
    await person.press("button", "Create secret");
    await person.sees("Current value");
    assert.equal(await stored(name), text);
  },

  "an odd document goes through Key/value without another change": async (person) => {
    const name = unique("odd");
    const text = '{ "":"none", "__proto__" : "p",\r\n"n":1e400,"z":-0, "nul":"\\u0000","half":"\\ud800",\t"line":"\u2028" ,"a\\nb":1.0 }  ';
    await client.createSecret({ name, secret_string: text });
    await startFrom(person, name);
    await person.sees("A key with line breaks is changed under Plain text.");
    await person.write("Value of __proto__", "q");
    await person.write("Value of n", "1e401");
    await save(person);
    assert.equal(await stored(name), text.replace('"p"', '"q"').replace("1e400", "1e401"));
  },

  "who stored each version is said beside it": async (person) => {
    const name = unique("origin");
    await client.createSecret({ name, secret_string: "1" });
    await client.createSecretVersion({ secret_name: name, secret_string: "2" });
    await person.goTo(`#/secrets/${name}/versions`);
    await person.sees(`Added by ${CREDENTIALS.user_name}`);
    await person.sees(`Created by ${CREDENTIALS.user_name}`);
  },

  "a version that was stored meanwhile is noticed before saving": async (person) => {
    const name = unique("two");
    await client.createSecret({ name, secret_string: '{"a":"1"}' });
    await startFrom(person, name);
    await person.write("Value of a", "mine");
    await client.createSecretVersion({ secret_name: name, secret_string: '{"a":"theirs"}' });
    await person.press("button", "Review");
    await person.sees("The current version changed after you began; it is v2 now.");
    await person.sees("SYSCURRENT moves from v2 to v3");
    await client.createSecretVersion({ secret_name: name, secret_string: '{"a":"again"}' });
    await person.press("button", "Save the version");
    await person.sees("it is v3 now.");
    assert.equal(await stored(name), '{"a":"again"}');
    await person.press("button", "Save the version");
    await person.sees("Version v4 is saved.");
    assert.equal(await stored(name), '{"a":"mine"}');
  },
});

test("text without an end is too long, and the page goes on", () =>
  withPerson("chromium", async (person) => {
    await person.signIn();
    await person.goTo("#/create");
    await person.write("Description", "still there");
    await person.press("radio", "Plain text");
    await putEscaped(person, "Text", "x", 5 << 20);
    await person.sees("this one has 5");
    assert.equal(await person.page.getByLabel("Description").inputValue(), "still there");
    await putEscaped(person, "Description", "d", 5 << 20);
    await person.sees("At most 2,048 bytes.");
  }));

test("a part that cannot be loaded says so inside the frame, and is loaded again", () =>
  withPerson("chromium", async (person) => {
    let isBroken = true;
    await person.page.route(/KeysPage/, (route) => (isBroken ? route.fulfill({ status: 404 }) : route.continue()));
    await person.signIn();
    await person.page.evaluate(() => void (location.hash = "#/keys"));
    await person.sees("This part of the console could not be loaded.");
    await person.sees("Rotations");
    isBroken = false;
    await person.press("button", "Load again");
    await person.sees("New key");
  }));

test("what is pasted in place of a text keeps its line ends", () =>
  withPerson("chromium", async (person) => {
    const [name, text] = [unique("paste"), "A=1\r\nB=2\r\n"];
    await client.createSecret({ name, secret_string: "old\ntext\n" });
    await person.signIn();
    await startFrom(person, name);
    await person.waitFor(() => document.querySelector("textarea")?.value.startsWith("old"));
    await person.page.evaluate((text) => navigator.clipboard.writeText(text), text);
    await person.page.evaluate(() => document.querySelector("textarea").select());
    await person.key("Control+v");
    await person.waitFor(() => document.querySelector("textarea").value === "A=1\nB=2\n");
    await save(person);
    assert.equal(await stored(name), text);
  }));

test("a value that is too long once it is sealed says so before anything is saved", () =>
  withPerson("chromium", async (person) => {
    const name = unique("sealed");
    await person.signIn();
    await person.goTo("#/create");
    await person.write("Name", name);
    await person.press("radio", "Plain text");
    await person.write("Text", "x".repeat(30_000));
    await person.press("radio", "With a passphrase");
    await person.write("Passphrase", "correct horse battery");
    await person.write("Passphrase once more", "correct horse battery");
    await person.press("button", "Create secret");
    await person.sees("Sealed, the value has 40");
    await person.sees("save it without sealing");
    await assert.rejects(client.showSecret({ secret_name: name }), { code: "CSMS.0106" });
  }));

test("a sign-in that no longer counts is renewed over the page, and nothing typed is lost", () =>
  withPerson("chromium", async (person) => {
    const name = unique("renewed");
    let isExpired = false;
    await person.page.route(/\/v1\/[^/]+\/secrets$/, (route) => {
      const isRefused = isExpired && route.request().method() === "POST";
      return isRefused
        ? route.fulfill({ status: 401, contentType: "application/json", body: '{"error_code":"APIGW.0301","error_msg":"expired"}' })
        : route.continue();
    });
    await person.signIn();
    await person.goTo("#/create");
    await person.write("Name", name);
    await person.press("radio", "Plain text");
    await person.write("Text", "typed before");
    isExpired = true;
    await person.press("button", "Create secret");
    await person.sees("Your sign-in has expired");
    isExpired = false;
    await person.write("Secret key (SK)", CREDENTIALS.secret_key);
    await person.press("button", "Sign in");
    await person.sees("Current value");
    assert.equal(await stored(name), "typed before");
  }));

test("a list is narrowed, sorted and turned over in its address, and Back brings all of it back", () =>
  withPerson("chromium", async (person) => {
    const prefix = unique("address");
    for (const each of ["a", "b", "c"]) await client.createSecret({ name: `${prefix}-${each}`, secret_string: each });
    await person.signIn();
    await person.write("Search secrets", prefix);
    await person.press("button", "Name");
    const seesTheLastFirst = () =>
      person.waitFor(() => {
        const names = [...document.querySelectorAll(".secrets tbody th a")].map((link) => link.innerText.at(-1));
        return names.join("") === "cba" && document.querySelector("[aria-sort=descending]") !== null;
      });
    await seesTheLastFirst();
    await person.press("link", `${prefix}-b`);
    await person.sees("Current value");
    await person.page.goBack();
    await seesTheLastFirst();
    assert.match(person.page.url(), new RegExp(`q=${prefix}&sort=-name`));
  }));

test("in a browser without AbortSignal.any every list is read", () =>
  withPerson("chromium", async (person) => {
    await person.page.addInitScript(() => delete AbortSignal.any);
    await person.signIn();
    await person.settles();
    assert.ok(!(await person.text()).includes("cannot be reached"));
  }));

test("without cryptography, as over plain HTTP, the page says why sealing does not work", () =>
  withPerson("chromium", async (person) => {
    await person.page.addInitScript(() => Object.defineProperty(Crypto.prototype, "subtle", { value: undefined }));
    await person.arrive();
    await person.sees("This connection is plain HTTP.");
    await person.signIn();
    await person.goTo("#/create");
    await person.sees("Sealing needs HTTPS.");
  }));
