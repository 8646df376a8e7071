// A person who finds things in the document: in Firefox, where a look at the accessibility tree takes seconds, and in WebKit,
// whose driver offers none.

import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

import { BETWEEN_LOOKS, PATIENCE, Person } from "./acts.mjs";

/**
 * Finds the first element in use with a role and a name; runs in the page, where a look at everything takes one exchange.
 * Without a role, it is a field.
 */
const findInPage = (name, role) => {
  const ROLES = {
    button: "button, [role=button]",
    checkbox: "[type=checkbox]:not([role])",
    link: "a[href]",
    menuitem: "[role=menuitem]",
    option: "[role=option]",
    radio: "[type=radio]",
    switch: "[role=switch]",
  };
  const plain = (text) => (text ?? "").replace(/\s+/g, " ").trim();
  const nameOf = (element) => {
    const by = element.getAttribute("aria-labelledby");
    const own = element.getAttribute("aria-label");
    if (own !== null) return own;
    if (by !== null) return by.split(" ").map((id) => document.getElementById(id)?.textContent).join(" ");
    if (element.labels?.length > 0) return element.labels[0].textContent;
    return element.textContent;
  };
  const isInUse = (element) => !element.disabled && element.closest("[inert], [aria-hidden=true]") === null;
  const found = document.querySelectorAll(role === undefined ? "input, textarea, select" : ROLES[role]);
  return [...found].find((element) => isInUse(element) && plain(nameOf(element)) === name) ?? null;
};

/** Presses that did not happen: the page replaced the element before the pointer was there, or was still moving. */
const NOT_PRESSED = /detached from document|stale element|click intercepted|not interactable/;

/** A person who looks at the document. */
class AtDocument extends Person {
  /** @param downloads the directory of downloaded files */
  constructor(page, downloads) {
    super(page);
    this.downloads = downloads;
  }

  waitFor(condition, argument) {
    return this.page.waitForFunction(condition, { timeout: PATIENCE, polling: BETWEEN_LOOKS }, argument);
  }

  async #find(name, role) {
    const end = Date.now() + PATIENCE;
    while (Date.now() < end) {
      const handle = (await this.page.evaluateHandle(findInPage, name, role)).asElement();
      if (handle !== null) return handle;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`there is no ${role ?? "field"} “${name}”`);
  }

  async press(role, name) {
    const end = Date.now() + PATIENCE;
    for (;;) {
      const handle = await this.#find(name, role);
      // The control itself is out of sight behind what its label draws.
      const drawn = await handle.evaluateHandle((element) => element.closest("label") ?? element);
      try {
        return await drawn.asElement().click();
      } catch (error) {
        if (!NOT_PRESSED.test(error.message) || Date.now() > end) throw error;
      }
    }
  }

  async write(label, text) {
    const handle = await this.#find(label);
    // As one edit, like a paste: events of the browser itself, in one exchange.
    await handle.evaluate((field, text) => {
      field.focus();
      field.select();
      document.execCommand(text === "" ? "delete" : "insertText", false, text);
    }, text);
  }

  async choose(label, option) {
    // Options may come from the service.
    await this.until(async () => {
      const handle = await this.#find(label);
      const value = await handle.evaluate(
        (select, option) => [...select.options].find((each) => each.textContent === option)?.value,
        option,
      );
      // The list may be drawn again between the two.
      return value !== undefined && (await handle.select(value)) !== false;
    });
  }

  async saves(button) {
    const before = new Set(await readdir(this.downloads));
    await this.press("button", button);
    let bytes;
    await this.until(async () => {
      const added = (await readdir(this.downloads)).filter((name) => !before.has(name));
      // What is still on its way has a name of its own, alone or beside an empty file.
      if (added.length !== 1 || /\.(?:part|wkdownload)$/.test(added[0])) return false;
      bytes = await readFile(join(this.downloads, added[0]));
      return bytes.length > 0;
    });
    return bytes;
  }
}

export class InFirefox extends AtDocument {
  async key(keys) {
    const held = keys.split("+");
    const last = held.pop();
    for (const key of held) await this.page.keyboard.down(key);
    await this.page.keyboard.press(last);
    for (const key of held) await this.page.keyboard.up(key);
  }
}

export class InWebKit extends AtDocument {
  key(keys) {
    return this.page.keyboard.press(keys);
  }

  /** Changes the theme as the console's own choice does; the driver has no way to change that of the system. */
  wears(theme) {
    return this.page.evaluate(async (theme) => {
      document.documentElement.dataset.theme = theme;
      await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
      // Colours change over a moment; what turns until something has come never ends.
      const changes = document.getAnimations().filter((animation) => animation instanceof CSSTransition);
      await Promise.allSettled(changes.map(({ finished }) => finished));
    }, theme);
  }
}
