// A list that the service gives out in pages, tied to the component that shows it.

import { useCallback, useEffect, useRef, useState } from "react";

/** One page. */
export interface Page<T> {
  items: readonly T[];
  /** Where the next page begins; absent on the last one. */
  next?: string | undefined;
  /** How many there are on all pages, where the service says it. */
  total?: number | undefined;
}

export interface Pages<T> {
  /** In the order of the service. The last list stays while the next one is read, and when that fails. */
  items: readonly T[] | undefined;
  total: number | undefined;
  /** Whether `items` are of another key. */
  isStale: boolean;
  error: unknown;
  isLoading: boolean;
  isMore: boolean;
  more: () => void;
  reload: () => void;
}

/** The reading of one list, page after page. */
interface Reading {
  /** When it began, in milliseconds: all pages of one list are about this moment. */
  begun: number;
  ending: AbortController;
}

interface State<T> extends Omit<Page<T>, "items"> {
  items: readonly T[] | undefined;
  /** The key of `items`. */
  key: string;
  error: unknown;
  isLoading: boolean;
}

/**
 * Reads the first page with `load` now, on `reload`, and whenever `key` changes; what is under way then is ended, and what comes late is
 * dropped. `more` adds the next page.
 */
export function usePages<T>(
  key: string,
  load: (begun: number, marker: string | undefined, signal: AbortSignal) => Promise<Page<T>>,
): Pages<T> {
  const [round, setRound] = useState(0);
  const [state, setState] = useState<State<T>>({ items: undefined, key, error: undefined, isLoading: true });
  const current = useRef<Reading>(undefined);
  const read = async (reading: Reading, before: readonly T[], marker?: string) => {
    const set = (change: Partial<State<T>>) =>
      current.current === reading && setState((state) => ({ ...state, ...change }));
    set({ error: undefined, isLoading: true });
    try {
      const { items, next, total } = await load(reading.begun, marker, reading.ending.signal);
      set({ items: [...before, ...items], next, total, key, isLoading: false });
    } catch (error) {
      set({ error, isLoading: false });
    }
  };
  useEffect(() => {
    const reading = { begun: Date.now(), ending: new AbortController() };
    current.current = reading;
    void read(reading, []);
    return () => {
      current.current = undefined;
      reading.ending.abort();
    };
    // `key` says everything that `load` depends on.
  }, [key, round]);
  const { items, next, total, error, isLoading } = state;
  const isStale = state.key !== key;
  const isMore = next !== undefined && !isStale;
  const more = () => {
    if (!isLoading && isMore && current.current) void read(current.current, items ?? [], next);
  };
  const reload = useCallback(() => setRound((before) => before + 1), []);
  return { items, total, isStale, error, isLoading, isMore, more, reload };
}
