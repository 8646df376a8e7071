// Values that leave the page and come into it: copied, pasted, saved as files and chosen as files, byte by byte.

import assert from "node:assert/strict";

import { inEveryBrowser } from "./flow.mjs";
import { client, unique } from "./stage.mjs";

/** Every byte there is. */
const BYTES = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

/** A text in which something is lost wherever bytes pass through a field or a clipboard that changes them. */
const TEXT = '\ufeff{"a": 1.0, "line": "\u2028", "dash": "\\u2014"}\n\t终 ';

inEveryBrowser({
  "a copied value is pasted as it was stored, and is not shown": async (person) => {
    const name = unique("copied");
    await client.createSecret({ name, secret_string: TEXT });
    await person.goTo(`#/secrets/${name}`);
    await person.press("button", "Copy the value of v1");
    await person.sees("The clipboard is cleared after 60 s");
    assert.ok(!(await person.html()).includes("\u2028"));
    assert.equal(await person.pastes(), TEXT);
  },

  "a copied value is taken out of the clipboard after a while, at the latest at the next press": async (person) => {
    const name = unique("cleared");
    await client.createSecret({ name, secret_string: "taken out again" });
    await person.goTo(`#/secrets/${name}`);
    // A minute of the page lasts a moment here.
    await person.page.evaluate(() => {
      const wait = window.setTimeout;
      window.setTimeout = (work, milliseconds, ...rest) => wait(work, milliseconds === 60_000 ? 500 : milliseconds, ...rest);
    });
    await person.press("button", "Copy the value of v1");
    await person.sees("The clipboard is cleared after 60 s");
    await person.goTo("#/tasks");
    await person.until(async () => {
      await person.key("Shift");
      return (await person.pastes("nothing")) === "nothing";
    });
  },

  "what is copied after a value stays in the clipboard": async (person) => {
    const name = unique("after");
    const { secret } = await client.createSecret({ name, secret_string: "taken out again" });
    await person.goTo(`#/secrets/${name}`);
    // A minute of the page lasts a moment here, and the page says when it is over.
    await person.page.evaluate(() => {
      const wait = window.setTimeout;
      window.setTimeout = (work, milliseconds, ...rest) => {
        if (milliseconds !== 60_000) return wait(work, milliseconds, ...rest);
        return wait(() => (work(...rest), (document.body.dataset.over = "yes")), 500);
      };
      const end = window.clearTimeout;
      window.clearTimeout = (timer) => (timer !== undefined && (document.body.dataset.over = "yes"), end(timer));
    });
    await person.press("button", "Copy the value of v1");
    await person.sees("The clipboard is cleared after 60 s");
    await person.press("button", "Copy the identifier of the secret");
    await person.waitFor(() => document.body.dataset.over === "yes");
    await person.waitFor(() => !document.body.innerText.includes("The clipboard is cleared after 60 s"));
    await person.key("Shift");
    assert.equal(await person.pastes(), secret.id);
  },

  "one member of a value is copied, and no other is in the document": async (person) => {
    const [name, wanted, other] = [unique("members"), unique("wanted"), unique("other")];
    await client.createSecret({ name, secret_string: JSON.stringify({ wanted, other }) });
    await person.goTo(`#/secrets/${name}`);
    await person.press("button", "Keys only");
    await person.press("button", "Reveal the value of wanted");
    await person.sees(wanted);
    await person.press("button", "Copy the value of other");
    await person.sees("The clipboard is cleared after 60 s");
    assert.ok(!(await person.html()).includes(other));
    assert.equal(await person.pastes(), other);
  },

  "bytes of a file are stored, and saved as a file of the same bytes": async (person) => {
    const name = unique("bytes");
    await person.goTo("#/create");
    await person.write("Name", name);
    await person.press("radio", "Binary");
    await person.chooseFile(BYTES);
    await person.sees("256 bytes of at most");
    await person.press("button", "Create secret");
    await person.sees("Current value");
    const { version } = await client.showSecretVersion({ secret_name: name, version_id: "latest" });
    assert.equal(version.secret_binary, BYTES.toString("base64"));
    await person.press("button", "Reveal the value of v1");
    assert.deepEqual(await person.saves("Download"), BYTES);
  },

  "a sealed value is opened, and copied and saved as it was sealed": async (person) => {
    const name = unique("sealed");
    await person.goTo("#/create");
    await person.write("Name", name);
    await person.press("radio", "Plain text");
    await person.chooseFile(Buffer.from(TEXT));
    await person.press("radio", "With a passphrase");
    await person.write("Passphrase", "correct horse battery");
    await person.write("Passphrase once more", "correct horse battery");
    await person.press("button", "Create secret");
    await person.sees("Current value");
    await person.press("button", "Reveal the value of v1");
    await person.write("Passphrase", "correct horse battery");
    await person.press("button", "Open in this page");
    await person.press("button", "Copy the opened value");
    await person.sees("The clipboard is cleared after 60 s");
    assert.equal(await person.pastes(), TEXT);
    assert.equal((await person.saves("Download")).toString(), TEXT);
  },
});
