// Asks for a new sign-in over the page where the service no longer accepts the one there is. What was asked of the
// service waits, and goes on afterwards. It does not know who signs in; see `session.tsx`.

import { useSyncExternalStore } from "react";

/** Calls that wait for a new sign-in. */
export interface Renewal {
  /** Somebody has signed in: the calls go on. */
  done: () => void;
  /** Nobody will: the calls fail with what they failed with. */
  refuse: () => void;
}

let current: { renewal: Renewal; ended: Promise<boolean> } | undefined;
const listeners = new Set<() => void>();

function change(next: typeof current): void {
  current = next;
  for (const notify of listeners) notify();
}

/** Waits for a new sign-in; `false` if nobody signs in. Any number of calls wait for the same one. */
export function renewed(): Promise<boolean> {
  if (current) return current.ended;
  let settle: (isDone: boolean) => void = () => undefined;
  const ended = new Promise<boolean>((resolve) => {
    settle = resolve;
  });
  const end = (isDone: boolean) => () => {
    change(undefined);
    settle(isDone);
  };
  change({ renewal: { done: end(true), refuse: end(false) }, ended });
  return ended;
}

const subscribe = (notify: () => void) => {
  listeners.add(notify);
  return () => void listeners.delete(notify);
};

/** The renewal that calls wait for now, if any. */
export function useRenewal(): Renewal | undefined {
  return useSyncExternalStore(subscribe, () => current?.renewal);
}
