// A value that is read when somebody asks for it, and forgotten after a while in which nobody worked with it. A sealed one
// says nothing before it is opened, so until then it stays, with what is typed to open it.

import { useCallback, useEffect, useRef, useState } from "react";

import { useSession } from "../app/session";
import { useAction } from "../app/useAction";
import { type SealedHeader, type Stored, sealedHeader, storedOf } from "./value";

/** How long a value stays after somebody last worked with it, in seconds. */
export const SHOWN_SECONDS = 30;
/** How long it stays where somebody asked to keep it. */
export const KEPT_SECONDS = 600;

export interface Reveal<T = Stored> {
  value: T | undefined;
  /** What the value says about itself if it is sealed. */
  header: SealedHeader | undefined;
  /** Whether there is something on the screen that others must not see. */
  isExposed: boolean;
  secondsLeft: number;
  error: unknown;
  isReading: boolean;
  show: () => void;
  hide: () => void;
  /** The sealed value was opened: from now on it is hidden like any other. */
  open: () => void;
  /** Somebody works with it: the time starts again. */
  touch: () => void;
  /** Whether it stays for longer, also when the window is left. */
  isKept: boolean;
  keep: () => void;
}

export function useReveal(name: string, version: string): Reveal {
  const { client } = useSession();
  return useRevealed(
    `${name}/${version}`,
    async () => storedOf((await client.showSecretVersion({ secret_name: name, version_id: version })).version),
    (value) => ("secret_string" in value ? sealedHeader(value.secret_string) : undefined),
  );
}

/**
 * Shows something secret for a while.
 *
 * @param key what it is; something else is not shown
 * @param headerOf what a value says about itself while it is sealed
 */
export function useRevealed<T>(
  key: string,
  read: () => Promise<T>,
  headerOf: (value: T) => SealedHeader | undefined = () => undefined,
): Reveal<T> {
  const [value, setValue] = useState<T>();
  const [secondsLeft, setSecondsLeft] = useState(0);
  const [isOpened, setIsOpened] = useState(false);
  const [isKept, setIsKept] = useState(false);
  /** The reading whose answer is to be shown; none once nobody looks any more, or at another version. */
  const wanted = useRef<object>(undefined);
  const end = useRef(0);
  const last = (seconds: number) => {
    end.current = Date.now() + seconds * 1000;
    setSecondsLeft(seconds);
  };
  const hide = useCallback(() => {
    wanted.current = undefined;
    setValue(undefined);
    setIsOpened(false);
    setIsKept(false);
  }, []);
  const { run, isRunning, error } = useAction(async () => {
    const reading = {};
    wanted.current = reading;
    const found = await read();
    if (wanted.current !== reading) return;
    setValue(() => found);
    last(SHOWN_SECONDS);
  });
  const header = value === undefined ? undefined : headerOf(value);
  const isExposed = value !== undefined && (header === undefined || isOpened);
  useEffect(() => {
    if (!isExposed) return;
    const timer = setInterval(() => {
      const left = Math.ceil((end.current - Date.now()) / 1000);
      setSecondsLeft(left);
      if (left <= 0) hide();
    }, 1000);
    return () => clearInterval(timer);
  }, [isExposed, hide]);
  useEffect(() => {
    // Nobody looks at a window that is not in front, except who said so.
    if (!(isExposed || isRunning) || isKept) return;
    addEventListener("blur", hide);
    return () => removeEventListener("blur", hide);
  }, [isExposed, isRunning, isKept, hide]);
  useEffect(() => hide, [key, hide]);
  return {
    value,
    header,
    isExposed,
    secondsLeft,
    error,
    isReading: isRunning,
    show: () => void run(),
    hide,
    open: () => {
      setIsOpened(true);
      last(SHOWN_SECONDS);
    },
    touch: () => {
      if (isExposed && !isKept && end.current - Date.now() < (SHOWN_SECONDS - 1) * 1000) last(SHOWN_SECONDS);
    },
    isKept,
    keep: () => {
      setIsKept(true);
      last(KEPT_SECONDS);
    },
  };
}
