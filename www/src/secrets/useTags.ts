// The tags of all secrets of the project. Who may not list them sees lists without tags.

import type { CsmsClient, Tag } from "csms";

import { useSession } from "../app/session";
import { useQuery } from "../app/useQuery";

const PAGE = 1000;

export interface Tags {
  /** By the secret's identifier. */
  tags: ReadonlyMap<string, readonly Tag[]>;
  /** Every tag, as `key` and `key=value`. */
  words: string[];
  reload: () => void;
}

async function read(client: CsmsClient, signal: AbortSignal): Promise<Map<string, readonly Tag[]>> {
  const found = new Map<string, readonly Tag[]>();
  // Most projects have fewer tags than secrets; a project without any is asked once.
  const { tags } = await client.listProjectSecretsTags({}, { signal });
  if (tags.length === 0) return found;
  for (let offset = 0; ; offset += PAGE) {
    const request = { action: "filter", limit: String(PAGE), offset: String(offset) } as const;
    const { resources = [], total_count } = await client.listResourceInstances(request, { signal });
    for (const { resource_id, tags: own } of resources) if (own.length > 0) found.set(resource_id, own);
    if (resources.length === 0 || offset + resources.length >= total_count) return found;
  }
}

export function useTags(): Tags {
  const { client } = useSession();
  const { data, reload } = useQuery("tags", (signal) =>
    read(client, signal).catch(() => new Map<string, readonly Tag[]>()),
  );
  const tags = data ?? new Map<string, readonly Tag[]>();
  const words = new Set<string>();
  for (const own of tags.values()) {
    for (const { key, value } of own) {
      words.add(key);
      if (value !== "") words.add(`${key}=${value}`);
    }
  }
  return { tags, words: [...words].sort(), reload };
}
