// What a person does with events, and with the subscriptions of secrets to them.

import assert from "node:assert/strict";

import { inEveryBrowser } from "./flow.mjs";
import { client, unique } from "./stage.mjs";

const subscriptionsOf = async (secret_name) => (await client.showSecret({ secret_name })).secret.event_subscriptions;

const made = (name) =>
  client.createSecretEvent({
    name,
    event_types: ["SECRET_DELETED"],
    state: "ENABLED",
    notification: { target_type: "SMN", target_id: "urn:smn:local-1:p:alerts", target_name: "alerts" },
  });

const FLOWS = {
  "an event is made and deleted": async (person) => {
    const name = unique("event");
    await person.goTo("#/events");
    await person.press("button", "New event");
    await person.write("Name", name);
    await person.write("Topic (URN)", "urn:smn:local-1:p:alerts");
    await person.write("Name of the topic", "alerts");
    await person.press("button", "Save");
    await person.sees(name);
    assert.deepEqual((await client.showSecretEvent({ event_name: name })).event.event_types, ["SECRET_ROTATED_FAILED"]);
    await person.press("button", `Actions for ${name}`);
    await person.press("menuitem", "Delete…");
    await person.press("button", "Delete the event");
    await person.waitFor((name) => !document.querySelector("main").innerText.includes(name), name);
  },

  "an edit of an event keeps what was changed elsewhere meanwhile": async (person) => {
    const name = unique("shared");
    await made(name);
    const stored = async () => (await client.showSecretEvent({ event_name: name })).event.notification;
    await person.goTo("#/events");
    await person.press("button", `Actions for ${name}`);
    await person.press("menuitem", "Edit…");
    await person.write("Name of the topic", "renamed");
    const notification = { ...(await stored()), target_id: "urn:smn:local-1:p:others" };
    await client.updateSecretEvent({ event_name: name, notification });
    await person.press("button", "Save");
    await person.sees("The event was changed elsewhere after you began.");
    assert.deepEqual(await stored(), notification);
    await person.press("button", "Save");
    await person.waitFor(() => document.querySelector("[role=dialog]") === null);
    assert.deepEqual(await stored(), { ...notification, target_name: "renamed" });
  },

  "a secret subscribes to an event, and no longer": async (person) => {
    const [event, name] = [unique("told"), unique("subscribed")];
    await made(event);
    await client.createSecret({ name, secret_string: "of interest" });
    await person.goTo(`#/secrets/${name}`);
    await person.press("button", "More actions");
    await person.press("menuitem", "Edit…");
    await person.choose("Event", event);
    await person.sees("Notifies alerts: Secret deleted.");
    await person.press("button", "Save");
    await person.waitFor(() => document.querySelector("[role=dialog]") === null);
    await person.sees(event);
    assert.deepEqual(await subscriptionsOf(name), [event]);
    await person.press("button", "More actions");
    await person.press("menuitem", "Edit…");
    await person.choose("Event", "No notification");
    await person.press("button", "Save");
    await person.waitFor((event) => !document.body.innerText.includes(event), event);
    assert.deepEqual(await subscriptionsOf(name), []);
  },

  "a new secret subscribes to an event": async (person) => {
    const [event, name] = [unique("told"), unique("subscribed")];
    await made(event);
    await person.goTo("#/create");
    await person.write("Name", name);
    await person.press("radio", "Plain text");
    await person.write("Text", "of interest");
    await person.choose("Event", event);
    await person.press("button", "Create secret");
    await person.sees("Current value");
    assert.deepEqual(await subscriptionsOf(name), [event]);
  },
};

inEveryBrowser(FLOWS, { areUsuallyAlike: true });
