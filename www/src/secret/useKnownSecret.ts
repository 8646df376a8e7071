// One secret with all its versions: what a page about it needs, and what previews are computed from.

import type { Secret, VersionMetadata } from "csms";

import { useSession } from "../app/session";
import { type Query, useQuery } from "../app/useQuery";

export interface Known {
  secret: Secret;
  /** Newest first. */
  versions: VersionMetadata[];
}

export function useKnownSecret(name: string): Query<Known> {
  const { client } = useSession();
  return useQuery(name, async (signal) => {
    const versions = async () => {
      const found: VersionMetadata[] = [];
      for await (const version of client.versions({ secret_name: name, limit: 100 }, { signal })) found.push(version);
      return found.sort((one, other) => numberOf(other.id) - numberOf(one.id));
    };
    const [{ secret }, all] = await Promise.all([client.showSecret({ secret_name: name }, { signal }), versions()]);
    return { secret, versions: all };
  });
}

/** `v12` is 12. */
export const numberOf = (id: string) => Number(id.slice(1));

/** The form that previews take. */
export const forPreview = ({ secret, versions }: Known) => ({ ...secret, versions });
