// A task that somebody watches: asked for until it has ended. What may pass, such as a lost network, is waited out.

import { CsmsError, type Task, type VersionMetadata } from "csms";
import { useCallback, useEffect, useState } from "react";

import { useSession } from "../app/session";

export interface Watched {
  task: Task | undefined;
  versions: VersionMetadata[];
  /** Why the last reading failed. */
  error: unknown;
  /** Whether it is asked for again without anybody's doing. */
  isWaiting: boolean;
  retry: () => void;
}

type State = Omit<Watched, "retry">;

const PAUSE = 700;
const LONGEST_PAUSE = 10_000;

/** Before the next reading, after some that failed one after the other, in milliseconds. */
export const pauseAfter = (failures: number): number => Math.min(PAUSE * 2 ** failures, LONGEST_PAUSE);

/** Whether asking again may help, though nothing is changed. */
export const mayPass = (error: unknown): boolean =>
  error instanceof CsmsError && (error.retryable || (error.status ?? 0) >= 500);

export function useTask(name: string, id: string | undefined): Watched {
  const { client } = useSession();
  const [round, setRound] = useState(0);
  const [state, setState] = useState<State>({ task: undefined, versions: [], error: undefined, isWaiting: false });
  useEffect(() => {
    if (id === undefined) return;
    const ending = new AbortController();
    const { signal } = ending;
    const read = async () => {
      const { tasks } = await client.listSecretTask({ task_id: id }, { signal });
      // The stages tell how far a running task has come.
      const { version_metadatas } = await client.listSecretVersions({ secret_name: name, limit: 100 }, { signal });
      return { task: tasks[0], versions: version_metadatas, error: undefined, isWaiting: false };
    };
    const watch = async () => {
      let failures = 0;
      while (!signal.aborted) {
        try {
          const next = await read();
          if (signal.aborted) return;
          setState(next);
          if (next.task && next.task.task_status !== "RUNNING") return;
          failures = 0;
        } catch (error) {
          if (signal.aborted) return;
          const isWaiting = mayPass(error);
          setState((before) => ({ ...before, error, isWaiting }));
          if (!isWaiting) return;
          failures += 1;
        }
        await new Promise((resolve) => setTimeout(resolve, pauseAfter(failures)));
      }
    };
    void watch();
    return () => ending.abort();
  }, [client, name, id, round]);
  const retry = useCallback(() => setRound((before) => before + 1), []);
  return { ...state, retry };
}
