// Going to a secret or a page by its name, while the service is late or fails.

import assert from "node:assert/strict";
import { test } from "node:test";

import { withPerson } from "./person.mjs";
import { client, unique } from "./stage.mjs";

const FIELD = "Name of a secret or page";

test("Enter opens the line that was highlighted, also when secrets arrive before it", () =>
  withPerson("chromium", async (person) => {
    const name = unique("user-events");
    await client.createSecret({ name, secret_string: "a value" });
    let answer;
    const isLate = new Promise((resolve) => (answer = resolve));
    // Nothing is found but by the search for the word.
    await person.page.route(/resource_instances/, async (route) => {
      if (!route.request().postData()?.includes("events")) return route.fulfill({ json: { resources: [], total_count: 0 } });
      await isLate;
      return route.continue().catch(() => undefined);
    });
    await person.signIn();
    await person.settles();
    await person.key("Control+k");
    await person.write(FIELD, "events");
    const highlighted = (label) => document.querySelector("[role=option][aria-selected=true]")?.textContent.startsWith(label);
    await person.waitFor(highlighted, "Events");
    answer();
    await person.waitFor(() => document.querySelector("[role=listbox]")?.textContent.includes("user-events"));
    assert.ok(await person.page.evaluate(highlighted, "Events"));
    await person.key("Enter");
    await person.waitFor(() => location.hash === "#/events");
  }));

test("a search that fails says so, and is tried again", () =>
  withPerson("chromium", async (person) => {
    const name = unique("palette");
    await client.createSecret({ name, secret_string: "a value" });
    await person.signIn();
    await person.settles();
    let isBroken = true;
    await person.page.route(/resource_instances/, (route) =>
      isBroken && route.request().postData()?.includes(name)
        ? route.fulfill({ status: 500, json: { error: { error_code: "CSMS.0001", error_msg: "broken" } } })
        : route.continue(),
    );
    await person.key("Control+k");
    await person.write(FIELD, name);
    await person.sees("Try again");
    assert.ok(!(await person.text()).includes("Nothing of this name."));
    isBroken = false;
    await person.press("button", "Try again");
    await person.press("option", `${name} Secret`);
    await person.sees("Current value");
  }));

test("keys that an input method takes neither open nor move the highlighted line", () =>
  withPerson("chromium", async (person) => {
    const name = unique("composed");
    await client.createSecret({ name, secret_string: "a value" });
    await person.signIn();
    await person.settles();
    const place = await person.page.evaluate(() => location.hash);
    const highlighted = () => person.page.evaluate(() => document.querySelector("[role=option][aria-selected=true]")?.textContent);
    const inputMethod = await person.page.context().newCDPSession(person.page);
    await person.key("Control+k");
    await person.page.getByLabel(FIELD, { exact: true }).focus();
    await inputMethod.send("Input.imeSetComposition", { text: "composed", selectionStart: 8, selectionEnd: 8 });
    await person.waitFor((name) => document.querySelector("[role=listbox]")?.textContent.includes(name), name);
    const first = await highlighted();
    for (const key of ["ArrowDown", "ArrowUp", "Enter"]) {
      await person.key(key);
      assert.equal(await highlighted(), first, key);
      assert.equal(await person.page.evaluate(() => location.hash), place, key);
    }
    // The key that ends a composition in WebKit.
    await person.page.evaluate(() => {
      const ending = new KeyboardEvent("keydown", { key: "Enter", keyCode: 229, bubbles: true, cancelable: true });
      document.activeElement.dispatchEvent(ending);
    });
    assert.equal(await person.page.evaluate(() => location.hash), place);
    await inputMethod.send("Input.insertText", { text: name });
    await person.waitFor((name) => document.querySelector("[role=option][aria-selected=true]")?.textContent.includes(name), name);
    await person.key("Enter");
    await person.sees("Current value");
  }));
