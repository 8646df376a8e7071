// The packed package against the vectors in both browsers.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";

import { HERE, ROOT, project } from "../packaging/unpack.mjs";
import { withPage } from "./browsers.mjs";
import { serve } from "./serve.mjs";

for (const browser of ["chromium", "firefox"]) {
  test(`every vector agrees in ${browser}`, async (context) => {
    const directory = await project(context, "node");
    const server = await serve({
      "/": join(HERE, "../browser"),
      "/csms/": join(directory, "node_modules/csms/lib"),
      "/vectors/": join(ROOT, "tests/vectors"),
    });
    context.after(() => server.close());
    const result = await withPage(browser, async (page) => {
      await page.goto(`${server.origin}/vectors.html`);
      return page.evaluate(async () => {
        const csms = await import("/csms/index.js");
        const { check, FILES } = await import("/vectors/check.mjs");
        await csms.init();
        const read = async (name) => [name, await (await fetch(`/vectors/${name}.json`)).json()];
        return check(csms, Object.fromEntries(await Promise.all(FILES.map(read))));
      });
    });
    assert.deepEqual(result.failures, []);
    assert.ok(result.checked > 800, `${result.checked} checks`);
  });
}
