// Tags beside a list: those that the project has, and those of secrets that were listed without them. Who may not read them
// sees lists without tags.

import type { CsmsClient, Secret, Tag } from "csms";
import { useMemo } from "react";

import { useSession } from "../app/session";
import { useQuery } from "../app/useQuery";
import type { WantedTag } from "./filter";
import type { Found } from "./listing";

/** Values of a key to choose from; a key with more of them names each secret by itself. */
const MOST_VALUES = 50;

/** The tags to choose from: each key, and with each of its values. */
export function useTagWords(): { words: readonly WantedTag[]; reload: () => void } {
  const { client } = useSession();
  const { data, reload } = useQuery("tags", (signal) =>
    client.listProjectSecretsTags({}, { signal }).then(
      ({ tags }) =>
        tags.flatMap(({ key, values }) => {
          const said = values.filter((value) => value !== "");
          return [{ key }, ...(said.length > MOST_VALUES ? [] : said.map((value) => ({ key, value })))];
        }),
      () => [],
    ),
  );
  return { words: data ?? [], reload };
}

/** Requests at a time. */
const WORKERS = 6;

type Tags = ReadonlyMap<string, readonly Tag[]>;

/** Adds the tags of secrets to `answers` until one request fails; those of the others stay unknown. */
export async function readTags(
  client: CsmsClient,
  ids: readonly string[],
  answers: Map<string, readonly Tag[]>,
  signal: AbortSignal,
): Promise<void> {
  const rest = [...ids];
  const look = async () => {
    for (let id = rest.pop(); id !== undefined; id = rest.pop()) {
      answers.set(id, (await client.listSecretTags({ secret_id: id }, { signal })).tags);
    }
  };
  const lookOn = () => look().catch(() => rest.splice(0));
  await Promise.all(Array.from({ length: WORKERS }, lookOn));
}

/**
 * The tags of the secrets in sight, by identifier: those that came with the list, and, once it has been read, the others one
 * by one.
 *
 * @param round of the list's reading; the tags of an earlier one are forgotten
 */
export function useTagsOf(
  inSight: readonly Secret[],
  { found, isLoading, round }: { found: Found | undefined; isLoading: boolean; round: number },
): Tags {
  const { client } = useSession();
  // Each round has answers of its own.
  const answers = useMemo(() => new Map<string, readonly Tag[]>(), [client, round]);
  // To somebody who may not search no request of that kind is answered.
  const isAsked = found?.isSearched && !isLoading;
  const missing = isAsked ? inSight.filter(({ id }) => !found.tags.has(id) && !answers.has(id)) : [];
  const ids = missing.map(({ id }) => id);
  useQuery(`${round} ${ids.join()}`, (signal) => readTags(client, ids, answers, signal));
  return new Map(inSight.map(({ id }) => [id, found?.tags.get(id) ?? answers.get(id) ?? []]));
}
