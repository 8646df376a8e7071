// Tags beside a list: those that the project has, and those of secrets that were listed without them. Who may not read them
// sees lists without tags.

import type { Secret, Tag } from "csms";

import { useSession } from "../app/session";
import { useQuery } from "../app/useQuery";
import type { Found } from "./listing";

/** Values of a key to choose from; a key with more of them names each secret by itself. */
const MOST_VALUES = 50;

/** The tags to choose from, as `key` and `key=value`. */
export function useTagWords(): { words: readonly string[]; reload: () => void } {
  const { client } = useSession();
  const { data, reload } = useQuery("tags", (signal) =>
    client.listProjectSecretsTags({}, { signal }).then(
      ({ tags }) =>
        tags.flatMap(({ key, values }) => {
          const said = values.filter((value) => value !== "");
          return [key, ...(said.length > MOST_VALUES ? [] : said.map((value) => `${key}=${value}`))];
        }),
      () => [],
    ),
  );
  return { words: data ?? [], reload };
}

/** Requests at a time. */
const WORKERS = 6;

/** The tags of the secrets in sight, by identifier: those that came with the list, and the others one by one. */
export function useTagsOf(inSight: readonly Secret[], found: Found | undefined): Found["tags"] {
  const { client } = useSession();
  const known = found?.tags ?? new Map<string, readonly Tag[]>();
  // To somebody who may not search no request of that kind is answered.
  const missing = found?.isSearched ? inSight.map(({ id }) => id).filter((id) => !known.has(id)) : [];
  const { data } = useQuery(missing.join(), async (signal) => {
    const read = new Map<string, readonly Tag[]>();
    const rest = [...missing];
    const look = async () => {
      for (let id = rest.pop(); id !== undefined; id = rest.pop()) {
        read.set(id, (await client.listSecretTags({ secret_id: id }, { signal })).tags);
      }
    };
    await Promise.all(Array.from({ length: WORKERS }, look));
    return read;
  });
  return data && data.size > 0 ? new Map([...known, ...data]) : known;
}
