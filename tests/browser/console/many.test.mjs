// More secrets than the service pages through: the page shows the first at once, reads no more than it shows, and the service
// searches them.

import assert from "node:assert/strict";
import { before, test } from "node:test";

import { withPerson } from "./person.mjs";
import { client, fill, unique } from "./stage.mjs";

/** The service finds by place up to the 10,999th; the list goes on behind. */
const MANY = 11_100;
/** What a page of the table holds. */
const ROWS = 50;
/** Behind the names of all other tests. */
const prefix = unique("zz-many");
const numbered = (number) => `${prefix}-${String(number).padStart(5, "0")}`;

const rows = (person) => person.page.evaluate(() => document.querySelectorAll("table.secrets tbody tr").length);
const firstRow = (name) => document.querySelector(".secrets tbody th a")?.textContent === name;

before(() => fill(prefix, MANY));

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
    await person.sees("Looked through: the first 10,100 of");
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
