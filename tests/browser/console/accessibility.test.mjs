// Every page in both themes and at both widths: axe finds nothing, nothing overflows, and the keyboard reaches
// everything in the order in which it is read.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { test } from "node:test";

import { PAGES } from "./pages.mjs";
import { withPerson } from "./person.mjs";
import { seed } from "./seed.mjs";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe says about the page as it stands, one line for each thing. */
async function violations(person) {
  // The page's content policy does not bind the inspector.
  await person.page.evaluate(AXE);
  return person.page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary}`));
  });
}

/** Elements that reach beyond the page's right edge. */
const overflowing = () => {
  const { clientWidth } = document.documentElement;
  return document.documentElement.scrollWidth > clientWidth
    ? [...document.querySelectorAll("body *")]
        .filter((element) => element.getBoundingClientRect().right > clientWidth + 1)
        .map((element) => element.outerHTML.slice(0, 120))
    : [];
};

test("every page, in both themes and at both widths", async (context) => {
  await seed();
  for (const [theme, width] of [
    ["light", 1280],
    ["dark", 1280],
    ["light", 360],
    ["dark", 360],
  ]) {
    await context.test(`${theme}, ${width} pixels wide`, (context) =>
      withPerson(
        "chromium",
        async (person) => {
          for (const { name, open, isSignedOut } of PAGES) {
            await context.test(`the page ${name}`, async () => {
              person.complaints.length = 0;
              await (isSignedOut ? person.arrive() : person.signIn());
              await open(person);
              assert.deepEqual(await violations(person), []);
              assert.deepEqual(await person.page.evaluate(overflowing), []);
              assert.deepEqual(person.complaints, []);
            });
          }
        },
        { theme, width, height: 800 },
      ),
    );
  }
});

test("the keyboard alone signs in, opens a secret and reveals its value", () =>
  withPerson("chromium", async (person) => {
    const { CREDENTIALS, client, unique } = await import("./stage.mjs");
    const name = unique("keyboard");
    await client.createSecret({ name, secret_string: "reached by keys" });
    await person.arrive();
    const focused = () =>
      person.page.evaluate(() => {
        const { activeElement: element } = document;
        return (element.labels?.[0] ?? element).innerText.trim() || element.getAttribute("aria-label") || element.tagName;
      });
    const tabTo = async (wanted) => {
      const passed = [];
      for (let presses = 0; presses < 40; presses += 1) {
        await person.key("Tab");
        const here = await focused();
        if (here === wanted) return passed;
        passed.push(here);
      }
      throw new Error(`no way to “${wanted}”: ${passed.join(", ")}`);
    };
    assert.deepEqual(await tabTo("Access key (AK)"), ["Language", "Theme", "Access key"]);
    await person.page.keyboard.type(CREDENTIALS.access_key);
    assert.deepEqual(await tabTo("Secret key (SK)"), []);
    await person.page.keyboard.type(CREDENTIALS.secret_key);
    await person.key("Enter");
    await person.sees("New secret");
    await person.settles();
    await tabTo("Search names and descriptions");
    await person.page.keyboard.type(name);
    await person.sees(name);
    await person.key("ArrowDown");
    assert.equal(await focused(), name);
    await person.key("Enter");
    await person.sees("Current value");
    await person.settles();
    await tabTo("Reveal");
    await person.key("Enter");
    await person.sees("reached by keys");
  }));
