// What the console keeps to itself: keys and values are never sent where they need not be, nor stored, nor in addresses,
// nor in the document while they are masked.

import assert from "node:assert/strict";
import { test } from "node:test";

import { withPerson } from "./person.mjs";
import { CREDENTIALS, JweKey, URL_OF_CONSOLE, client, unique } from "./stage.mjs";

/** Everything that outlives the page or shows outside of it. */
const kept = () => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href, document.title]);

test("the secret key is never sent, stored or written into the document", () =>
  withPerson("chromium", async (person) => {
    const sent = [];
    person.page.on("request", (request) => sent.push(JSON.stringify([request.url(), request.headers(), request.postData()])));
    await person.signIn();
    await person.goTo("#/create");
    assert.ok(sent.some((request) => request.includes("SDK-HMAC-SHA256")));
    assert.deepEqual(sent.filter((request) => request.includes(CREDENTIALS.secret_key)), []);
    assert.ok(!(await person.page.evaluate(kept)).includes(CREDENTIALS.secret_key));
    assert.ok(!(await person.html()).includes(CREDENTIALS.secret_key));
  }));

test("a value that is typed is in no attribute, no address and no storage", () =>
  withPerson("chromium", async (person) => {
    const value = unique("typed");
    await person.signIn();
    await person.goTo("#/create");
    await person.write("Name", unique("name"));
    await person.write("Key 1", "password");
    await person.write("Value of password", value);
    assert.ok(!(await person.html()).includes(value));
    assert.ok(!(await person.page.evaluate(kept)).includes(value));
  }));

test("a value leaves the document by itself after a while", () =>
  withPerson("chromium", async (person) => {
    const [name, value] = [unique("leaves"), unique("value")];
    await client.createSecret({ name, secret_string: value });
    await person.page.clock.install();
    await person.signIn();
    await person.goTo(`#/secrets/${name}`);
    await person.press("button", "Reveal the value of v1");
    await person.sees(value);
    await person.page.clock.fastForward(31_000);
    await person.waitFor((value) => !document.documentElement.outerHTML.includes(value), value);
  }));

test("compared values leave the document after a while, and when the window is left", () =>
  withPerson("chromium", async (person) => {
    const [name, former, value] = [unique("compared"), unique("former"), unique("value")];
    await client.createSecret({ name, secret_string: former });
    await client.createSecretVersion({ secret_name: name, secret_string: value });
    await person.page.clock.install();
    await person.signIn();
    await person.goTo(`#/secrets/${name}/versions`);
    await person.press("button", "Compare");
    const leaves = () =>
      person.waitFor((texts) => texts.every((text) => !document.documentElement.outerHTML.includes(text)), [former, value]);
    for (const leave of [
      () => person.page.evaluate(() => dispatchEvent(new Event("blur"))),
      () => person.page.clock.fastForward(31_000),
    ]) {
      await person.press("switch", "Show values");
      await person.sees(value);
      await person.sees("Hidden again in 30 s.");
      await leave();
      await leaves();
    }
  }));

test("a private key that is put into the field of a public one is not taken into the document", () =>
  withPerson("chromium", async (person) => {
    const label = "Public key of the recipient (JSON Web Key)";
    const [secret, key] = [unique("PRIVATE"), { kty: "EC", crv: "P-256", x: "x", y: "y" }];
    await person.signIn();
    await person.goTo("#/create");
    await person.press("radio", "For a public key");
    await person.write(label, JSON.stringify({ ...key, d: secret }));
    await person.sees("This is the private key");
    assert.ok(!(await person.html()).includes(secret));
    await person.write(label, JSON.stringify(key));
    await person.waitFor(() => !document.body.innerText.includes("This is the private key"));
  }));

test("a sealed value of another secret is refused by name, and one of its own secret opens, whatever its purpose", () =>
  withPerson("chromium", async (person) => {
    const [name, other, value] = [unique("own"), unique("other"), unique("value")];
    const passphrase = "correct horse battery";
    const key = JweKey.passphrase(passphrase);
    const bindings = [
      { name: other, purpose: "console" },
      { name, purpose: "billing" },
      { name, purpose: "console" },
    ];
    const [ofOther, ofBilling, own] = await Promise.all(bindings.map((binding) => key.seal(value, binding)));
    key.free();
    await client.createSecret({ name, secret_string: ofOther });
    await person.signIn();
    const reveal = async (version, text) => {
      await person.goTo(`#/secrets/${name}/versions`);
      await person.press("button", `Value of ${version}`);
      await person.press("button", `Reveal the value of ${version}`);
      await person.sees(text);
    };
    await reveal("v1", `This value is sealed for another secret: ${other}.`);
    assert.equal(await person.page.getByLabel("Passphrase", { exact: true }).count(), 0);
    for (const [version, token] of [["v2", ofBilling], ["v3", own]]) {
      await person.goTo("#/");
      await client.createSecretVersion({ secret_name: name, secret_string: token });
      await reveal(version, "This value is sealed.");
      await person.write("Passphrase", passphrase);
      await person.press("button", "Open in this page");
      await person.sees(value);
    }
  }));

test("a sealed login opens in its secret, also one that was sealed before logins were bound to their project", () =>
  withPerson("chromium", async (person) => {
    const key = await JweKey.generate("ECDH-ES+A256KW");
    const sealedFor = async (purpose) => {
      const name = unique("login");
      const secret_string = await key.seal(`login of ${name}`, { name, purpose });
      const rotation_func_urn = `urn:fss:local-1:${CREDENTIALS.project_id}:function:default:rotate-database:latest`;
      const rotation_config = '{"InstanceId":"local","SecretSubType":"SingleUser"}';
      await client.createSecret({ name, secret_type: "RDS-FG", secret_string, rotation_func_urn, rotation_config });
      return name;
    };
    await person.signIn();
    for (const purpose of [`rotation-${CREDENTIALS.project_id}`, "rotation"]) {
      const name = await sealedFor(purpose);
      await person.goTo(`#/secrets/${name}`);
      await person.press("button", "Reveal the value of v1");
      await person.write("Private key (JSON Web Key)", JSON.stringify(key.toJwk()));
      await person.press("button", "Open in this page");
      await person.sees(`login of ${name}`);
    }
    const elsewhere = await sealedFor("rotation-of-another-project");
    await person.goTo(`#/secrets/${elsewhere}`);
    await person.press("button", "Reveal the value of v1");
    await person.sees("This value is sealed for another purpose: rotation-of-another-project.");
    key.free();
  }));

test("over plain HTTP, where there is no clipboard to lend, a value is copied too", () =>
  withPerson("chromium", async (person) => {
    const [name, value] = [unique("plain"), unique("value")];
    await client.createSecret({ name, secret_string: value });
    // As on a page from another machine without TLS.
    await person.page.addInitScript(() => Object.defineProperty(Navigator.prototype, "clipboard", { value: undefined }));
    await person.signIn();
    await person.goTo(`#/secrets/${name}`);
    await person.press("button", "Copy the value of v1");
    await person.sees("It stays in the clipboard");
    assert.ok(!(await person.html()).includes(value));
  }));

test("the content policy stops inline scripts and other origins", () =>
  withPerson("chromium", async (person) => {
    await person.signIn();
    const blocked = await person.page.evaluate(async () => {
      const seen = [];
      document.addEventListener("securitypolicyviolation", (event) => seen.push(event.effectiveDirective));
      const script = document.createElement("script");
      script.textContent = "window.ran = true";
      document.body.append(script);
      await fetch("https://example.org/").catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve));
      return { seen, ran: window.ran === true };
    });
    assert.deepEqual(blocked, { seen: ["script-src-elem", "connect-src"], ran: false });
  }));

test("signing out leaves nothing behind", () =>
  withPerson("chromium", async (person) => {
    await person.signIn();
    await person.signOut();
    assert.ok(!(await person.html()).includes(CREDENTIALS.access_key));
    assert.ok(!(await person.page.evaluate(kept)).includes(CREDENTIALS.access_key));
    assert.equal(new URL(person.page.url()).origin, URL_OF_CONSOLE);
  }));
