// The packed package against the vectors in every browser, and a proof of all that it does.

import assert from "node:assert/strict";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { HERE, ROOT, project } from "../packaging/unpack.mjs";
import { withPage } from "./browsers.mjs";
import { serve } from "./serve.mjs";

/** What a browser says of itself, so that no test looks at another engine. */
const AGENTS = { chromium: /Chrome\//, firefox: /Firefox\//, webkit: /AppleWebKit\/(?!.*Chrom)/ };

for (const [browser, agent] of Object.entries(AGENTS)) {
  test(`every vector agrees in ${browser}, and all that the package does is proven`, async (context) => {
    const directory = await project(context, "node");
    await copyFile(join(HERE, "projects/prove.mjs"), join(directory, "prove.mjs"));
    const server = await serve({
      "/": join(HERE, "../browser"),
      "/csms/": join(directory, "node_modules/csms/lib"),
      "/project/": directory,
      "/vectors/": join(ROOT, "tests/vectors"),
    });
    context.after(() => server.close());
    const result = await withPage(browser, async (page) => {
      await page.goto(`${server.origin}/vectors.html`);
      return page.evaluate(async () => {
        const csms = await import("/csms/index.js");
        const { check, FILES } = await import("/vectors/check.mjs");
        const { prove } = await import("/project/prove.mjs");
        await csms.init();
        const read = async (name) => [name, await (await fetch(`/vectors/${name}.json`)).json()];
        const { checked, failures } = await check(csms, Object.fromEntries(await Promise.all(FILES.map(read))));
        return { checked, failures, proven: await prove(csms), agent: navigator.userAgent };
      });
    });
    assert.deepEqual(result.failures, []);
    assert.ok(result.checked > 800, `${result.checked} checks`);
    assert.equal(result.proven, "proven");
    assert.match(result.agent, agent);
  });
}
