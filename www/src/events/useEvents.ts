// All events of the project, by name.

import type { SecretEvent } from "csms";

import { useSession } from "../app/session";
import { type Query, useQuery } from "../app/useQuery";

export function useEvents(): Query<SecretEvent[]> {
  const { client } = useSession();
  return useQuery("events", async (signal) => {
    const found: SecretEvent[] = [];
    let marker: string | undefined;
    do {
      const page = await client.listSecretEvents({ limit: 1000, ...(marker && { marker }) }, { signal });
      found.push(...page.events);
      marker = page.page_info.next_marker === marker ? undefined : page.page_info.next_marker;
    } while (marker);
    return found;
  });
}
