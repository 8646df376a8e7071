// All secrets of the project. The first thousand show at once; the rest follow while one reads. What was read last shows
// at once where one returns, while it is read again.

import type { CsmsClient, Secret } from "csms";
import { useCallback, useEffect, useState } from "react";

import { useSession } from "../app/session";

const PAGE = 1000;

export interface Secrets {
  secrets: Secret[] | undefined;
  error: unknown;
  /** Whether more are under way. */
  isLoading: boolean;
  reload: () => void;
}

/** The last whole list of each project; a client is of one. */
const known = new WeakMap<CsmsClient, Secret[]>();

export function useSecrets(): Secrets {
  const { client } = useSession();
  const [round, setRound] = useState(0);
  const [state, setState] = useState<Omit<Secrets, "reload">>({
    secrets: known.get(client),
    error: undefined,
    isLoading: true,
  });
  useEffect(() => {
    const ending = new AbortController();
    const load = async () => {
      let found: Secret[] = [];
      let marker: string | undefined;
      do {
        const page = await client.listSecrets({ limit: PAGE, ...(marker && { marker }) }, { signal: ending.signal });
        const next = page.page_info.next_marker;
        found = [...found, ...page.secrets];
        marker = next === marker ? undefined : next;
        // A list that was there already is replaced as a whole, so that nothing jumps.
        if (!marker || !known.has(client)) setState({ secrets: found, error: undefined, isLoading: Boolean(marker) });
      } while (marker);
      known.set(client, found);
    };
    setState((before) => ({ ...before, error: undefined, isLoading: true }));
    load().catch(
      (error: unknown) => ending.signal.aborted || setState((before) => ({ ...before, error, isLoading: false })),
    );
    return () => ending.abort();
  }, [client, round]);
  return { ...state, reload: useCallback(() => setRound((before) => before + 1), []) };
}
