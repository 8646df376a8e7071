// The form of a new version, and what it stores.

import { client } from "./stage.mjs";

/** The text of the newest version. */
export const stored = async (secret_name) =>
  (await client.showSecretVersion({ secret_name, version_id: "latest" })).version.secret_string;

/** Opens the form of a new version, with the current value in it. */
export async function startFrom(person, name) {
  await person.goTo(`#/secrets/${name}`);
  await person.press("button", "New version");
  await person.press("button", "Start from the current value");
}

export async function save(person) {
  await person.press("button", "Review");
  await person.press("button", "Save the version");
  // The message may be that of an earlier one.
  await person.waitFor(() => !location.hash.endsWith("/new-version"));
  await person.sees("is saved.");
}
