// Every page and dialog of the console, and how one gets there.

/** The page of the user that the seed makes. */
async function openAlice(person) {
  await person.goTo("#/users");
  await person.press("link", "alice");
  await person.sees("To change keys without a gap");
  await person.settles();
}

/** @type {{name: string, open: (person: import("./person.mjs").Person) => Promise<void>}[]} */
export const PAGES = [
  { name: "sign-in", isSignedOut: true, open: async () => undefined },
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
  { name: "overview", open: (person) => person.goTo("#/secrets/app-smtp-relay") },
  {
    name: "overview-revealed",
    open: async (person) => {
      await person.goTo("#/secrets/app-smtp-relay");
      await person.press("button", "Reveal the value of v3");
      await person.sees("third-password");
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
    name: "move-stage",
    open: async (person) => {
      await person.goTo("#/secrets/app-smtp-relay/versions");
      await person.press("button", "Actions for v1");
      await person.press("menuitem", "Move a stage here…");
      await person.sees("What will change");
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
      await person.goTo("#/?q=billing");
      await person.page.evaluate(() => document.querySelector("thead [type=checkbox]").click());
      await person.press("button", "Delete…");
      await person.sees("Programs can no longer read them");
    },
  },
  {
    name: "palette",
    open: async (person) => {
      await person.goTo("#/");
      await person.page.keyboard.press("Control+k");
      await person.sees("Import secrets");
    },
  },
  { name: "missing", open: (person) => person.goTo("#/nowhere") },
];
