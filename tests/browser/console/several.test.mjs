// What a person does with several secrets.

import assert from "node:assert/strict";
import { test } from "node:test";

import { withPerson } from "./person.mjs";
import { client, unique } from "./stage.mjs";

const stored = async (secret_name) => (await client.showSecretVersion({ secret_name, version_id: "latest" })).version.secret_string;

test("secrets of a file are looked at, stored, tagged and deleted together", () =>
  withPerson("chromium", async (person) => {
    const prefix = `${unique("file")}-`;
    await person.signIn();
    await person.goTo("#/import");
    await person.write("Or paste it", `TOKEN="two\nlines"\nNAME='a b'`);
    await person.write("Before each name", prefix);
    await person.press("button", "Import 2 secrets");
    await person.sees("2 secrets are imported.");
    assert.deepEqual([await stored(`${prefix}TOKEN`), await stored(`${prefix}NAME`)], ["two\nlines", "a b"]);
    await person.write("Search secrets", prefix);
    await person.press("checkbox", "Select all 2");
    await person.press("button", "Tag…");
    await person.write("Key", "origin");
    await person.press("button", "Add the tag");
    await person.sees("The tag origin is saved.");
    await person.press("button", "Delete…");
    await person.press("button", "Schedule the deletion");
    await person.sees("The deletion of 2 secrets is scheduled.");
    const { secret } = await client.showSecret({ secret_name: `${prefix}NAME` });
    assert.equal(secret.state, "PENDING_DELETE");
    assert.deepEqual((await client.listSecretTags({ secret_id: secret.id })).tags.map(({ key }) => key), ["origin"]);
  }));

test("a file of numbers and of another encoding loses nothing without a word", () =>
  withPerson("chromium", async (person) => {
    const name = unique("exact");
    await person.signIn();
    await person.goTo("#/import");
    // 凭据 as Windows writes it.
    await person.chooseFile([0x7b, 0x22, 0xc6, 0xbe, 0xbe, 0xdd], "secrets.json");
    await person.sees("Save it as UTF-8 and choose it again.");
    await person.chooseFile(Buffer.from('{"10":1.0,"2":9223372036854775807,"key":"a\\r\\nb"}'), "secrets.json");
    await person.sees("Import 3 secrets");
    await person.press("switch", "One secret with all of them as keys");
    await person.write("Name of the secret", name);
    await person.press("button", "Import 1 secret");
    await person.sees("1 secret is imported.");
    assert.equal(await stored(name), '{\n  "10": 1.0,\n  "2": 9223372036854775807,\n  "key": "a\\r\\nb"\n}');
  }));

test("a file whose values would be cut is refused, with the line", () =>
  withPerson("chromium", async (person) => {
    const name = unique("comma");
    await person.signIn();
    await person.goTo("#/import");
    const value = "postgres://u:p@h/db?options=a,b,c";
    await person.chooseFile(Buffer.from(`name,value\n${name},${value}\n`), "secrets.csv");
    await person.sees("Put a value that holds a comma into quotation marks. Line 2.");
    assert.ok(!(await person.text()).includes("What will be stored"));
    person.agrees = true;
    await person.chooseFile(Buffer.from(`name,value\n${name},"${value}"\n`), "secrets.csv");
    await person.press("button", "Import 1 secret");
    await person.sees("1 secret is imported.");
    assert.equal(await stored(name), value);
  }));

test("a file with a secret that cannot be stored is not stored in part", () =>
  withPerson("chromium", async (person) => {
    const name = unique("whole");
    await person.signIn();
    await person.goTo("#/import");
    await person.chooseFile(Buffer.from(`{"${name}":"x","${name}":"y","bad name":"z"}`), "secrets.json");
    await person.sees("2 secrets of the file cannot be stored, so none is.");
    const button = person.page.getByRole("button", { name: "Import 0 secrets", exact: true });
    assert.ok(await button.isDisabled());
    // The bytes of a binary value, and not its Base64, are counted.
    await person.write("Or paste it", JSON.stringify([{ name, secret_binary: Buffer.alloc(256).toString("base64") }]));
    await person.sees("Import 1 secret");
    assert.equal(await person.page.evaluate(() => document.querySelector(".import-preview td").innerText), "256");
  }));

test("an import that fails on the way says what it has stored, and goes on with the rest", () =>
  withPerson("chromium", async (person) => {
    const prefix = unique("way");
    const [taken, last] = [`${prefix}-000`, `${prefix}-149`];
    const lines = Array.from({ length: 150 }, (_, number) => `${prefix}-${String(number).padStart(3, "0")},v${number}`);
    await person.signIn();
    let batches = 0;
    await person.page.route(/batch-import$/, async (route) => {
      batches += 1;
      // Somebody else is quicker with one of them.
      if (batches === 1) await client.createSecret({ name: taken, secret_string: "of somebody else" });
      return batches === 2
        ? route.fulfill({ status: 500, contentType: "application/json", body: '{"error_code":"CSMS.9999","error_msg":"Internal error"}' })
        : route.continue();
    });
    await person.goTo("#/import");
    await person.chooseFile(Buffer.from(lines.join("\n")), "secrets.csv");
    await person.press("button", "Import 150 secrets");
    await person.sees("The service failed.");
    await person.sees("99 secrets are imported.");
    await person.sees(`${taken}: A secret of this name exists.`);
    await person.press("button", "Import 50 secrets");
    await person.sees("149 secrets are imported.");
    assert.deepEqual([await stored(taken), await stored(last)], ["of somebody else", "v149"]);
  }));

test("a value that cannot be exported is named, and the others are saved", () =>
  withPerson("chromium", async (person) => {
    const prefix = unique("export");
    const { key_info } = await client.createKey({ key_alias: unique("closed") });
    await client.createSecret({ name: `${prefix}-open`, secret_string: "exported" });
    await client.createSecret({ name: `${prefix}-closed`, secret_string: "not exported", kms_key_id: key_info.key_id });
    await client.disableKey({ key_id: key_info.key_id });
    await person.signIn();
    await person.write("Search secrets", prefix);
    await person.press("checkbox", "Select all 2");
    await person.press("button", "Export…");
    await person.press("radio", "With their current values (JSON)");
    const file = JSON.parse((await person.saves("Save the file")).toString());
    assert.deepEqual(file, [{ name: `${prefix}-open`, secret_string: "exported" }]);
    await person.sees(`${prefix}-closed: The KMS key of the value cannot be used.`);
    await person.sees("1 of 2 done");
  }));
