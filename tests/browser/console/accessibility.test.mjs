// Every page and dialog in both themes: axe finds nothing, and nothing overflows. In Chromium at two widths, and in WebKit.

import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";

import { ROOT } from "../../packaging/unpack.mjs";
import { isLong, LEFT_OUT } from "./flow.mjs";
import { PAGES } from "./pages.mjs";
import { withPerson } from "./person.mjs";
import { seed } from "./seed.mjs";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SOURCE = join(ROOT, "www/src");

/** What is looked at in WebKit in every run: each kind of page, and one dialog of each kind. */
const USUAL_IN_WEBKIT = new Set([
  "sign-in",
  "overview-page",
  "secrets",
  "create",
  "overview-revealed",
  "sealed",
  "version-actions",
  "review",
  "rotate",
  "policy",
  "account-menu",
  "palette",
]);

/** Below it the pages of the header are in a menu. */
const NARROW = 1060;

/** The rules of axe that look at colours. */
const OF_COLOURS = ["color-contrast", "link-in-text-block"];

/** What axe says about the page as it stands, one line for each thing; by all rules, or by some. */
function violations(person, rules) {
  return person.page.evaluate(async (rules) => {
    const only = rules && { runOnly: { type: "rule", values: rules } };
    const { violations } = await window.axe.run(document, { resultTypes: ["violations"], ...only });
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary}`));
  }, rules);
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

/** The addresses and the titles of dialogs that were looked at. */
const seen = { addresses: new Set(), dialogs: new Set() };

async function remember(person) {
  const { hash, dialogs } = await person.page.evaluate(() => ({
    hash: location.hash,
    dialogs: [...document.querySelectorAll("[role=dialog] h2")].map(({ textContent }) => textContent),
  }));
  seen.addresses.add(hash.replace(/^#\/?|\?.*$/g, ""));
  for (const title of dialogs) seen.dialogs.add(title);
}

test("every page, at both widths and in both themes", async (context) => {
  await seed();
  for (const [browser, width] of [["chromium", 1280], ["chromium", 360], ["webkit", 1280]]) {
    await context.test(`in ${browser}, ${width} pixels wide`, (context) =>
      withPerson(
        browser,
        async (person) => {
          for (const { name, open, isSignedOut } of PAGES.filter(({ isNarrow }) => !isNarrow || width < NARROW)) {
            const isLeftOut = browser === "webkit" && !isLong && !USUAL_IN_WEBKIT.has(name);
            await context.test(`the page ${name}`, { skip: isLeftOut ? LEFT_OUT : false }, async () => {
              person.complaints.length = 0;
              await person.wears("light");
              await (isSignedOut ? person.arrive() : person.signIn());
              await open(person);
              await remember(person);
              // The page's content policy does not bind the inspector.
              await person.page.evaluate(AXE);
              for (const theme of ["light", "dark"]) {
                await person.wears(theme);
                // Themes differ in colours alone.
                const rules = theme === "dark" && !isLong ? OF_COLOURS : undefined;
                assert.deepEqual(await violations(person, rules), [], theme);
                assert.deepEqual(await person.page.evaluate(overflowing), [], theme);
              }
              assert.deepEqual(await person.complained(), []);
            });
          }
        },
        { width, height: 800 },
      ),
    );
  }
});

test("no address was left out", async () => {
  const route = await readFile(join(SOURCE, "app/route.ts"), "utf8");
  const pages = [...route.matchAll(/^ {2}"?(\w*)"?: \{ page: "(\w+)" \},$/gm)].map(([, address]) => address);
  const tabs = [.../const TABS[^=]*= \[([^\]]+)\]/.exec(route)[1].matchAll(/"([\w-]+)"/g)].map(([, tab]) => tab);
  assert.ok(pages.length > 10 && tabs.length > 4, `${pages}, ${tabs}`);
  const addresses = [...seen.addresses];
  // It is there in development only.
  const wanted = pages.filter((address) => !["components", "secrets"].includes(address));
  assert.deepEqual(wanted.filter((address) => !addresses.includes(address)), []);
  const ofTab = (tab) => (tab === "overview" ? /^secrets\/[^/]+$/ : new RegExp(`^secrets/[^/]+/${tab}$`));
  assert.deepEqual(tabs.filter((tab) => !addresses.some((address) => ofTab(tab).test(address))), []);
  assert.ok(addresses.some((address) => /^users\/./.test(address)));
});

test("no dialog was left out", async () => {
  const titles = [];
  for (const name of await readdir(SOURCE, { recursive: true })) {
    if (!name.endsWith(".tsx") || name === "ui/ComponentsPage.tsx") continue;
    for (const [, title] of (await readFile(join(SOURCE, name), "utf8")).matchAll(/<Dialog\s+title=\{(.*?)\}(?= isOpen| onClose)/gs)) {
      titles.push(...[...title.matchAll(/\bt\("([^"]+)"/g)].map(([, words]) => words));
    }
  }
  assert.ok(titles.length > 20, titles.join(", "));
  const plain = (text) => text.replace(/[.*+?^$()[\]\\]/g, "\\$&");
  const isSeen = (title) => {
    const pattern = new RegExp(`^${title.split(/\{[^}]*\}/).map(plain).join(".+")}$`);
    return [...seen.dialogs].some((dialog) => pattern.test(dialog));
  };
  assert.deepEqual(titles.filter((title) => !isSeen(title)), []);
});
