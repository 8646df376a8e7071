// All events of the project, by name.

import type { SecretEvent } from "csms";

import { allPages } from "../app/allPages";
import { useSession } from "../app/session";
import { type Query, useQuery } from "../app/useQuery";

export function useEvents(): Query<SecretEvent[]> {
  const { client } = useSession();
  return useQuery("events", async (signal) => {
    const pages = await allPages((page) => client.listSecretEvents({ limit: 1000, ...page }, { signal }));
    return pages.flatMap(({ events }) => events);
  });
}
