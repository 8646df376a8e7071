import * as csms from "csms";
import { expect, test } from "vitest";

import { prove } from "./prove.mjs";

test("the package runs", async () => {
  expect(await prove(csms)).toBe("proven");
});
