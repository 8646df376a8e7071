// Tags are read secret by secret where the list came without them.

import type { CsmsClient, Tag } from "csms";
import { expect, test } from "vitest";

import { readTags } from "./useTags";

const SIGNAL = new AbortController().signal;
const IDS = Array.from({ length: 50 }, (_, index) => `id-${index}`);

/** A service that refuses every request from the `refusedFrom`th on. */
function service(refusedFrom: number) {
  const asked: string[] = [];
  const listSecretTags = async ({ secret_id }: { secret_id: string }) => {
    asked.push(secret_id);
    if (asked.length >= refusedFrom) throw new Error("too many requests");
    return { tags: [{ key: "of", value: secret_id }] };
  };
  return { asked, client: { listSecretTags } as unknown as CsmsClient };
}

test("every secret gets its tags", async () => {
  const { client } = service(Number.POSITIVE_INFINITY);
  const answers = new Map<string, readonly Tag[]>();
  await readTags(client, IDS, answers, SIGNAL);
  expect(IDS.map((id) => answers.get(id)?.[0]?.value)).toEqual(IDS);
});

test("a refusal ends the reading and leaves the tags that are known", async () => {
  const { client, asked } = service(20);
  const answers = new Map<string, readonly Tag[]>();
  await readTags(client, IDS, answers, SIGNAL);
  expect(answers.size).toBe(19);
  // Requests that were under way at the refusal are answered; no further one is sent.
  expect(asked.length).toBeLessThan(19 + 7);
});
