// A person at the console: sees texts, finds things by role and label, and types. In Chromium by playwright, in Firefox
// by puppeteer; playwright looks at the accessibility tree, and Firefox, where such a look takes seconds, at the document.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chromium } from "playwright-core";
import puppeteer from "puppeteer-core";

import { BROWSERS } from "../browsers.mjs";
import { CREDENTIALS, URL_OF_CONSOLE } from "./stage.mjs";

/** The longest that anything may take on a busy machine, in milliseconds. */
const PATIENCE = 30_000;

/** What both browsers have in common. */
export class Person {
  /** Texts that the browser wrote into its console: errors and broken content policies. */
  complaints = [];
  /** What they say when the page asks whether to leave. */
  agrees = true;
  /** What the page asked. */
  questions = [];

  constructor(page) {
    this.page = page;
    page.on("console", (message) => {
      // Answers with an error status are logged as well; tests ask for some of them.
      const isAnswer = /Failed to load resource/.test(message.text());
      if (message.type() === "error" && !isAnswer) this.complaints.push(message.text());
    });
    page.on("dialog", (dialog) => {
      this.questions.push(dialog.message());
      return this.agrees ? dialog.accept() : dialog.dismiss();
    });
    page.on("pageerror", (error) => this.complaints.push(String(error)));
  }

  /** Opens the console signed out. */
  async arrive() {
    await this.page.goto(`${URL_OF_CONSOLE}/`);
    await this.sees("Sign in");
  }

  /** Signs in with the first user's access key. */
  async signIn() {
    await this.arrive();
    await this.write("Access key (AK)", CREDENTIALS.access_key);
    await this.write("Secret key (SK)", CREDENTIALS.secret_key);
    await this.press("button", "Sign in");
    await this.waitFor(() => document.querySelector("main#main h1") !== null);
  }

  /** Opens the menu of the account, in the language of the page. */
  openAccount(label = `Account of ${CREDENTIALS.access_key}`) {
    return this.press("button", label);
  }

  /** Signs out by the menu of the account. */
  async signOut() {
    await this.openAccount();
    await this.press("button", "Sign out");
    await this.sees("Access key (AK)");
  }

  /** Goes to a place within the console, as by a link, and waits until it is there. */
  async goTo(hash) {
    await this.page.evaluate((hash) => {
      location.hash = "#/";
      location.hash = hash;
    }, hash);
    await this.settles();
  }

  /** Waits until nothing is loading. */
  settles() {
    return this.waitFor(() => !/Loading…|loading more…/.test(document.body.innerText));
  }

  /** Waits until a text is in view. */
  sees(text) {
    return this.waitFor((text) => document.body.innerText.replace(/\s+/g, " ").includes(text), text);
  }

  /** The whole text in view. */
  text() {
    return this.page.evaluate(() => document.body.innerText);
  }

  /** The document as it is, attributes included. */
  html() {
    return this.page.evaluate(() => document.documentElement.outerHTML);
  }
}

class InChromium extends Person {
  /** Changes the theme of the system, `light` or `dark`, and waits until the page is drawn in it. */
  async wears(theme) {
    await this.page.emulateMedia({ colorScheme: theme });
    await this.page.evaluate(async () => {
      await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
      await Promise.allSettled(document.getAnimations().map(({ finished }) => finished));
    });
  }

  waitFor(condition, argument) {
    return this.page.waitForFunction(condition, argument, { timeout: PATIENCE });
  }

  press(role, name) {
    const found = this.page.getByRole(role, { name, exact: true });
    // The control itself is out of sight behind what its label draws.
    const target = role === "radio" || role === "switch" ? found.locator("xpath=ancestor::label") : found;
    return target.click({ timeout: PATIENCE });
  }

  write(label, text) {
    return this.page.getByLabel(label, { exact: true }).fill(text, { timeout: PATIENCE });
  }

  choose(label, option) {
    return this.page.getByLabel(label, { exact: true }).selectOption({ label: option }, { timeout: PATIENCE });
  }

  key(key) {
    return this.page.keyboard.press(key);
  }
}

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

class InFirefox extends Person {
  waitFor(condition, argument) {
    return this.page.waitForFunction(condition, { timeout: PATIENCE }, argument);
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
        // The page replaced it before the pointer was there: nothing was pressed.
        if (!/detached from document/.test(error.message) || Date.now() > end) throw error;
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
    const handle = await this.#find(label);
    const value = await handle.evaluate(
      (select, option) => [...select.options].find((each) => each.textContent === option)?.value,
      option,
    );
    await handle.select(value);
  }

  key(key) {
    return this.page.keyboard.press(key);
  }
}

/**
 * Runs `use` with a person in front of a fresh browser, and ends it whatever happens.
 *
 * @param settings `width`, `height`, and `theme`: `light` or `dark`
 */
export async function withPerson(browser, use, settings = {}) {
  const { width = 1280, height = 800, theme = "light" } = settings;
  const profile = await mkdtemp(join(tmpdir(), `csms-${browser}-`));
  const { executablePath, args } = BROWSERS[browser](profile);
  const end = async (running) => {
    await running.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  if (browser === "chromium") {
    const running = await chromium.launchPersistentContext(profile, {
      executablePath,
      args: [...args, "--lang=en-US"],
      headless: true,
      locale: "en-US",
      viewport: { width, height },
      colorScheme: theme,
      // A window that fades or slides makes a picture depend on the moment.
      reducedMotion: "reduce",
      permissions: ["clipboard-read", "clipboard-write"],
    });
    try {
      return await use(new InChromium(running.pages()[0] ?? (await running.newPage())));
    } finally {
      await end(running);
    }
  }
  const running = await puppeteer.launch({ headless: true, protocolTimeout: 600_000, ...BROWSERS[browser](profile) });
  try {
    const page = await running.newPage();
    await page.setViewport({ width, height });
    return await use(new InFirefox(page));
  } finally {
    await end(running);
  }
}
