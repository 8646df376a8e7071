// Records of the audit trail, page after page.

import type { Trace } from "csms";
import { useCallback, useEffect, useRef, useState } from "react";

import { useSession } from "../app/session";
import { type Filter, requestOf } from "./traces";

/** Milliseconds. */
const AHEAD = 60_000;

export interface Traces {
  /** Newest first. */
  traces: Trace[] | undefined;
  error: unknown;
  isLoading: boolean;
  /** Whether there are older ones. */
  isMore: boolean;
  more: () => void;
  reload: () => void;
}

interface State {
  traces: Trace[] | undefined;
  next: string | undefined;
  error: unknown;
  isLoading: boolean;
}

export function useTraces(filter: Filter): Traces {
  const { client } = useSession();
  const [round, setRound] = useState(0);
  const [state, setState] = useState<State>({ traces: undefined, next: undefined, error: undefined, isLoading: true });
  // Pages of one list are about one moment.
  const now = useRef(0);
  const read = useCallback(
    (next?: string) => client.listTraces(requestOf(filter, now.current, next)),
    [client, filter],
  );
  const add = (before: Trace[], { traces, meta_data }: Awaited<ReturnType<typeof read>>): State => ({
    traces: [...before, ...traces],
    next: meta_data.marker,
    error: undefined,
    isLoading: false,
  });
  useEffect(() => {
    let isWanted = true;
    // A little ahead: the service's clock may be.
    now.current = Date.now() + AHEAD;
    setState((before) => ({ ...before, error: undefined, isLoading: true }));
    read().then(
      (page) => isWanted && setState(add([], page)),
      (error: unknown) => isWanted && setState((before) => ({ ...before, error, isLoading: false })),
    );
    return () => {
      isWanted = false;
    };
  }, [read, round]);
  const more = () => {
    if (state.isLoading || state.next === undefined) return;
    setState({ ...state, isLoading: true });
    read(state.next).then(
      (page) => setState(({ traces }) => add(traces ?? [], page)),
      (error: unknown) => setState((before) => ({ ...before, error, isLoading: false })),
    );
  };
  return {
    traces: state.traces,
    error: state.error,
    isLoading: state.isLoading,
    isMore: state.next !== undefined,
    more,
    reload: useCallback(() => setRound((before) => before + 1), []),
  };
}
