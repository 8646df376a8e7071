// Records of the audit trail, page after page.

import type { Trace } from "csms";
import { useCallback, useEffect, useRef, useState } from "react";

import { useSession } from "../app/session";
import { type Filter, requestOf } from "./traces";

/** Milliseconds. */
const AHEAD = 60_000;

export interface Traces {
  /** Newest first. The last list stays while the next one is read, and when that fails. */
  traces: Trace[] | undefined;
  /** Whether `traces` are of another filter. */
  isStale: boolean;
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
  /** The filter of `traces`. */
  filter: Filter;
  error: unknown;
  isLoading: boolean;
}

/** One list, page after page. */
interface Reading {
  /** Pages of one list are about one moment. */
  now: number;
}

export function useTraces(filter: Filter): Traces {
  const { client } = useSession();
  const [round, setRound] = useState(0);
  const [state, setState] = useState<State>({
    traces: undefined,
    next: undefined,
    filter,
    error: undefined,
    isLoading: true,
  });
  /** The list that is shown or about to be; pages of another one are dropped. */
  const current = useRef<Reading>(undefined);
  const read = useCallback(
    async (reading: Reading, before: Trace[], next?: string) => {
      setState((state) => ({ ...state, error: undefined, isLoading: true }));
      try {
        const { traces, meta_data } = await client.listTraces(requestOf(filter, reading.now, next));
        if (current.current !== reading) return;
        const all = [...before, ...traces];
        setState({ traces: all, next: meta_data.marker, filter, error: undefined, isLoading: false });
      } catch (error) {
        if (current.current === reading) setState((state) => ({ ...state, error, isLoading: false }));
      }
    },
    [client, filter],
  );
  useEffect(() => {
    // A little ahead: the service's clock may be.
    const reading = { now: Date.now() + AHEAD };
    current.current = reading;
    void read(reading, []);
    return () => {
      current.current = undefined;
    };
  }, [read, round]);
  const isStale = state.filter !== filter;
  const { traces, next, error, isLoading } = state;
  const isMore = next !== undefined && !isStale;
  const more = () => {
    if (!isLoading && isMore && current.current) void read(current.current, traces ?? [], next);
  };
  const reload = useCallback(() => setRound((before) => before + 1), []);
  return { traces, isStale, error, isLoading, isMore, more, reload };
}
