// Versions that expire soon. The service lists versions secret by secret only, so the latest changed secrets are looked at,
// and the page says how many those are.

import type { Secret } from "csms";

import { useSession } from "../app/session";
import { type Query, useQuery } from "../app/useQuery";

/** How many secrets are looked at unless a person asks for all. */
export const LOOKED_AT = 200;
/** Requests at a time. */
const WORKERS = 6;
const DAY = 86_400_000;
/** What expires later is no concern of today. */
const SOON = 30 * DAY;

export interface Expiring {
  name: string;
  version: string;
  time: number;
}

/** Expiring and expired versions that a stage marks, the nearest first. */
export function useExpiring(secrets: readonly Secret[] | undefined, isWhole: boolean): Query<Expiring[]> {
  const { client } = useSession();
  const usable = (secrets ?? []).filter(({ state }) => state === "ENABLED");
  const names = usable
    .toSorted((one, other) => other.update_time - one.update_time)
    .slice(0, isWhole ? usable.length : LOOKED_AT)
    .map(({ name }) => name);
  return useQuery(names.join(), async (signal) => {
    const found: Expiring[] = [];
    const rest = [...names];
    const look = async () => {
      for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
        const { version_metadatas } = await client.listSecretVersions({ secret_name: name, limit: 100 }, { signal });
        for (const { id, expire_time, version_stages } of version_metadatas) {
          if (expire_time !== undefined && version_stages.length > 0 && expire_time < Date.now() + SOON) {
            found.push({ name, version: id, time: expire_time });
          }
        }
      }
    };
    await Promise.all(Array.from({ length: WORKERS }, look));
    return found.sort((one, other) => one.time - other.time);
  });
}
