// Keeps what is in sight in its place while what replaces it is not complete yet.

import { useEffect, useRef } from "react";

/** The value; while it is held, the last one that was not, if there was one. */
export function useHeld<T>(value: T, isHeld: boolean): T | undefined {
  const held = useRef<T>(undefined);
  useEffect(() => {
    if (!isHeld) held.current = value;
  }, [value, isHeld]);
  return isHeld ? held.current : value;
}
