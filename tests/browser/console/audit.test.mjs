// What a person finds in the audit trail.

import assert from "node:assert/strict";

import { inEveryBrowser } from "./flow.mjs";
import { client, unique } from "./stage.mjs";

const rows = (person) => person.page.evaluate(() => [...document.querySelectorAll("tbody tr")].map(({ innerText }) => innerText.replace(/\s+/g, " ")));
const hasRows = (person, count) => person.waitFor((count) => document.querySelectorAll("tbody tr").length === count, count);

const FLOWS = {
  "what was done with a secret is found by its name, the newest first": async (person) => {
    const name = unique("audited");
    await client.createSecret({ name, secret_string: "first" });
    await client.createSecretVersion({ secret_name: name, secret_string: "second" });
    await assert.rejects(client.createSecret({ name, secret_string: "again" }));
    await person.goTo("#/audit");
    await person.sees("csms audit verify --offline");
    await person.write("Secret or key", name);
    await person.press("button", "Filter");
    await hasRows(person, 3);
    const [refused, version, created] = await rows(person);
    assert.match(refused, /^CreateSecret .*CSMS\.0101/);
    assert.match(version, /^CreateSecretVersion .*Succeeded/);
    assert.match(created, /^CreateSecret .*Succeeded/);
    await person.choose("Outcome", "Refused or failed");
    await hasRows(person, 1);
    assert.match((await rows(person))[0], /CSMS\.0101/);
  },

  "no record matches, and the way back is one press": async (person) => {
    await client.createSecret({ name: unique("audited"), secret_string: "x" });
    await person.goTo("#/audit");
    await person.write("User", unique("nobody"));
    await person.press("button", "Filter");
    await person.sees("No record matches.");
    await person.press("button", "Show all");
    await person.sees("CreateSecret");
  },

  "older records follow when they are asked for": async (person) => {
    const prefix = unique("many");
    const secrets = Array.from({ length: 60 }, (_, index) => ({ name: `${prefix}-${index}`, secret_string: "x" }));
    for (const half of [secrets.slice(0, 30), secrets.slice(30)]) {
      await Promise.all(half.map((secret) => client.createSecret(secret)));
      await Promise.all(half.map(({ name }) => client.deleteSecret({ secret_name: name })));
    }
    await person.goTo("#/audit");
    await person.sees("100+ records");
    await person.press("button", "Older records");
    await person.waitFor(() => document.querySelectorAll("tbody tr").length > 100);
    const times = await person.page.evaluate(() => [...document.querySelectorAll("tbody time")].map(({ dateTime }) => dateTime));
    assert.deepEqual(times, times.toSorted().reverse());
  },
};

inEveryBrowser(FLOWS, { areUsuallyAlike: true });
