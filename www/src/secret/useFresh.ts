// Reads a secret again right before it is changed: another page may have changed it since this one was opened. The API
// changes it whatever it is like, so the page has to look.

import { useState } from "react";

import { useSession } from "../app/session";
import { type Known, readKnown } from "./useKnownSecret";

export interface Fresh {
  /** The secret as it was read last. */
  known: Known;
  /** Whether it was changed elsewhere since the form was opened. */
  hasMoved: boolean;
  /** Reads it again; `false` if it is no longer what the person saw. */
  isSame: () => Promise<boolean>;
}

/** @param aspect what of the secret the form changes or shows, as text */
export function useFresh(opened: Known, aspect: (known: Known) => string): Fresh {
  const { client } = useSession();
  const [known, setKnown] = useState(opened);
  const [hasMoved, setHasMoved] = useState(false);
  const isSame = async () => {
    const now = await readKnown(client, known.secret.name);
    if (aspect(now) === aspect(known)) return true;
    setKnown(now);
    setHasMoved(true);
    return false;
  };
  return { known, hasMoved, isSame };
}
