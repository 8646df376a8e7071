// Ten thousand secrets: the page shows the first at once, has all of them soon, and searching them takes no time.

import assert from "node:assert/strict";
import { test } from "node:test";

import { withPerson } from "./person.mjs";
import { client, unique } from "./stage.mjs";

const MANY = 10_000;
/** What a page of the table holds. */
const ROWS = 50;
/** As many as the service takes in one request. */
const BATCH = 100;

async function fill(prefix) {
  const batches = Array.from({ length: MANY / BATCH }, (_, batch) =>
    Array.from({ length: BATCH }, (_, index) => ({
      name: `${prefix}-${String(batch * BATCH + index).padStart(5, "0")}`,
      secret_string: "one of many",
    })),
  );
  // A few at a time, as an importer would.
  const workers = Array.from({ length: 4 }, async () => {
    for (let batch = batches.pop(); batch; batch = batches.pop()) {
      const { failed, error_list } = await client.batchImportSecrets({ secrets: batch });
      assert.equal(failed, 0, JSON.stringify(error_list));
    }
  });
  await Promise.all(workers);
}

test("ten thousand secrets are searched and turned over like fifty", async () => {
  const prefix = unique("many");
  await fill(prefix);
  await withPerson("chromium", async (person) => {
    await person.signIn();
    await person.settles();
    await person.write("Search names and descriptions", `${prefix}-`);
    await person.sees("of 10,000");
    const rows = () => person.page.evaluate(() => document.querySelectorAll("table.secrets tbody tr").length);
    assert.equal(await rows(), ROWS, "only one page of rows is in the document");
    await person.press("button", "Next");
    await person.sees("51–100 of 10,000");
    await person.write("Search names and descriptions", `${prefix}-09876`);
    await person.waitFor(() => document.querySelectorAll("table.secrets tbody tr").length === 1);
    assert.match(await person.text(), /09876/);
  });
});
