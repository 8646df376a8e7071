// Pictures of every page, in both themes and at both widths, into the directory that is named.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { PAGES } from "./pages.mjs";
import { withPerson } from "./person.mjs";
import { seed } from "./seed.mjs";

const directory = process.argv[2] ?? "screenshots";
const only = process.argv[3];
await mkdir(directory, { recursive: true });
await seed();
for (const theme of ["light", "dark"]) {
  for (const width of [1280, 360]) {
    await withPerson(
      "chromium",
      async (person) => {
        for (const { name, open, isSignedOut, isLong } of PAGES.filter((page) => !only || page.name === only)) {
          await (isSignedOut ? person.arrive() : person.signIn());
          await open(person);
          const path = join(directory, `${name}-${theme}-${width}.png`);
          await person.page.screenshot({ path, fullPage: !isLong });
        }
      },
      { theme, width, height: width === 360 ? 740 : 800 },
    );
  }
}
