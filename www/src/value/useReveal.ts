// A value that is read when somebody asks for it, and forgotten after a while in which nobody worked with it.

import { useCallback, useEffect, useRef, useState } from "react";

import { useSession } from "../app/session";
import { useAction } from "../app/useAction";
import { type Stored, storedOf } from "./value";

/** How long a value stays after somebody last worked with it, in seconds. */
export const SHOWN_SECONDS = 30;
/** How long it stays where somebody asked to keep it. */
export const KEPT_SECONDS = 600;

export interface Reveal<T = Stored> {
  value: T | undefined;
  secondsLeft: number;
  error: unknown;
  isReading: boolean;
  show: () => void;
  hide: () => void;
  /** Somebody works with it: the time starts again. */
  touch: () => void;
  /** Whether it stays for longer, also when the window is left. */
  isKept: boolean;
  keep: () => void;
}

export function useReveal(name: string, version: string): Reveal {
  const { client } = useSession();
  return useRevealed(`${name}/${version}`, async () =>
    storedOf((await client.showSecretVersion({ secret_name: name, version_id: version })).version),
  );
}

/**
 * Shows something secret for a while.
 *
 * @param key what it is; something else is not shown
 */
export function useRevealed<T>(key: string, read: () => Promise<T>): Reveal<T> {
  const [value, setValue] = useState<T>();
  const [secondsLeft, setSecondsLeft] = useState(0);
  const [isKept, setIsKept] = useState(false);
  const end = useRef(0);
  const last = (seconds: number) => {
    end.current = Date.now() + seconds * 1000;
    setSecondsLeft(seconds);
  };
  const hide = useCallback(() => {
    setValue(undefined);
    setIsKept(false);
  }, []);
  const { run, isRunning, error } = useAction(async () => {
    const found = await read();
    setValue(() => found);
    last(SHOWN_SECONDS);
  });
  const isShown = value !== undefined;
  useEffect(() => {
    if (!isShown) return;
    const timer = setInterval(() => {
      const left = Math.ceil((end.current - Date.now()) / 1000);
      setSecondsLeft(left);
      if (left <= 0) hide();
    }, 1000);
    return () => clearInterval(timer);
  }, [isShown, hide]);
  useEffect(() => {
    // Nobody looks at a window that is not in front, except who said so.
    if (!isShown || isKept) return;
    addEventListener("blur", hide);
    return () => removeEventListener("blur", hide);
  }, [isShown, isKept, hide]);
  useEffect(() => hide, [key, hide]);
  return {
    value,
    secondsLeft,
    error,
    isReading: isRunning,
    show: () => void run(),
    hide,
    touch: () => {
      if (isShown && !isKept && end.current - Date.now() < (SHOWN_SECONDS - 1) * 1000) last(SHOWN_SECONDS);
    },
    isKept,
    keep: () => {
      setIsKept(true);
      last(KEPT_SECONDS);
    },
  };
}
