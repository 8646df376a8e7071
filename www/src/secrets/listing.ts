// A list of secrets as the service finds it, read from its beginning as far as it is wanted. The service finds parts of names
// and tags; it shows tags beside secrets for the first ten thousand only, behind which it lists secrets by name alone.
// Knows no React.

import type { CsmsClient, Secret, Tag } from "csms";

import { isForbidden } from "../app/forbidden";
import { isNarrow, type Search } from "./filter";

/** Secrets of the first request, which is answered soonest, and of each further one. */
const FIRST = 100;
const PAGE = 1000;
/** Places to go back when secrets before the next page have been deleted. */
const STEP_BACK = 500;
/** The last place at which the service begins a page of what it finds. */
const LAST_OFFSET = 9999;

export interface Found {
  /** The place behind the last secret that the service has listed. */
  listed: number;
  /** The beginning of what was found, in the order of names. */
  secrets: readonly Secret[];
  /** By the secret's identifier; secrets behind the first ten thousand are left out. */
  tags: ReadonlyMap<string, readonly Tag[]>;
  /** How many there are; unknown to somebody who may not search. */
  total: number | undefined;
  /** Whether there is nothing to be read any more. */
  isEnd: boolean;
  /** Whether the service does not list all that it finds. */
  isCut: boolean;
  /** Whether the service has searched. Where the person may not search, these are all secrets. */
  isSearched: boolean;
}

/** Secrets that are looked through, without being asked for, by what the service cannot look up. */
export const LOOKED_THROUGH = 10_000;

const NONE: Found = {
  listed: 0,
  secrets: [],
  tags: new Map(),
  total: undefined,
  isEnd: false,
  isCut: false,
  isSearched: true,
};

/** Clients whose person may not search. */
const denied = new WeakSet<CsmsClient>();

/** Lets the next listing try again whether the person may search. */
export const forgetDenial = (client: CsmsClient): boolean => denied.delete(client);

export const ALL: Search = { names: [], tags: [] };

/** What is listed for a search: all secrets for somebody who may not search, to be looked through whatever is searched. */
export const searchFor = (client: CsmsClient, search: Search): Search => (denied.has(client) ? ALL : search);

/** How many secrets of that list a page needs that shows `least`. */
export const wantedFor = (client: CsmsClient, search: Search, least: number): number =>
  denied.has(client) && isNarrow(search) && least > 0 ? Math.max(least, LOOKED_THROUGH) : least;

export class Listing {
  readonly #client: CsmsClient;
  readonly #search: Search;
  #found = NONE;

  constructor(client: CsmsClient, search: Search) {
    this.#client = client;
    this.#search = search;
  }

  /** What has been read so far. */
  get found(): Found {
    return this.#found;
  }

  /** Whether `wanted` secrets or all are there. */
  isEnough(wanted: number): boolean {
    return this.#found.isEnd || this.#found.secrets.length >= wanted;
  }

  /** Reads on until there is enough, and calls `onPage` after each request. */
  async read(wanted: number, signal: AbortSignal, onPage: (found: Found) => void): Promise<void> {
    while (!this.isEnough(wanted)) {
      const next = await this.#next(this.#found.listed === 0 ? FIRST : PAGE, signal);
      if (signal.aborted) return;
      this.#found = next;
      onPage(next);
    }
  }

  async #next(limit: number, signal: AbortSignal): Promise<Found> {
    const { listed, isSearched } = this.#found;
    if (!denied.has(this.#client) && listed - 1 <= LAST_OFFSET) {
      try {
        return await this.#byPlace(limit, signal);
      } catch (error) {
        if (!isForbidden(error)) throw error;
        denied.add(this.#client);
      }
    }
    if (listed > 0 && isSearched && isNarrow(this.#search)) {
      return { ...this.#found, isEnd: true, isCut: true };
    }
    return this.#byName(limit, signal);
  }

  /** The page behind what is there; it begins with the last secret that is, which shows that none between them is left out. */
  async #byPlace(limit: number, signal: AbortSignal): Promise<Found> {
    const { secrets, listed } = this.#found;
    const last = secrets.at(-1)?.name ?? "";
    let offset = Math.max(0, listed - 1);
    let page = await this.#pageAt(offset, limit, signal);
    // Secrets that were deleted before this place have moved others before it.
    while (offset > 0 && !((page.resources?.[0]?.resource_detail.name ?? "\uffff") <= last)) {
      offset = Math.max(0, offset - STEP_BACK);
      page = await this.#pageAt(offset, limit, signal);
    }
    const { resources = [], total_count } = page;
    const known = new Map(this.#found.tags);
    for (const { resource_id, tags: own } of resources) known.set(resource_id, own);
    const end = offset + resources.length;
    return {
      listed: end,
      secrets: this.#joined(resources.map(({ resource_detail }) => resource_detail)),
      tags: known,
      total: total_count,
      isEnd: resources.length === 0 || end >= total_count,
      isCut: false,
      isSearched: true,
    };
  }

  #pageAt(offset: number, limit: number, signal: AbortSignal): ReturnType<CsmsClient["listResourceInstances"]> {
    const { names, tags } = this.#search;
    const request = {
      action: "filter" as const,
      limit: String(limit),
      offset: String(offset),
      ...(names.length > 0 && { matches: names.map((value) => ({ key: "resource_name" as const, value })) }),
      ...(tags.length > 0 && { tags: tags.map(({ key, value }) => ({ key, ...(value && { values: [value] }) })) }),
    };
    return this.#client.listResourceInstances(request, { signal });
  }

  async #byName(limit: number, signal: AbortSignal): Promise<Found> {
    const marker = this.#found.secrets.at(-1)?.name;
    const { secrets, page_info } = await this.#client.listSecrets({ limit, ...(marker && { marker }) }, { signal });
    return {
      ...this.#found,
      listed: this.#found.listed + secrets.length,
      secrets: this.#joined(secrets),
      isEnd: secrets.length === 0 || !page_info.next_marker || page_info.next_marker === marker,
      isSearched: !denied.has(this.#client),
    };
  }

  /** What is there already and what is new of a page. */
  #joined(page: readonly Secret[]): Secret[] {
    const seen = new Set(this.#found.secrets.map(({ id }) => id));
    return [...this.#found.secrets, ...page.filter(({ id }) => !seen.has(id))];
  }
}
