// A value that is read when somebody asks for it, and forgotten after a while.

import { useCallback, useEffect, useState } from "react";

import { useSession } from "../app/session";
import { useAction } from "../app/useAction";
import { type Stored, storedOf } from "./value";

/** How long a value stays, in seconds. */
export const SHOWN_SECONDS = 30;

export interface Reveal {
  value: Stored | undefined;
  secondsLeft: number;
  error: unknown;
  isReading: boolean;
  show: () => void;
  hide: () => void;
}

export function useReveal(name: string, version: string): Reveal {
  const { client } = useSession();
  const [value, setValue] = useState<Stored>();
  const [secondsLeft, setSecondsLeft] = useState(0);
  const hide = useCallback(() => setValue(undefined), []);
  const { run, isRunning, error } = useAction(async () => {
    const answer = await client.showSecretVersion({ secret_name: name, version_id: version });
    setValue(storedOf(answer.version));
    setSecondsLeft(SHOWN_SECONDS);
  });
  useEffect(() => {
    if (value === undefined) return;
    const end = Date.now() + SHOWN_SECONDS * 1000;
    const timer = setInterval(() => {
      const left = Math.ceil((end - Date.now()) / 1000);
      setSecondsLeft(left);
      if (left <= 0) hide();
    }, 1000);
    return () => clearInterval(timer);
  }, [value, hide]);
  useEffect(() => hide, [name, version, hide]);
  return { value, secondsLeft, error, isReading: isRunning, show: () => void run(), hide };
}
