// More secrets than the service pages through: the page shows the first at once, reads no more than it shows, and the service
// searches them.

import assert from "node:assert/strict";
import { before, test } from "node:test";

import { withPerson } from "./person.mjs";
import { client, fill, unique } from "./stage.mjs";

/** The list pages by place up to the 10,090th; behind, it goes on by name. */
const MANY = 11_100;
/** What a page of the table holds. */
const ROWS = 50;
/** Behind the names of all other tests. */
const prefix = unique("zz-many");
const numbered = (number) => `${prefix}-${String(number).padStart(5, "0")}`;

const rows = (person) => person.page.evaluate(() => document.querySelectorAll("table.secrets tbody tr").length);
const firstRow = (name) => document.querySelector(".secrets tbody th a")?.textContent === name;

before(() => fill(prefix, MANY));

const LISTS = /resource_instances|\/secrets(?:\?|$)/;

/** Keeps back the requests that a list sends after its first page, and gives what lets them go. */
async function keepBack(person) {
  let letGo;
  const isFree = new Promise((resolve) => (letGo = resolve));
  await person.page.route(LISTS, async (route) => {
    if (!/"offset":"0"/.test(route.request().postData() ?? "")) await isFree;
    // The page may have given the request up.
    await route.continue().catch(() => undefined);
  });
  return letGo;
}

/** A request that a list sends after its first page. */
const furtherPage = (person) =>
  person.page.waitForRequest((request) => /resource_instances/.test(request.url()) && !/"offset":"0"/.test(request.postData() ?? ""));

test("the first page needs one request of the list, and the last page is reached by its address, with its tags", async () => {
  const name = numbered(MANY - 1);
  const { secret } = await client.showSecret({ secret_name: name });
  await client.createSecretTag({ secret_id: secret.id, tag: { key: "stands", value: "last" } });
  await withPerson("chromium", async (person) => {
    const asked = [];
    person.page.on("request", (request) => asked.push(`${request.method()} ${new URL(request.url()).pathname}`));
    const lists = () => asked.filter((each) => /POST .*resource_instances|GET .*\/secrets$/.test(each)).length;
    await person.signIn();
    await person.sees("1–50 of");
    await person.settles();
    assert.equal(await rows(person), ROWS, "only one page of rows is in the document");
    assert.equal(lists(), 1);
    await person.press("button", "Next");
    await person.sees("51–100 of");
    const { total_count } = await client.listResourceInstances({ action: "count" });
    await person.goTo(`#/?page=${Math.ceil(total_count / ROWS)}`);
    await person.sees(name);
    await person.sees("stands=last");
    await person.press("button", "Previous");
    await person.waitFor((name) => !document.body.innerText.includes(name), name);
    assert.equal(await rows(person), ROWS);
  });
});

test("the service searches, page after page, and Back brings the page back", () =>
  withPerson("chromium", async (person) => {
    await person.signIn();
    await person.write("Search secrets", `${prefix}-`);
    await person.sees("1–50 of 11,100");
    await person.press("button", "Next");
    await person.sees("51–100 of 11,100");
    await person.press("link", numbered(50));
    await person.sees("Current value");
    await person.page.goBack();
    await person.waitFor(firstRow, numbered(50));
    assert.match(person.page.url(), new RegExp(`q=${prefix}-&page=2`));
    await person.write("Search secrets", numbered(9876));
    await person.waitFor((name) => document.querySelectorAll(".secrets tbody tr").length === 1 && document.body.innerText.includes(name), numbered(9876));
  }));

test("an order that only the browser has says over how many secrets it goes, and goes over all on request", () =>
  withPerson("chromium", async (person) => {
    await person.signIn();
    await person.press("button", "Name");
    await person.sees("Looked through: the first 10,090 of");
    assert.ok(!(await person.text()).includes(numbered(MANY - 1)));
    await person.press("button", "Look through all");
    await person.waitFor(firstRow, numbered(MANY - 1));
    assert.ok(!(await person.text()).includes("Looked through"));
  }));

test("an answer that comes late is dropped for that of the later search, and a failed search keeps the last list", () =>
  withPerson("chromium", async (person) => {
    const late = numbered(1);
    let answerLate;
    const isLate = new Promise((resolve) => (answerLate = resolve));
    let isBroken = false;
    let ended;
    const isEnded = new Promise((resolve) => (ended = resolve));
    await person.page.route(/resource_instances/, async (route) => {
      if (isBroken) return route.fulfill({ status: 500, json: { error: { error_code: "CSMS.0001", error_msg: "broken" } } });
      if (!route.request().postData()?.includes(late)) return route.continue();
      await isLate;
      // The page may have given the request up.
      await route.continue().catch(() => undefined);
      return ended();
    });
    await person.signIn();
    await person.settles();
    const asked = person.page.waitForRequest((request) => request.postData()?.includes(late) ?? false);
    await person.write("Search secrets", late);
    await asked;
    await person.write("Search secrets", numbered(2));
    await person.waitFor(firstRow, numbered(2));
    answerLate();
    await isEnded;
    await person.settles();
    assert.ok(await person.page.evaluate(firstRow, numbered(2)));
    isBroken = true;
    await person.press("button", "Refresh");
    await person.sees("Try again");
    assert.ok(await person.page.evaluate(firstRow, numbered(2)));
    isBroken = false;
    await person.press("button", "Try again");
    await person.waitFor(() => !document.body.innerText.includes("Try again"));
    assert.ok(await person.page.evaluate(firstRow, numbered(2)));
  }));

test("all that match are selected on request, not only those of the page", () =>
  withPerson("chromium", async (person) => {
    await person.signIn();
    await person.write("Search secrets", `${prefix}-00`);
    await person.sees("1–50 of 1,000");
    await person.press("checkbox", "Select the 50 on this page");
    await person.sees("50 selected");
    await person.press("button", "Select all 1,000");
    await person.sees("1,000 selected");
  }));

test("selecting all ends with the filter that it was pressed for", () =>
  withPerson("chromium", async (person) => {
    await person.signIn();
    await person.write("Search secrets", `${prefix}-00`);
    await person.sees("1–50 of 1,000");
    await person.press("checkbox", "Select the 50 on this page");
    const letGo = await keepBack(person);
    const asked = furtherPage(person);
    await person.press("button", "Select all 1,000");
    await asked;
    assert.ok(await person.page.getByRole("button", { name: "Delete…" }).isDisabled());
    await person.write("Search secrets", `${prefix}-01`);
    await person.waitFor(firstRow, numbered(1000));
    letGo();
    await person.settles();
    assert.ok(!(await person.text()).includes("selected"));
    await person.write("Search secrets", `${prefix}-00`);
    await person.waitFor(firstRow, numbered(0));
    await person.settles();
    assert.ok(!(await person.text()).includes("selected"));
  }));

test("all that were deleted can be restored, also those that the list has not read again", () =>
  withPerson("chromium", async (person) => {
    const count = 200;
    const own = unique("zz-back");
    await fill(own, count);
    const inState = async (state) => {
      const matches = [{ key: "resource_name", value: own }];
      const found = await client.listResourceInstances({ action: "filter", limit: "1000", offset: "0", matches });
      return found.resources.filter(({ resource_detail }) => resource_detail.state === state).length;
    };
    await person.signIn();
    await person.write("Search secrets", own);
    await person.sees("1–50 of 200");
    await person.press("checkbox", "Select the 50 on this page");
    await person.press("button", "Select all 200");
    await person.sees("200 selected");
    await person.press("button", "Delete…");
    await person.press("button", "Schedule the deletion");
    await person.sees("The deletion of 200 secrets is scheduled.");
    assert.equal(await inState("PENDING_DELETE"), count);
    await person.press("button", "Restore…");
    await person.sees("Restore 200 secrets");
    await person.press("button", "Restore");
    await person.sees("200 secrets are restored.");
    assert.equal(await inState("ENABLED"), count);
  }));

test("rows stay in their places until those of another order are there", () =>
  withPerson("chromium", async (person) => {
    await person.signIn();
    await person.write("Search secrets", `${prefix}-`);
    await person.waitFor(firstRow, numbered(0));
    await person.settles();
    const letGo = await keepBack(person);
    const asked = furtherPage(person);
    await person.press("button", "Name");
    await asked;
    await person.waitFor(() => document.querySelector("table.secrets")?.getAttribute("aria-busy") === "true");
    assert.ok(await person.page.evaluate(firstRow, numbered(0)));
    letGo();
    await person.waitFor(() => document.querySelector("table.secrets")?.getAttribute("aria-busy") === "false");
    assert.ok(!(await person.page.evaluate(firstRow, numbered(0))));
    assert.match(await person.text(), /Looked through: the first 10,090 of 11,100/);
  }));

test("somebody who may not search reads one list for whatever they type, and learns that tags are not looked at", () =>
  withPerson("chromium", async (person) => {
    await person.page.route(/resource_instances/, (route) =>
      route.fulfill({ status: 403, json: { error: { error_code: "CSMS.0003", error_msg: "denied" } } }),
    );
    await person.signIn();
    await person.settles();
    await person.write("Search secrets", numbered(7));
    await person.waitFor(firstRow, numbered(7));
    await person.settles();
    const asked = [];
    person.page.on("request", (request) => LISTS.test(request.url()) && asked.push(request.url()));
    await person.write("Search secrets", numbered(8));
    await person.waitFor(firstRow, numbered(8));
    await person.write("Search secrets", "team=shop");
    await person.sees("You may not search by tags.");
    await person.settles();
    assert.deepEqual(asked, []);
  }));
