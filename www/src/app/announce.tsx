// Says that something is done: on the screen for a while, and to screen readers.

import { useSyncExternalStore } from "react";

/** How long it stays, in milliseconds. */
const STAYS = 6000;

let text = "";
let timer: ReturnType<typeof setTimeout> | undefined;
const listeners = new Set<() => void>();

function set(next: string): void {
  text = next;
  for (const notify of listeners) notify();
}

/** @param words what is done; never a secret value */
export function announce(words: string): void {
  clearTimeout(timer);
  set(words);
  timer = setTimeout(() => set(""), STAYS);
}

const subscribe = (notify: () => void) => {
  listeners.add(notify);
  return () => void listeners.delete(notify);
};

export function Announcements() {
  const shown = useSyncExternalStore(subscribe, () => text);
  return (
    <div className={shown ? "toast is-shown" : "toast"} role="status">
      {shown}
    </div>
  );
}
