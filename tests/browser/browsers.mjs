// Debian's browsers, driven without a download: Chromium by its own protocol, Firefox by WebDriver BiDi, WebKit by WebDriver.

import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import puppeteer from "puppeteer-core";

import { withWebKit } from "./webkit.mjs";

const CHROMIUM_ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const FIREFOX_PREFERENCES = {
  "app.update.enabled": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "toolkit.telemetry.enabled": false,
};

const found = (...paths) => paths.find((path) => existsSync(path));

/** The browsers that puppeteer starts, by name, and how each is started. */
export const BROWSERS = {
  chromium: (profile) => ({
    executablePath: process.env.CSMS_CHROMIUM ?? found("/usr/bin/chromium", "/usr/bin/google-chrome"),
    args: CHROMIUM_ARGUMENTS,
    userDataDir: profile,
  }),
  firefox: (profile) => ({
    browser: "firefox",
    executablePath: process.env.CSMS_FIREFOX ?? found("/usr/bin/firefox-esr", "/usr/bin/firefox"),
    extraPrefsFirefox: FIREFOX_PREFERENCES,
    userDataDir: profile,
  }),
};

/** Runs `use` with a page of a fresh browser, and ends the browser whatever happens. `further` are options of puppeteer. */
export async function withPage(name, use, further = {}) {
  if (name === "webkit") return withWebKit(use);
  const profile = await mkdtemp(join(tmpdir(), `csms-${name}-`));
  const browser = await puppeteer.launch({ headless: true, protocolTimeout: 600_000, ...BROWSERS[name](profile), ...further });
  try {
    return await use(await browser.newPage());
  } finally {
    await browser.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
