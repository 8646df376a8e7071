// Pictures of every page into the directory that is named: in both themes, at every width and in both languages.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { PAGES } from "./pages.mjs";
import { withPerson } from "./person.mjs";
import { seed } from "./seed.mjs";

const SETTINGS = [
  { theme: "light", width: 1280 },
  { theme: "dark", width: 1280 },
  { theme: "light", width: 360 },
  { theme: "dark", width: 360 },
  { theme: "light", width: 1920 },
  { theme: "dark", width: 1920 },
  { theme: "light", width: 1280, language: "zh-CN" },
  { theme: "light", width: 360, language: "zh-CN" },
];
const HEIGHTS = { 360: 740, 1280: 800, 1920: 1080 };

/** Changes the language as another tab would, so that an open dialog stays. */
async function speak(person, language) {
  await person.page.evaluate((language) => {
    localStorage.setItem("csms.language", language);
    dispatchEvent(new StorageEvent("storage", { key: "csms.language" }));
  }, language);
  await person.waitFor((language) => document.documentElement.lang === language, language);
  // Words and messages of the language are files of their own.
  await person.page.waitForLoadState("networkidle");
  await person.page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
}

const [, , directory = "screenshots", only] = process.argv;
await mkdir(directory, { recursive: true });
await seed();
for (const { theme, width, language = "en" } of SETTINGS) {
  await withPerson(
    "chromium",
    async (person) => {
      // Pages are found by their English names.
      await person.page.addInitScript(() => localStorage.setItem("csms.language", "en"));
      const pages = PAGES.filter((page) => (!only || page.name === only) && (!page.isNarrow || width < 1060));
      for (const { name, open, isSignedOut, isLong } of pages) {
        await (isSignedOut ? person.arrive() : person.signIn());
        await open(person);
        if (language !== "en") await speak(person, language);
        const path = join(directory, `${[name, theme, width, ...(language === "en" ? [] : [language])].join("-")}.png`);
        await person.page.screenshot({ path, fullPage: !isLong });
      }
    },
    { theme, width, height: HEIGHTS[width] },
  );
}
