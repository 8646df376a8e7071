// One secret with all its versions: what a page about it needs, and what previews are computed from.

import type { CsmsClient, Secret, VersionMetadata } from "csms";

import { useSession } from "../app/session";
import { type Query, useQuery } from "../app/useQuery";

export interface Known {
  secret: Secret;
  /** Newest first. */
  versions: VersionMetadata[];
}

/** Reads a secret and all its versions. */
export async function readKnown(client: CsmsClient, name: string, signal?: AbortSignal): Promise<Known> {
  const options = signal ? { signal } : {};
  const versions = async () => {
    const found: VersionMetadata[] = [];
    for await (const version of client.versions({ secret_name: name, limit: 100 }, options)) found.push(version);
    return found.sort((one, other) => numberOf(other.id) - numberOf(one.id));
  };
  const [{ secret }, all] = await Promise.all([client.showSecret({ secret_name: name }, options), versions()]);
  return { secret, versions: all };
}

export function useKnownSecret(name: string): Query<Known> {
  const { client } = useSession();
  return useQuery(name, (signal) => readKnown(client, name, signal));
}

/** The version that programs get; `undefined` if there is none. */
export const currentOf = ({ versions }: Known) =>
  versions.find(({ version_stages }) => version_stages.includes("SYSCURRENT"))?.id;

/** `v12` is 12. */
export const numberOf = (id: string) => Number(id.slice(1));

/** The number of the newest version; 0 if there is none. */
export const newestOf = ({ versions }: Known) => Math.max(0, ...versions.map(({ id }) => numberOf(id)));

/** The form that previews take. */
export const forPreview = ({ secret, versions }: Known) => ({ ...secret, versions });
