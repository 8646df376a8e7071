// Keeps what is in sight in its place while what replaces it is not complete yet.

import { useState } from "react";

/** The value; while it is held, the last one that was not, if there was one. */
export function useHeld<T>(value: T, isHeld: boolean): T | undefined {
  const [held, setHeld] = useState<T>();
  if (!isHeld && held !== value) setHeld(() => value);
  return isHeld ? held : value;
}
