// One read of the service, tied to the component that shows it.

import { useCallback, useEffect, useState } from "react";

export interface Query<T> {
  /** The last answer; it stays while the next one is under way, so that nothing jumps. */
  data: T | undefined;
  error: unknown;
  isLoading: boolean;
  reload: () => void;
}

/**
 * Runs `load` now, on `reload`, and whenever `key` changes; what is under way then is ended.
 */
export function useQuery<T>(key: string, load: (signal: AbortSignal) => Promise<T>): Query<T> {
  const [round, setRound] = useState(0);
  const [state, setState] = useState<{ key: string; data?: T; error?: unknown; isLoading: boolean }>({
    key,
    isLoading: true,
  });
  useEffect(() => {
    const ending = new AbortController();
    setState((before) => (before.key === key ? { ...before, isLoading: true } : { key, isLoading: true }));
    load(ending.signal).then(
      (data) => ending.signal.aborted || setState({ key, data, isLoading: false }),
      (error: unknown) => ending.signal.aborted || setState((before) => ({ ...before, key, error, isLoading: false })),
    );
    return () => ending.abort();
    // `key` says everything that `load` depends on.
  }, [key, round]);
  const reload = useCallback(() => setRound((before) => before + 1), []);
  const isFresh = state.key === key;
  return {
    data: isFresh ? state.data : undefined,
    error: isFresh ? state.error : undefined,
    isLoading: state.isLoading,
    reload,
  };
}
