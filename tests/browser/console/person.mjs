// A person in front of a browser: Chromium by playwright, Firefox by puppeteer, WebKit by WebDriver.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chromium } from "playwright-core";
import puppeteer from "puppeteer-core";

import { BROWSERS } from "../browsers.mjs";
import { withWebKit } from "../webkit.mjs";
import { BETWEEN_LOOKS, PATIENCE, Person } from "./acts.mjs";
import { InFirefox, InWebKit } from "./at-document.mjs";

/** Finds things in the accessibility tree. */
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
    return this.page.waitForFunction(condition, argument, { timeout: PATIENCE, polling: BETWEEN_LOOKS });
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

  /** The bytes of the file that a button saves. */
  async saves(button) {
    const saved = this.page.waitForEvent("download");
    await this.press("button", button);
    return readFile(await (await saved).path());
  }
}

/**
 * Runs `use` with a person in front of a fresh browser, and ends it whatever happens.
 *
 * @param settings `width`, `height`, and `theme`: `light` or `dark`
 */
export async function withPerson(browser, use, settings = {}) {
  const { width = 1280, height = 800, theme = "light" } = settings;
  if (browser === "webkit") {
    return withWebKit(async (page) => {
      await page.setViewport({ width, height });
      return use(new InWebKit(page, page.downloads));
    });
  }
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
  const downloads = await mkdtemp(join(tmpdir(), "csms-downloads-"));
  const options = BROWSERS[browser](profile);
  options.extraPrefsFirefox = { ...options.extraPrefsFirefox, "browser.download.folderList": 2, "browser.download.dir": downloads };
  const running = await puppeteer.launch({ headless: true, protocolTimeout: 600_000, ...options });
  try {
    const page = await running.newPage();
    await page.setViewport({ width, height });
    return await use(new InFirefox(page, downloads));
  } finally {
    await end(running);
    await rm(downloads, { recursive: true, force: true });
  }
}
