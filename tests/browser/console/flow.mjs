// Things that a person does, each in every browser.

import assert from "node:assert/strict";
import { test } from "node:test";

import { withPerson } from "./person.mjs";

/** All that the console is tried in. */
export const BROWSERS = ["chromium", "firefox", "webkit"];

/** Whether everything is tried that can be, as `cargo xtask test --long` does. */
export const isLong = process.env.CSMS_TEST_LONG !== undefined;

/** Why a test does not run that could. */
export const LEFT_OUT = "only with --long";

/**
 * Makes tests of flows by what they show. Each starts signed in, and ends without a complaint of the browser.
 *
 * @param {Record<string, (person: import("./acts.mjs").Person, browser: string) => Promise<void>>} flows
 * @param areUsuallyAlike leaves Firefox and WebKit to the long run: engines differ little in lists and forms of names
 */
export function inEveryBrowser(flows, { areUsuallyAlike = false } = {}) {
  for (const browser of BROWSERS) {
    const skip = browser !== "chromium" && areUsuallyAlike && !isLong ? LEFT_OUT : false;
    test(`in ${browser}`, { skip }, (context) =>
      withPerson(browser, async (person) => {
        for (const [name, flow] of Object.entries(flows)) {
          await context.test(name, async () => {
            person.complaints.length = 0;
            person.agrees = true;
            await person.signIn();
            await flow(person, browser);
            assert.deepEqual(await person.complained(), []);
          });
        }
      }),
    );
  }
}
