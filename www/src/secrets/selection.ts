// The secrets that somebody has chosen in the list, for what is then done with all of them. A selection belongs to the filter
// under which it was made: under another filter nothing is chosen. Pure.

import type { Secret } from "csms";

import { EVERYTHING, type Filter, matching } from "./filter";

export interface Selection {
  readonly filter: Filter;
  /** By name, as they were last read. */
  readonly secrets: ReadonlyMap<string, Secret>;
  /** Whether all that match the filter are to be chosen once they have been read. */
  readonly isGrowing: boolean;
}

/** How far the list of a filter has been read. */
export interface Reading {
  /** What was found and matches the filter. */
  matches: readonly Secret[];
  /** Whether `matches` are of an earlier search. */
  isStale: boolean;
  /** Whether the service has no more of them. */
  isEnd: boolean;
  /** Whether the service does not list all that it finds. */
  isCut: boolean;
  hasFailed: boolean;
}

export const nothingOf = (filter: Filter): Selection => ({ filter, secrets: new Map(), isGrowing: false });

/** What is chosen of a filter: the selection if it was made under this filter, or else nothing. */
export function selectionOf(filter: Filter, selection: Selection): Selection {
  const isSame = JSON.stringify(selection.filter) === JSON.stringify(filter);
  return isSame ? selection : nothingOf(filter);
}

/**
 * Chooses all that match once they have been read. A list that cannot be read whole ends that without choosing a part of it.
 */
export function grown(selection: Selection, { matches, isStale, isEnd, isCut, hasFailed }: Reading): Selection {
  if (!selection.isGrowing) return selection;
  if (hasFailed) return { ...selection, isGrowing: false };
  if (isStale || !isEnd) return selection;
  if (isCut) return { ...selection, isGrowing: false };
  return { ...selection, secrets: new Map(matches.map((secret) => [secret.name, secret])), isGrowing: false };
}

/** The selection with secrets as they have just been read or changed; one that has left the filter's state leaves it too. */
export function refreshed(selection: Selection, newest: readonly Secret[]): Selection {
  const known = new Map(newest.map((secret) => [secret.name, secret]));
  const current = [...selection.secrets.values()].map((secret) => known.get(secret.name) ?? secret);
  const kept = matching(current, { ...EVERYTHING, state: selection.filter.state });
  return { ...selection, secrets: new Map(kept.map((secret) => [secret.name, secret])) };
}
