// Things that a person does, each in both browsers.

import assert from "node:assert/strict";
import { test } from "node:test";

import { withPerson } from "./person.mjs";

/**
 * Makes tests of flows by what they show. Each starts signed in, and ends without a complaint of the browser.
 *
 * @param {Record<string, (person: import("./person.mjs").Person, browser: string) => Promise<void>>} flows
 */
export function inBothBrowsers(flows) {
  for (const browser of ["chromium", "firefox"]) {
    test(`in ${browser}`, (context) =>
      withPerson(browser, async (person) => {
        for (const [name, flow] of Object.entries(flows)) {
          await context.test(name, async () => {
            person.complaints.length = 0;
            await person.signIn();
            await flow(person, browser);
            assert.deepEqual(person.complaints, []);
          });
        }
      }),
    );
  }
}
