// A change of several secrets is made to each by itself.

import type { Secret } from "csms";
import { expect, test } from "vitest";

import { changeEach } from "./changes";

const secret = (name: string) => ({ name, state: "ENABLED" }) as Secret;

test("a change that fails for one secret is made to the others, and says which are as they were", async () => {
  const act = async (secret: Secret): Promise<Secret> => {
    if (secret.name === "b") throw new Error("no");
    return { ...secret, state: "PENDING_DELETE" };
  };
  const seen: number[] = [];
  const { changed, failed } = await changeEach([secret("a"), secret("b"), secret("c")], act, ({ changed, failed }) =>
    seen.push(changed.length + failed.length),
  );
  expect(changed.map(({ name, state }) => `${name} ${state}`)).toEqual(["a PENDING_DELETE", "c PENDING_DELETE"]);
  expect(failed.map(({ secret }) => secret.name)).toEqual(["b"]);
  expect(seen).toEqual([1, 2, 3]);
});
