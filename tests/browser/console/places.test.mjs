// Where in the console one is: its addresses, and the history that leads to them and back.

import assert from "node:assert/strict";

import { inEveryBrowser } from "./flow.mjs";
import { unique } from "./stage.mjs";

/** Goes to a place as a link does. */
const follow = (person, hash) => person.page.evaluate((hash) => void (location.hash = hash), hash);
const back = (person) => person.page.evaluate(() => history.back());
const isAt = (person, hash) => person.waitFor((hash) => location.hash === hash, hash);

/** Types into the form that is shown, and says no to leaving it. */
async function typeAndStay(person) {
  const name = unique("typed");
  await person.write("Name", name);
  person.agrees = false;
  person.questions.length = 0;
  return name;
}

/** The form is there with what was typed, after one question; its link asks once more and leads away. */
async function hasStayed(person, name) {
  await person.isAsked();
  await isAt(person, "#/create");
  person.agrees = true;
  await person.waitFor((name) => [...document.querySelectorAll("input")].some(({ value }) => value === name), name);
  await follow(person, "#/tasks");
  await person.waitFor(() => document.querySelector("main h1")?.innerText === "Rotations");
  assert.equal(person.questions.length, 2);
}

const FLOWS = {
  "an address that names no page says so, whatever word it is": async (person) => {
    for (const word of ["constructor", "__proto__", "toString", "hasOwnProperty", "nothing"]) {
      await person.goTo("#/tasks");
      await follow(person, `#/${word}`);
      await person.sees("There is no such page.");
    }
  },

  "Back from a form asks once, also to an entry of the history that was never shown": async (person) => {
    // It passes the list without showing it.
    await person.goTo("#/create");
    const name = await typeAndStay(person);
    await back(person);
    await hasStayed(person, name);
  },

  "Back from a form asks once where the history was left on another way before": async (person) => {
    for (const [hash, words] of [
      ["#/keys", "New key"],
      ["#/users", "New user"],
      ["#/policies", "New policy"],
    ]) {
      await follow(person, hash);
      await person.sees(words);
    }
    await person.page.evaluate(() => history.go(-2));
    await person.sees("New key");
    await follow(person, "#/create");
    await person.sees("Programs ask for this name.");
    const name = await typeAndStay(person);
    await back(person);
    await hasStayed(person, name);
  },
};

inEveryBrowser(FLOWS);
