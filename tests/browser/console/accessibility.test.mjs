// Every page in both themes and at both widths: axe finds nothing, and nothing overflows.

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

test("every page, at both widths and in both themes", async (context) => {
  await seed();
  for (const width of [1280, 360]) {
    await context.test(`${width} pixels wide`, (context) =>
      withPerson(
        "chromium",
        async (person) => {
          for (const { name, open, isSignedOut } of PAGES) {
            await context.test(`the page ${name}`, async () => {
              person.complaints.length = 0;
              await person.wears("light");
              await (isSignedOut ? person.arrive() : person.signIn());
              await open(person);
              for (const theme of ["light", "dark"]) {
                await person.wears(theme);
                assert.deepEqual(await violations(person), [], theme);
                assert.deepEqual(await person.page.evaluate(overflowing), [], theme);
              }
              assert.deepEqual(person.complaints, []);
            });
          }
        },
        { width, height: 800 },
      ),
    );
  }
});
