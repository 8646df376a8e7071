// The last rotation of each secret. Who may not list tasks sees lists without it.

import type { Task } from "csms";

import { useSession } from "../app/session";
import { useQuery } from "../app/useQuery";
import { lastTasks } from "./health";

/** Older tasks than these are of secrets that rotate rarely; their own page knows them. */
const MOST = 1000;

export function useLastTasks(): ReadonlyMap<string, Task> {
  const { client } = useSession();
  const { data } = useQuery("last-tasks", (signal) =>
    client.listSecretTask({ limit: MOST }, { signal }).then(
      ({ tasks }) => lastTasks(tasks),
      () => new Map<string, Task>(),
    ),
  );
  return data ?? new Map<string, Task>();
}
