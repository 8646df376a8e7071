import { CsmsError } from "csms";
import { expect, test } from "vitest";

import { mayPass, pauseAfter } from "./useTask";

test("a task is asked for again after what may pass, and not after a refusal", () => {
  const network = new CsmsError("client/network", "the service could not be reached", { retryable: true });
  const proxy = new CsmsError("client/unknown-code", "bad gateway", { status: 502 });
  const refused = new CsmsError("CSMS.0302", "not allowed", { status: 403 });
  expect([network, proxy, refused, new TypeError("x")].map(mayPass)).toEqual([true, true, false, false]);
});

test("pauses grow with every failure, up to ten seconds", () => {
  expect([0, 1, 2, 3, 4, 20].map(pauseAfter)).toEqual([700, 1400, 2800, 5600, 10_000, 10_000]);
});
