// The last rotation of each secret, and of one. Where they cannot be read, nothing is known of failures, and pages say so.

import type { Secret, Task } from "csms";

import { useSession } from "../app/session";
import { useQuery } from "../app/useQuery";
import { lastTasks } from "./health";

/** Older tasks than these are of secrets that rotate rarely; their own page knows them. */
const MOST = 1000;

export interface LastTasks {
  /** By the name of the secret; empty until they are known. */
  tasks: ReadonlyMap<string, Task>;
  isKnown: boolean;
  error: unknown;
  reload: () => void;
}

const NONE: ReadonlyMap<string, Task> = new Map();

export function useLastTasks(): LastTasks {
  const { client } = useSession();
  const { data, error, reload } = useQuery("last-tasks", async (signal) =>
    lastTasks((await client.listSecretTask({ limit: MOST }, { signal })).tasks),
  );
  return { tasks: data ?? NONE, isKnown: data !== undefined && error === undefined, error, reload };
}

/** @param secret absent before it is read; nothing is asked about one that does not rotate */
export function useLastTask(secret: Secret | undefined): LastTasks {
  const { client } = useSession();
  const name = secret && secret.secret_type !== "COMMON" ? secret.name : "";
  const { data, error, reload } = useQuery(name, async (signal) =>
    name === "" ? NONE : lastTasks((await client.listSecretTask({ secret_name: name, limit: 1 }, { signal })).tasks),
  );
  return { tasks: data ?? NONE, isKnown: data !== undefined && error === undefined, error, reload };
}
