// A task that somebody watches: asked for until it has ended.

import type { Task, VersionMetadata } from "csms";
import { useEffect, useState } from "react";

import { useSession } from "../app/session";

export interface Watched {
  task: Task | undefined;
  versions: VersionMetadata[];
  error: unknown;
}

const PAUSE = 700;

export function useTask(name: string, id: string | undefined): Watched {
  const { client } = useSession();
  const [watched, setWatched] = useState<Watched>({ task: undefined, versions: [], error: undefined });
  useEffect(() => {
    if (id === undefined) return;
    const ending = new AbortController();
    const { signal } = ending;
    const watch = async () => {
      for (;;) {
        const { tasks } = await client.listSecretTask({ task_id: id }, { signal });
        // The stages tell how far a running task has come.
        const { version_metadatas } = await client.listSecretVersions({ secret_name: name, limit: 100 }, { signal });
        setWatched({ task: tasks[0], versions: version_metadatas, error: undefined });
        if (tasks[0] && tasks[0].task_status !== "RUNNING") return;
        await new Promise((resolve) => setTimeout(resolve, PAUSE));
      }
    };
    watch().catch((error: unknown) => signal.aborted || setWatched((before) => ({ ...before, error })));
    return () => ending.abort();
  }, [client, name, id]);
  return watched;
}
