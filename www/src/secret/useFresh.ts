// Reads a secret again right before it is changed.

import { useSession } from "../app/session";
import { type Unmoved, useUnmoved } from "../app/useUnmoved";
import { type Known, readKnown } from "./useKnownSecret";

/**
 * @param aspect what of the secret the form changes or shows, as text
 * @param follow takes over into the form what changed and the person did not touch
 */
export function useFresh(
  opened: Known,
  aspect: (known: Known) => string,
  follow?: (former: Known, now: Known) => void,
): Unmoved<Known> {
  const { client } = useSession();
  return useUnmoved(opened, () => readKnown(client, opened.secret.name), aspect, follow);
}
