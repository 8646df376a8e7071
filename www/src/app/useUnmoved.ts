// Reads something again right before a form changes it: another page may have changed it since the form was opened. The API
// changes it whatever it is like, so the page has to look.

import { useState } from "react";

import { isForbidden } from "./forbidden";

export interface Unmoved<T> {
  /** It as it was read last. */
  known: T;
  /** Whether it was changed elsewhere since the form was opened. */
  hasMoved: boolean;
  /** Reads it again; `false` if it is no longer what the person saw. */
  isSame: () => Promise<boolean>;
}

/**
 * @param aspect what of it the form changes or shows, as text
 * @param follow takes over into the form what changed and the person did not touch
 */
export function useUnmoved<T>(
  opened: T,
  read: () => Promise<T>,
  aspect: (of: T) => string,
  follow?: (former: T, now: T) => void,
): Unmoved<T> {
  const [known, setKnown] = useState(opened);
  const [hasMoved, setHasMoved] = useState(false);
  const isSame = async () => {
    const now = await read().catch((error: unknown) => {
      // The change may be allowed where reading is not.
      if (isForbidden(error)) return known;
      throw error;
    });
    if (aspect(now) === aspect(known)) return true;
    follow?.(known, now);
    setKnown(now);
    setHasMoved(true);
    return false;
  };
  return { known, hasMoved, isSame };
}
