// What the console says while it waits and when something around it fails, and what it offers for work with values.

import assert from "node:assert/strict";
import { createServer, request } from "node:http";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { withPerson } from "./person.mjs";
import { CREDENTIALS, URL_OF_CONSOLE, client, unique } from "./stage.mjs";

test("a slow reading says so, also to screen readers, and is asked for once", () =>
  withPerson("chromium", async (person) => {
    const name = unique("slow");
    await client.createSecret({ name, secret_string: "came late" });
    let readings = 0;
    let answer;
    const isAsked = new Promise((resolve) => (answer = resolve));
    await person.page.route(/\/versions\/v1$/, async (route) => {
      readings += 1;
      await isAsked;
      return route.continue();
    });
    await person.signIn();
    await person.goTo(`#/secrets/${name}`);
    await person.press("button", "Reveal the value of v1");
    await person.sees("Reading…");
    assert.equal(await person.page.evaluate(() => document.querySelector(".value-view").getAttribute("aria-busy")), "true");
    await person.press("button", "Reveal the value of v1");
    answer();
    await person.sees("came late");
    assert.equal(readings, 1);
    await person.press("button", "Keep open");
    await person.sees("Hidden again in 10:00.");
    assert.equal(readings, 1);
  }));

test("an answer that comes after another version was chosen is not shown under its name", () =>
  withPerson("chromium", async (person) => {
    const name = unique("chosen");
    await client.createSecret({ name, secret_string: "value-ONE" });
    for (const secret_string of ["value-TWO", "value-THREE"]) await client.createSecretVersion({ secret_name: name, secret_string });
    let letGo;
    const isFree = new Promise((resolve) => (letGo = resolve));
    await person.page.route(/\/versions\/v2$/, async (route) => {
      await isFree;
      return route.continue();
    });
    await person.signIn();
    await person.goTo(`#/secrets/${name}/versions`);
    await person.press("button", "Compare");
    await person.choose("Before", "v1");
    const answered = person.page.waitForResponse(/\/versions\/v2$/);
    letGo();
    await answered;
    // The button is free again once the answer was taken in.
    await person.press("button", "Compare");
    await person.press("switch", "Show values");
    await person.sees("value-ONE");
    const heads = await person.page.evaluate(() => [...document.querySelectorAll(".diff thead th")].map(({ innerText }) => innerText));
    assert.deepEqual(heads.slice(2), ["v1", "v3"]);
    assert.ok(!(await person.html()).includes("value-TWO"));
  }));

test("older records that come after another filter was chosen are dropped", () =>
  withPerson("chromium", async (person) => {
    const name = unique("older");
    await client.createSecret({ name, secret_string: "x" });
    for (let index = 0; index < 110; index += 1) await client.updateSecret({ secret_name: name, description: `${index}` });
    await assert.rejects(client.createSecret({ name, secret_string: "x" }));
    let letGo;
    const isFree = new Promise((resolve) => (letGo = resolve));
    await person.page.route(/\/traces\?.*next=/, async (route) => {
      await isFree;
      return route.continue().catch(() => undefined);
    });
    await person.signIn();
    await person.goTo(`#/audit?resource=${name}`);
    await person.sees("100+ records");
    await person.press("button", "Older records");
    // The page gives the request up.
    const isGivenUp = person.page.waitForEvent("requestfailed", (request) => /\/traces\?.*next=/.test(request.url()));
    await person.choose("Outcome", "Refused or failed");
    await isGivenUp;
    await person.sees("1 record");
    letGo();
    assert.equal(await person.page.evaluate(() => document.querySelectorAll("tbody tr").length), 1);
  }));

test("a part that is missing on the server is named as damage of the installation", () =>
  withPerson("chromium", async (person) => {
    await person.page.route(/\.wasm$/, (route) => route.fulfill({ status: 404 }));
    await person.arrive();
    await person.write("Access key (AK)", CREDENTIALS.access_key);
    await person.write("Secret key (SK)", CREDENTIALS.secret_key);
    await person.press("button", "Sign in");
    await person.sees("A part of the console is missing on the server.");
    await person.sees("The installation is damaged");
  }));

test("a proxy that answers with a page of its own is a service that cannot be reached", () =>
  withPerson("chromium", async (person) => {
    const html = { status: 502, contentType: "text/html", body: "<html>Bad gateway</html>" };
    await person.page.route(/\/v3\//, (route) => route.fulfill(html));
    for (const way of ["key", "password"]) {
      await person.arrive();
      if (way === "password") {
        await person.press("radio", "Name and password");
        await person.write("User name", CREDENTIALS.user_name);
        await person.write("Password", CREDENTIALS.password);
      } else {
        await person.write("Access key (AK)", CREDENTIALS.access_key);
        await person.write("Secret key (SK)", CREDENTIALS.secret_key);
      }
      await person.press("button", "Sign in");
      await person.sees("The service cannot be reached.");
      assert.ok(!(await person.text()).includes("Something went wrong"));
    }
  }));

/** Passes requests to the console on, and ends the connection in the middle of the answer to one path. */
async function withTornAnswer(torn, use) {
  const server = createServer((asked, answer) => {
    const { method, headers, url } = asked;
    const passed = request(URL_OF_CONSOLE + url, { method, headers }, (given) => {
      answer.writeHead(given.statusCode, given.headers);
      if (!url.startsWith(torn)) return given.pipe(answer);
      given.once("data", (bytes) => answer.write(bytes.subarray(0, bytes.length / 2), () => answer.destroy()));
    });
    asked.pipe(passed);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await use(`http://127.0.0.1:${server.address().port}/`);
  } finally {
    await new Promise((resolve) => server.close(resolve).closeAllConnections());
  }
}

test("an answer that ends too early is a service that cannot be reached", () =>
  withTornAnswer("/v3/projects", (address) =>
    withPerson("chromium", async (person) => {
      await person.page.goto(address);
      await person.sees("Sign in");
      await person.write("Access key (AK)", CREDENTIALS.access_key);
      await person.write("Secret key (SK)", CREDENTIALS.secret_key);
      await person.press("button", "Sign in");
      await person.sees("The service cannot be reached.");
    }),
  ));

test("an answer of another form is not blamed on the page, at the sign-in and where a policy is tried", () =>
  withPerson("chromium", async (person) => {
    const words = "The answer is not one of the service.";
    const forms = ["", "null", "[]", "{}", '{"projects":null}', '{"projects":[null]}', '{"projects":[{"id":1}]}'];
    let body = forms[0];
    await person.page.route(/\/v3\/projects/, (route) => route.fulfill({ contentType: "application/json", body }));
    for (body of forms) {
      await person.arrive();
      await person.write("Access key (AK)", CREDENTIALS.access_key);
      await person.write("Secret key (SK)", CREDENTIALS.secret_key);
      await person.press("button", "Sign in");
      await person.sees(words);
    }
    await person.page.unroute(/\/v3\/projects/);
    await person.signIn();
    await person.goTo("#/policies");
    await person.press("button", "New policy");
    await person.sees("Add an action to the last statement");
    await person.page.route(/permissions\/check/, (route) => route.fulfill({ json: { permissions: [] } }));
    await person.press("button", "Try the policy");
    await person.sees(words);
  }));

test("a password is drawn beside the value that takes it, and stays out of sight", () =>
  withPerson("chromium", async (person) => {
    const name = unique("drawn");
    await person.signIn();
    await person.goTo("#/create");
    await person.write("Name", name);
    await person.write("Key 1", "password");
    await person.press("button", "Generate a value for password");
    await person.write("Length", "24");
    await person.press("button", "Generate a password");
    await person.press("button", "Create secret");
    await person.sees("Current value");
    const { version } = await client.showSecretVersion({ secret_name: name, version_id: "latest" });
    const { password } = JSON.parse(version.secret_string);
    assert.equal(password.length, 24);
    assert.ok(!(await person.html()).includes(password));
  }));

test("Ctrl and K go to a secret by its name", () =>
  withPerson("chromium", async (person) => {
    const name = unique("palette");
    await client.createSecret({ name, secret_string: "1" });
    await person.signIn();
    await person.key("Control+k");
    await person.write("Name of a secret or page", name);
    await person.waitFor((name) => document.querySelector("[role=option][aria-selected=true]")?.textContent.includes(name), name);
    await person.key("Enter");
    await person.sees("Current value");
    assert.equal(await person.page.evaluate(() => location.hash), `#/secrets/${name}`);
  }));

test("a record of the audit trail has its seconds, zone, request and address, and the records are exported", () =>
  withPerson("chromium", async (person) => {
    const name = unique("record");
    await client.createSecret({ name, secret_string: "1" });
    const [trace] = (await client.listTraces({ resource_name: name, from: 0, to: Date.now() + 60_000 })).traces;
    await person.signIn();
    await person.goTo(`#/audit?resource=${name}`);
    await person.sees("CreateSecret");
    await person.page.evaluate(() => document.querySelector("details.trace summary").click());
    await person.sees(trace.request_id);
    await person.sees(trace.source_ip);
    assert.match(await person.page.evaluate(() => document.querySelector("tbody time").innerText), /:\d\d:\d\d.* [A-Z]/);
    const saved = person.page.waitForEvent("download");
    await person.press("button", "Export");
    const csv = await readFile(await (await saved).path(), "utf8");
    assert.match(csv, new RegExp(`CreateSecret","${name}`));
    // The filter is in the address, so a reload keeps it.
    assert.match(person.page.url(), new RegExp(`resource=${name}`));
  }));

/** Lets a request through, but not what the service says of it, once. */
async function loseAnswer(person, path) {
  let isLost = false;
  await person.page.route(path, async (route) => {
    if (isLost || route.request().method() !== "POST") return route.continue();
    isLost = true;
    await route.fetch();
    return route.abort();
  });
}

async function reviewVersion(person, name, stages) {
  await person.goTo(`#/secrets/${name}/new-version`);
  await person.press("radio", "Plain text");
  await person.write("Text", "two");
  await person.write("Stages that mark it", stages);
  await person.press("button", "Review");
}

test("a save that ends after its page was left leads nobody away", () =>
  withPerson("chromium", async (person) => {
    const name = unique("left");
    await client.createSecret({ name, secret_string: "one" });
    await person.signIn();
    await reviewVersion(person, name, "SYSCURRENT");
    let letGo;
    const isFree = new Promise((resolve) => (letGo = resolve));
    await person.page.route(/\/versions$/, async (route) => {
      if (route.request().method() === "POST") await isFree;
      return route.continue();
    });
    const isSent = person.page.waitForRequest((request) => request.method() === "POST" && /\/versions$/.test(request.url()));
    await person.press("button", "Save the version");
    await isSent;
    await person.page.evaluate(() => void (location.hash = "#/keys"));
    await person.sees("New key");
    letGo();
    await person.sees("Version v2 is saved.");
    assert.equal(await person.page.evaluate(() => location.hash), "#/keys");
  }));

test("a version whose save was answered by nobody is looked for before it is stored again", () =>
  withPerson("chromium", async (person) => {
    const name = unique("lost");
    await client.createSecret({ name, secret_string: "one" });
    await person.signIn();
    await reviewVersion(person, name, "blue");
    await loseAnswer(person, /\/versions$/);
    await person.press("button", "Save the version");
    await person.sees("The service cannot be reached.");
    await person.press("button", "Save the version");
    await person.sees("The save that failed may have stored your value as v2.");
    assert.equal((await client.listSecretVersions({ secret_name: name })).version_metadatas.length, 2);
    await person.press("link", "Look at the versions");
    await person.waitFor(() => location.hash.endsWith("/versions"));
  }));

test("an access key whose secret key was lost on the way is named", () =>
  withPerson("chromium", async (person) => {
    const { user_id } = (await client.createUserV5({ name: unique("lost"), enabled: true })).user;
    await person.signIn();
    await person.goTo(`#/users/${user_id}`);
    await loseAnswer(person, /access-keys$/);
    await person.press("button", "New access key");
    await person.sees("may be yours, without its secret key.");
    const [key] = (await client.listAccessKeysV5({ user_id })).access_keys;
    assert.ok((await person.text()).includes(`The key ${key.access_key_id} may be yours`));
  }));

const failing = (route) =>
  route.fulfill({ status: 503, contentType: "application/json", body: '{"error_code":"CSMS.0701","error_msg":"not now"}' });

test("what cannot be read is not taken for all well, and is read again by Refresh", () =>
  withPerson("chromium", async (person) => {
    let isDown = true;
    const refuse = (route) => (isDown ? failing(route) : route.continue());
    for (const path of [/\/tasks\?/, /\/traces\?/, /\/secrets\/[^/]+\/versions\?/]) await person.page.route(path, refuse);
    await client.createSecret({ name: unique("unread"), secret_string: "x" });
    await person.signIn();
    await person.goTo("#/overview");
    await person.sees("It is not known which rotations have failed.");
    await person.waitFor(() => document.querySelectorAll(".panel .notice-danger").length === 3);
    assert.doesNotMatch(await person.text(), /None: every rotation|You may not read|Loading…/);
    await person.goTo("#/?type=FAILING");
    await person.sees("It is not known which rotations have failed.");
    assert.doesNotMatch(await person.text(), /No secret matches/);
    await person.goTo("#/overview");
    await person.waitFor(() => document.querySelectorAll(".panel .notice-danger").length === 3);
    isDown = false;
    await person.press("button", "Refresh");
    await person.waitFor(() => document.querySelectorAll(".panel .notice-danger").length === 0);
    await person.waitFor(() => !document.body.innerText.includes("It is not known"));
  }));

test("a rotation is watched to its end across a loss of the network, and its secret says how it ended", () =>
  withPerson("chromium", async (person) => {
    const name = unique("watched");
    const login = { engine: "postgresql", username: "app", password: "old", host: "127.0.0.1", port: 9, dbname: "shop" };
    await client.createSecret({
      name,
      secret_type: "RDS-FG",
      secret_string: JSON.stringify(login),
      rotation_func_urn: CREDENTIALS.rotation_func_urn,
      rotation_config: JSON.stringify({ InstanceId: "local", SecretSubType: "SingleUser" }),
    });
    let isLost = true;
    await person.page.route(/\/tasks\?.*task_id=/, (route) => (isLost ? route.abort() : route.continue()));
    await person.signIn();
    await person.goTo(`#/secrets/${name}/rotation`);
    await person.press("button", "Rotate now");
    await person.press("button", "Start the rotation");
    await person.sees("It is asked for again by itself.");
    isLost = false;
    await person.waitFor(() => document.querySelector(".step-failed") !== null);
    await person.press("button", "Close");
    await person.sees("Rotation failed");
    await person.goTo(`#/secrets/${name}`);
    await person.sees("Last attempt");
  }));
