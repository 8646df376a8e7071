// Where the versions of a secret come from: who stored each, and by which operation, as the audit trail has it.

import type { Trace } from "csms";

import { useSession } from "../app/session";
import { useQuery } from "../app/useQuery";
import { saidBy } from "../audit/traces";

/** The operations that store versions. */
const MAKERS = ["CreateSecret", "CreateSecretVersion", "RotateSecret", "RotateDueSecret"] as const;

export interface VersionOrigin {
  operation: (typeof MAKERS)[number];
  /** Name of the user; empty where the service did it by itself. */
  by: string;
}

/** Origins by version. Of two records of one version the older one made it. */
export function originsIn(traces: readonly Trace[]): Map<string, VersionOrigin> {
  const origins = new Map<string, VersionOrigin>();
  for (const trace of [...traces].sort((one, other) => other.time - one.time)) {
    const { version } = saidBy(trace);
    const operation = MAKERS.find((name) => name === trace.trace_name);
    if (version === undefined || operation === undefined || trace.trace_rating !== "normal") continue;
    origins.set(version, { operation, by: trace.trace_type === "SystemAction" ? "" : trace.user.name });
  }
  return origins;
}

/** The origins of the versions; none where the person may not read the audit trail. */
export function useOrigins(name: string, stamp: number): Map<string, VersionOrigin> {
  const { client } = useSession();
  const { data } = useQuery(`${name}/${stamp}`, async (signal) => {
    const pages = MAKERS.map((trace_name) =>
      client.listTraces({ resource_name: name, trace_name, limit: 50, from: 0, to: Date.now() + 60_000 }, { signal }),
    );
    return originsIn((await Promise.all(pages)).flatMap(({ traces }) => traces));
  });
  return data ?? new Map();
}
