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
