// Every page and dialog of the console, and how one gets there. `accessibility.test.mjs` finds out what is missing here.

import { client, unique } from "./stage.mjs";

/** Opens the menu of something in a list, and chooses from it. */
async function choose(person, path, whose, item) {
  await person.goTo(path);
  await person.press("button", whose);
  await person.press("menuitem", item);
}

/** Finds some secrets, selects them, and presses what is offered for several. */
async function chooseForSeveral(person, path, button) {
  await person.goTo(path);
  await person.waitFor(() => document.querySelector("thead [type=checkbox]") !== null);
  await person.page.evaluate(() => document.querySelector("thead [type=checkbox]").click());
  await person.press("button", button);
}

/** Signs in as somebody who may do nothing yet, and returns the access key. */
async function signInWithoutRights(person) {
  const { user_id } = (await client.createUserV5({ name: unique("newcomer"), enabled: true })).user;
  const { access_key } = await client.createAccessKeyV5({ user_id });
  await person.signIn({ access_key: access_key.access_key_id, secret_key: access_key.secret_access_key });
  return { user_id, access_key_id: access_key.access_key_id };
}

/** A value that is sealed with a passphrase, shown as it is stored. */
async function revealSealed(person) {
  await person.goTo("#/secrets/app-sealed");
  await person.press("button", "Reveal the value of v1");
  await person.sees("This value is sealed.");
}

/** The page of the user that the seed makes. */
async function openAlice(person) {
  await person.goTo("#/users");
  await person.press("link", "alice");
  await person.sees("To change keys without a gap");
  await person.settles();
}

/**
 * `isSignedOut`: it is reached from the page of the sign-in. `isLong`: no picture holds it as a whole. `isNarrow`: it is there on
 * narrow screens only.
 *
 * @type {{name: string, open: (person: import("./acts.mjs").Person) => Promise<void>, isSignedOut?: boolean, isLong?: boolean, isNarrow?: boolean}[]}
 */
export const PAGES = [
  { name: "sign-in", isSignedOut: true, open: async () => undefined },
  {
    name: "no-rights",
    isSignedOut: true,
    open: async (person) => {
      await signInWithoutRights(person);
      await person.sees("You may not list the secrets");
    },
  },
  {
    name: "sign-in-expired",
    isSignedOut: true,
    open: async (person) => {
      const key = await signInWithoutRights(person);
      await client.deleteAccessKeyV5(key);
      // What the page asks for waits for the new sign-in.
      await person.page.evaluate(() => void (location.hash = "#/account"));
      await person.sees("Your sign-in has expired");
    },
  },
  { name: "overview-page", open: (person) => person.goTo("#/overview") },
  { name: "secrets", isLong: true, open: (person) => person.goTo("#/") },
  { name: "create", open: (person) => person.goTo("#/create") },
  {
    name: "create-problems",
    open: async (person) => {
      await person.goTo("#/create");
      await person.write("Name", "not a name");
      await person.press("button", "Create secret");
      await person.sees("Use letters, digits, - and _");
    },
  },
  {
    name: "create-sealed",
    open: async (person) => {
      await person.goTo("#/create");
      await person.press("radio", "Plain text");
      await person.write("Text", '{"a": 1,\n"b" 2}');
      await person.sees("Not JSON: look at line 2");
      await person.press("radio", "With a passphrase");
      await person.sees("Passphrase once more");
    },
  },
  {
    name: "create-binary",
    open: async (person) => {
      await person.goTo("#/create");
      await person.press("radio", "Binary");
      await person.sees("A certificate, a key store");
    },
  },
  {
    name: "generate",
    open: async (person) => {
      await person.goTo("#/create");
      await person.press("button", "Generate value 1");
      await person.sees("Length");
    },
  },
  { name: "overview", open: (person) => person.goTo("#/secrets/app-smtp-relay") },
  {
    name: "overview-revealed",
    open: async (person) => {
      await person.goTo("#/secrets/app-smtp-relay");
      await person.press("button", "Reveal the value of v3");
      await person.sees("third-password");
    },
  },
  { name: "sealed", open: revealSealed },
  {
    name: "opened",
    open: async (person) => {
      await revealSealed(person);
      await person.write("Passphrase", "correct horse battery");
      await person.press("button", "Open in this page");
      await person.sees("for few eyes only");
    },
  },
  {
    name: "pending-deletion",
    open: async (person) => {
      await person.goTo("#/secrets/archive-token");
      await person.sees("This secret is scheduled for deletion.");
    },
  },
  {
    name: "restore",
    open: async (person) => {
      await choose(person, "#/secrets/archive-token", "More actions", "Restore…");
      await person.waitFor(() => document.querySelector("[role=dialog] h2")?.innerText === "Restore archive-token");
    },
  },
  { name: "versions", open: (person) => person.goTo("#/secrets/app-smtp-relay/versions") },
  {
    name: "version-actions",
    open: async (person) => {
      await person.goTo("#/secrets/app-smtp-relay/versions");
      await person.press("button", "Value of v2");
      await person.press("button", "Actions for v2");
      await person.sees("Set the expiry…");
    },
  },
  {
    name: "compare",
    open: async (person) => {
      await person.goTo("#/secrets/app-smtp-relay/versions");
      await person.press("button", "Compare");
      await person.sees("Difference");
    },
  },
  {
    name: "compare-shown",
    open: async (person) => {
      await person.goTo("#/secrets/app-smtp-relay/versions");
      await person.press("button", "Compare");
      await person.press("switch", "Show values");
      await person.sees("Hidden again in");
    },
  },
  {
    name: "move-stage",
    open: async (person) => {
      await person.goTo("#/secrets/app-smtp-relay/versions");
      await person.press("button", "Actions for v1");
      await person.press("menuitem", "Move a stage here…");
      await person.sees("What will change");
    },
  },
  {
    name: "expiry",
    open: async (person) => {
      await choose(person, "#/secrets/app-smtp-relay/versions", "Actions for v1", "Set the expiry…");
      await person.sees("When v1 expires");
    },
  },
  {
    name: "new-version",
    open: async (person) => {
      await person.goTo("#/secrets/app-smtp-relay");
      await person.press("button", "New version");
      await person.press("button", "Start from the current value");
      await person.sees("Value of password");
    },
  },
  {
    name: "review",
    open: async (person) => {
      await person.goTo("#/secrets/app-smtp-relay");
      await person.press("button", "New version");
      await person.press("button", "Start from the current value");
      await person.write("Value of password", "fifth-password");
      await person.press("button", "Remove key 5");
      await person.press("button", "Add a key");
      await person.write("Key 5", "from");
      await person.write("Value of from", "shop@example.org");
      await person.press("button", "Review");
      await person.sees("1 added, 1 removed, 1 changed");
    },
  },
  {
    name: "delete",
    open: async (person) => {
      await person.goTo("#/secrets/app-smtp-relay");
      await person.press("button", "More actions");
      await person.press("menuitem", "Delete…");
      await person.sees("It will be deleted on");
    },
  },
  {
    name: "edit",
    open: async (person) => {
      await person.goTo("#/secrets/app-smtp-relay");
      await person.press("button", "More actions");
      await person.press("menuitem", "Edit…");
      await person.sees("Notifies on-call");
    },
  },
  { name: "tags", open: (person) => person.goTo("#/secrets/app-smtp-relay/tags") },
  { name: "rotation", open: (person) => person.goTo("#/secrets/app-payments-db/rotation") },
  {
    name: "rotate",
    open: async (person) => {
      await person.goTo("#/secrets/app-payments-db/rotation");
      await person.press("button", "Rotate now");
      await person.sees("What will change");
    },
  },
  {
    name: "dry-run",
    open: async (person) => {
      await person.goTo("#/secrets/app-payments-db/rotation");
      await person.press("button", "Rotate now");
      await person.press("button", "Dry run");
      await person.sees("A rotation would succeed.");
    },
  },
  {
    name: "dry-run-failed",
    open: async (person) => {
      await person.goTo("#/secrets/app-orders-db/rotation");
      await person.press("button", "Rotate now");
      await person.press("button", "Dry run");
      await person.sees("A rotation would fail.");
    },
  },
  {
    name: "rotated",
    open: async (person) => {
      await person.goTo("#/secrets/app-payments-db/rotation");
      await person.press("button", "Rotate now");
      await person.press("button", "Start the rotation");
      await person.sees("The account has a new password");
    },
  },
  {
    name: "sealed-login",
    open: async (person) => {
      await person.goTo("#/create");
      await person.press("radio", "Database account");
      await person.press("radio", "For the rotation function");
      await person.press("button", "Make a key pair");
      await person.sees("Keep the private key now");
    },
  },
  {
    name: "rotation-failed",
    open: async (person) => {
      await person.goTo("#/secrets/app-orders-db/rotation");
      await person.sees("The database accepts no password that the secret knows.");
    },
  },
  { name: "rotations", open: (person) => person.goTo("#/tasks") },
  { name: "events", open: (person) => person.goTo("#/events") },
  {
    name: "new-event",
    open: async (person) => {
      await person.goTo("#/events");
      await person.press("button", "New event");
      await person.sees("Rotation failed");
    },
  },
  {
    name: "edit-event",
    open: async (person) => {
      await choose(person, "#/events", "Actions for everything", "Edit…");
      await person.sees("Edit everything");
    },
  },
  { name: "keys", open: (person) => person.goTo("#/keys") },
  {
    name: "new-key",
    open: async (person) => {
      await person.goTo("#/keys");
      await person.press("button", "New key");
      await person.sees("Create key");
    },
  },
  {
    name: "edit-key",
    open: async (person) => {
      await choose(person, "#/keys", "Actions for shop/production", "Edit…");
      await person.sees("Edit shop/production");
    },
  },
  {
    name: "disable-key",
    open: async (person) => {
      await person.goTo("#/keys");
      await person.press("button", "Actions for shop/production");
      await person.press("menuitem", "Disable…");
      await person.sees("Secrets that use it: 1");
    },
  },
  {
    name: "delete-key",
    open: async (person) => {
      await person.goTo("#/keys");
      await person.press("button", "Actions for shop/production");
      await person.press("menuitem", "Delete…");
      await person.sees("Secrets that use it: 1");
    },
  },
  { name: "users", open: (person) => person.goTo("#/users") },
  {
    name: "new-user",
    open: async (person) => {
      await person.goTo("#/users");
      await person.press("button", "New user");
      await person.sees("Create user");
    },
  },
  {
    name: "edit-user",
    open: async (person) => {
      await choose(person, "#/users", "Actions for alice", "Edit…");
      await person.sees("Edit alice");
    },
  },
  {
    name: "user-actions",
    open: async (person) => {
      await person.goTo("#/users");
      await person.press("button", "Actions for alice");
      await person.sees("Delete…");
    },
  },
  {
    name: "delete-user",
    open: async (person) => {
      await person.goTo("#/users");
      await person.press("button", "Actions for bob");
      await person.press("menuitem", "Delete…");
      await person.sees("Type the name of the user to confirm");
    },
  },
  { name: "user", open: (person) => openAlice(person) },
  {
    name: "new-access-key",
    open: async (person) => {
      await openAlice(person);
      await person.press("button", "New access key");
      await person.sees("You will not see this key again.");
    },
  },
  { name: "policies", open: (person) => person.goTo("#/policies") },
  {
    name: "policy",
    open: async (person) => {
      await person.goTo("#/policies");
      await person.press("button", "Actions for team-a");
      await person.press("menuitem", "Edit…");
      await person.waitFor(() => document.querySelector("[role=dialog] textarea")?.value.includes("team-a"));
    },
  },
  {
    name: "new-policy",
    open: async (person) => {
      await person.goTo("#/policies");
      await person.press("button", "New policy");
      await person.waitFor(() => document.querySelector("[role=dialog] textarea") !== null);
    },
  },
  {
    name: "delete-policy",
    open: async (person) => {
      await choose(person, "#/policies", "Actions for team-b", "Delete…");
      await person.sees("Delete team-b");
    },
  },
  { name: "audit", isLong: true, open: (person) => person.goTo("#/audit") },
  { name: "access", open: (person) => person.goTo("#/secrets/app-payments-db/access") },
  {
    name: "account-menu",
    open: async (person) => {
      await person.goTo("#/overview");
      await person.openAccount();
      await person.sees("Password and access keys");
    },
  },
  {
    name: "places",
    isNarrow: true,
    open: async (person) => {
      await person.goTo("#/overview");
      await person.press("button", "Pages of the console");
      await person.sees("Policies");
    },
  },
  { name: "account", open: (person) => person.goTo("#/account") },
  {
    name: "import",
    open: async (person) => {
      await person.goTo("#/import");
      await person.write("Or paste it", "API_KEY=abc\nTOKEN='de f'\nAPI_KEY=again");
      await person.sees("This name occurs twice in the file.");
    },
  },
  {
    name: "selection",
    open: async (person) => {
      await chooseForSeveral(person, "#/?q=billing", "Delete…");
      await person.sees("Programs can no longer read them");
    },
  },
  {
    name: "tag-several",
    open: async (person) => {
      await chooseForSeveral(person, "#/?q=billing", "Tag…");
      await person.sees("It replaces the value that a secret has for this key.");
    },
  },
  {
    name: "export-several",
    open: async (person) => {
      await chooseForSeveral(person, "#/?q=billing", "Export…");
      await person.sees("The list (CSV)");
    },
  },
  {
    name: "restore-several",
    open: async (person) => {
      await chooseForSeveral(person, "#/?q=archive-token", "Restore…");
      await person.sees("Nothing of this will be deleted");
    },
  },
  {
    name: "palette",
    open: async (person) => {
      await person.goTo("#/");
      await person.key("Control+k");
      await person.sees("Import secrets");
    },
  },
  { name: "missing", open: (person) => person.goTo("#/nowhere") },
];
