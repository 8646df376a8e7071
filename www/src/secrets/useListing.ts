// The secrets that a search finds, as far as a page wants them. What was read before shows at once where one returns, while it
// is read again; while another search is under way, or when it fails, the last list stays.

import type { CsmsClient, Secret } from "csms";
import { useCallback, useEffect, useRef, useState } from "react";

import { useSession } from "../app/session";
import { useSettled } from "../app/useSettled";
import type { Search } from "./filter";
import { ALL, type Found, forgetDenial, Listing, searchFor, wantedFor } from "./listing";

/** Searches that each client remembers. */
const REMEMBERED = 8;
/** What each search found last; a client is of one project. */
const known = new WeakMap<CsmsClient, Map<string, Found>>();

function remember(client: CsmsClient, key: string, found: Found): void {
  const all = known.get(client) ?? new Map<string, Found>();
  known.set(client, all);
  all.delete(key);
  all.set(key, found);
  const [oldest] = all.keys();
  if (all.size > REMEMBERED && oldest !== undefined) all.delete(oldest);
}

const EVERY = JSON.stringify(ALL);

export interface Secrets {
  /** Absent before the first answer. */
  found: Found | undefined;
  /** Whether `found` is of an earlier search. */
  isStale: boolean;
  error: unknown;
  isLoading: boolean;
  /** Counts how often the list was asked for again. */
  round: number;
  reload: () => void;
}

interface State extends Pick<Secrets, "found" | "error" | "isLoading"> {
  /** The search of `found`. */
  key: string;
  /** The reading that `error` and `isLoading` are of. */
  attempt: string;
}

/**
 * Searches a moment after the search has last changed; what an earlier search answers after that is dropped.
 *
 * @param least how many secrets to read at least, if there are as many
 */
export function useListing(search: Search, least: number): Secrets {
  const { client } = useSession();
  const [round, setRound] = useState(0);
  const settled = useSettled(JSON.stringify(search));
  const asked = JSON.stringify(searchFor(client, search));
  // A list of all secrets is the same whatever is typed.
  const key = asked === EVERY ? asked : settled;
  const wanted = wantedFor(client, search, least);
  const attempt = `${round} ${wanted} ${key}`;
  const [state, setState] = useState<State>(() => ({
    key,
    found: known.get(client)?.get(key),
    attempt,
    error: undefined,
    isLoading: wanted > 0,
  }));
  const reading = useRef<{ place: string; listing: Listing }>(undefined);
  useEffect(() => {
    const ending = new AbortController();
    const place = `${round} ${key}`;
    if (reading.current?.place !== place) reading.current = { place, listing: new Listing(client, JSON.parse(key)) };
    const { listing } = reading.current;
    const show = (found: Found) => {
      // The person may not search, as the service has just said: another list is read instead.
      if (JSON.stringify(searchFor(client, JSON.parse(key))) !== key) return setState((before) => ({ ...before }));
      const isEnough = listing.isEnough(wanted);
      if (isEnough) remember(client, key, found);
      setState((before) => {
        // A list that shows already is replaced as a whole, so that nothing jumps.
        const isShorter = before.key === key && found.secrets.length < (before.found?.secrets.length ?? 0);
        return isShorter && !isEnough ? before : { key, found, attempt, error: undefined, isLoading: !isEnough };
      });
    };
    setState((before) => {
      const found = known.get(client)?.get(key);
      return {
        ...(found && before.key !== key ? { key, found } : { key: before.key, found: before.found }),
        attempt,
        error: undefined,
        isLoading: wanted > 0,
      };
    });
    if (wanted > 0 && listing.isEnough(wanted)) show(listing.found);
    listing
      .read(wanted, ending.signal, show)
      .catch(
        (error: unknown) => ending.signal.aborted || setState((before) => ({ ...before, error, isLoading: false })),
      );
    return () => ending.abort();
  }, [client, key, round, wanted, attempt]);
  const reload = useCallback(() => {
    forgetDenial(client);
    setRound((before) => before + 1);
  }, [client]);
  const { found } = state;
  // Nothing is known of a reading that is only about to begin.
  const isKnown = state.attempt === attempt && key === asked;
  return {
    found,
    error: isKnown ? state.error : undefined,
    isStale: state.key !== asked,
    isLoading: isKnown ? state.isLoading : wanted > 0,
    round,
    reload,
  };
}

/** All secrets of the project, as far as they are wanted. */
export function useSecrets(wanted: number): Omit<Secrets, "isStale"> & { secrets: readonly Secret[] | undefined } {
  const listing = useListing(ALL, wanted);
  return { ...listing, secrets: listing.found?.secrets };
}
