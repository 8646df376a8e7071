// One change of several secrets, one after the other. Each counts by itself: one that fails does not keep the others from it.
// Knows no React.

import type { Secret } from "csms";

export interface Changes {
  /** As they are after the change. */
  changed: readonly Secret[];
  failed: readonly { secret: Secret; error: unknown }[];
}

/** @param act gives the secret as it is after the change */
export async function changeEach(
  secrets: readonly Secret[],
  act: (secret: Secret) => Promise<Secret>,
  onProgress: (changes: Changes) => void,
): Promise<Changes> {
  let changes: Changes = { changed: [], failed: [] };
  for (const secret of secrets) {
    try {
      changes = { ...changes, changed: [...changes.changed, await act(secret)] };
    } catch (error) {
      changes = { ...changes, failed: [...changes.failed, { secret, error }] };
    }
    onProgress(changes);
  }
  return changes;
}
