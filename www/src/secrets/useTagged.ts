// The project's tags, and which secrets have the one that was chosen.

import { useSession } from "../app/session";
import { useQuery } from "../app/useQuery";

const PAGE = 1000;

export interface Tagged {
  /** Every tag of the project, as `key` and `key=value`. */
  tags: string[];
  /** Identifiers of the secrets with the chosen tag; `undefined` without a choice, or until they are known. */
  tagged: ReadonlySet<string> | undefined;
  error: unknown;
}

export function useTagged(chosen: string): Tagged {
  const { client } = useSession();
  // Who may list secrets need not be allowed to list tags; then there is nothing to choose from.
  const all = useQuery("tags", (signal) => client.listProjectSecretsTags({}, { signal }).catch(() => ({ tags: [] })));
  const found = useQuery(chosen, async (signal) => {
    if (chosen === "") return undefined;
    const [key = "", ...rest] = chosen.split("=");
    const tags = [{ key, ...(rest.length > 0 && { values: [rest.join("=")] }) }];
    const ids = new Set<string>();
    for (let offset = 0; ; offset += PAGE) {
      const request = { action: "filter", limit: String(PAGE), offset: String(offset), tags } as const;
      const { resources = [], total_count } = await client.listResourceInstances(request, { signal });
      for (const { resource_id } of resources) ids.add(resource_id);
      if (resources.length === 0 || ids.size >= total_count) return ids;
    }
  });
  const tags = (all.data?.tags ?? []).flatMap(({ key, values }) => [
    key,
    ...values.filter((value) => value !== "").map((value) => `${key}=${value}`),
  ]);
  return { tags, tagged: found.data, error: found.error };
}
