// What somebody types, once they pause.

import { useEffect, useState } from "react";

/** Milliseconds without a change after which a text is asked for. */
const PAUSE = 200;

/** The value as it was when it last stayed the same for a moment. */
export function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), PAUSE);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
