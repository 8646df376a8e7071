// The keys of the key service in this project.

import type { KeyDetails } from "csms";

import { useSession } from "../app/session";
import { type Query, useQuery } from "../app/useQuery";

/** All keys, by alias; the service's own one comes first. */
export function useKeys(): Query<KeyDetails[]> {
  const { client } = useSession();
  return useQuery("keys", async (signal) => {
    const { key_details } = await client.listKeys({}, { signal });
    const order = (key: KeyDetails) => `${key.default_key_flag === "1" ? 0 : 1}${key.key_alias}`;
    return key_details.sort((one, other) => (order(one) < order(other) ? -1 : 1));
  });
}

export const isDefault = (key: KeyDetails) => key.default_key_flag === "1";
