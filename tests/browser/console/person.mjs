// A person at the console: sees texts, finds things by role and label, and types. In Chromium by playwright, in Firefox
// by puppeteer; both look at the accessibility tree.

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

class InFirefox extends Person {
  waitFor(condition, argument) {
    return this.page.waitForFunction(condition, { timeout: PATIENCE }, argument);
  }

  /** The first element with this name that takes part; Firefox names labels like what they label. */
  async #find(name, accepts, role) {
    const selector = `::-p-aria([name="${name.replaceAll('"', '\\"')}"]${role ? `[role="${role}"]` : ""})`;
    const end = Date.now() + PATIENCE;
    while (Date.now() < end) {
      for (const handle of await this.page.$$(selector)) {
        // It may leave the page meanwhile.
        if (await handle.evaluate(accepts).catch(() => false)) return handle;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`there is no ${role ?? "field"} “${name}”`);
  }

  #field(label) {
    return this.#find(label, (element) => /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName) && !element.disabled);
  }

  async press(role, name) {
    const handle = await this.#find(name, (element) => !element.disabled, role);
    await handle.click();
  }

  async write(label, text) {
    const handle = await this.#field(label);
    await handle.evaluate((field) => (field.focus(), field.select()));
    await this.page.keyboard.press("Backspace");
    await this.page.keyboard.type(text);
  }

  async choose(label, option) {
    const handle = await this.#field(label);
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
