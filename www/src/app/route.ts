// Where in the console one is: the fragment of the address. It holds names and what a list is narrowed to, never values.

import { useCallback, useSyncExternalStore } from "react";

import { mayLeave } from "./leaving";

export type SecretTab = "overview" | "versions" | "rotation" | "access" | "tags" | "new-version";
const TABS: readonly string[] = [
  "overview",
  "versions",
  "rotation",
  "access",
  "tags",
  "new-version",
] satisfies SecretTab[];

export type Route =
  | {
      page:
        | "overview"
        | "secrets"
        | "create"
        | "import"
        | "tasks"
        | "events"
        | "keys"
        | "users"
        | "policies"
        | "audit"
        | "account"
        | "components"
        | "missing";
    }
  | { page: "secret"; name: string; tab: SecretTab }
  | { page: "user"; id: string };

const PAGES: Record<string, Route> = {
  "": { page: "secrets" },
  overview: { page: "overview" },
  secrets: { page: "secrets" },
  create: { page: "create" },
  import: { page: "import" },
  tasks: { page: "tasks" },
  events: { page: "events" },
  keys: { page: "keys" },
  users: { page: "users" },
  policies: { page: "policies" },
  audit: { page: "audit" },
  account: { page: "account" },
  components: { page: "components" },
};

/** The path of a fragment and what is after its question mark. */
function split(hash: string): [path: string, query: string] {
  const [path = "", ...query] = hash.replace(/^#\/?/, "").split("?");
  return [path, query.join("?")];
}

/** The page that a fragment names. Text that is not properly encoded names none. */
export function parseRoute(hash: string): Route {
  try {
    const [first = "", name, tab = "overview"] = split(hash)[0].split("/").map(decodeURIComponent);
    if (first === "secrets" && name && TABS.includes(tab)) return { page: "secret", name, tab: tab as SecretTab };
    if (first === "users" && name) return { page: "user", id: name };
    const page = name === undefined && Object.hasOwn(PAGES, first) ? PAGES[first] : undefined;
    return page ?? { page: "missing" };
  } catch {
    return { page: "missing" };
  }
}

export const secretPath = (name: string, tab: SecretTab = "overview") =>
  `#/secrets/${encodeURIComponent(name)}${tab === "overview" ? "" : `/${tab}`}`;

export const userPath = (id: string) => `#/users/${encodeURIComponent(id)}`;

/** A page with parameters; those without a value are left out. */
export function withParameters(path: string, parameters: Record<string, string>): string {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== "")).toString();
  return query === "" ? path : `${path}?${query}`;
}

export function go(path: string): void {
  location.hash = path;
}

/** How often another place was shown. */
let arrivals = 0;

/**
 * Leads on from the place that is shown now, when what was begun there is done; does nothing if the person has gone elsewhere
 * since, as they may be busy there.
 */
export function onward(): (path: string, prepare?: () => void) => void {
  const from = arrivals;
  return (path, prepare) => {
    if (arrivals !== from) return;
    prepare?.();
    go(path);
  };
}

/** The place that is shown. It lags behind the address while a person is asked whether to leave. */
let shown = location.hash;
/** The number of the place in the history, which keeps it. */
let place = numberOf(history.state) ?? 0;
/** How long the history was at the place: a link that opens another one changes that, the browser's own buttons do not. */
let length = history.length;
/** Ends what waits for the history to come back to the place, while it is on its way there. */
let returning: ReturnType<typeof setTimeout> | undefined;
/** The longest that the history may take to come back, in milliseconds. */
const RETURN = 1000;
/** How far each place was scrolled when it was left. */
const scrolled = new Map<number, number>();
const listeners = new Set<() => void>();

function numberOf(state: unknown): number | undefined {
  const { place } = (state ?? {}) as { place?: unknown };
  return typeof place === "number" ? place : undefined;
}

function notifyAll(): void {
  for (const notify of listeners) notify();
}

history.replaceState({ place }, "");
addEventListener("hashchange", () => {
  if (location.hash === shown) endReturn();
  else if (returning !== undefined) comeBack();
  // Links and the browser's own buttons change the address before anybody can be asked.
  else if (mayLeave()) arrive();
  else goBack(numberOf(history.state));
});

/** Shows the place that the address names. */
function arrive(): void {
  scrolled.set(place, scrollY);
  const known = numberOf(history.state);
  if (known === undefined) {
    // A new entry takes the place of all that were in front of the former one.
    for (const number of scrolled.keys()) if (number > place) scrolled.delete(number);
    history.replaceState({ place: place + 1 }, "");
  }
  place = known ?? place + 1;
  length = history.length;
  shown = location.hash;
  arrivals += 1;
  notifyAll();
}

/** Returns to the place that the person did not leave. */
function goBack(known: number | undefined): void {
  // An entry without a number is a new one, or an old one that was never shown; nothing says on which side that is.
  if (known === undefined && history.length === length) comeBack();
  else {
    returning = setTimeout(comeBack, RETURN);
    history.go(known === undefined ? -1 : place - known);
  }
}

function endReturn(): void {
  clearTimeout(returning);
  returning = undefined;
}

/** Opens the place that the person did not leave once more. */
function comeBack(): void {
  endReturn();
  place += 1;
  history.pushState({ place }, "", shown);
  length = history.length;
}

const subscribe = (notify: () => void) => {
  listeners.add(notify);
  return () => void listeners.delete(notify);
};

export function useRoute(): Route {
  return parseRoute(useSyncExternalStore(subscribe, () => shown));
}

/** How far the place was scrolled when it was left last; 0 for a place that is new. */
export const formerScroll = (): number => scrolled.get(place) ?? 0;

/** What a page is narrowed to, as its address says; and how a page says so, without a new entry in the history. */
export function useParameters(): [
  parameters: URLSearchParams,
  set: (change: Record<string, string | undefined>) => void,
] {
  const hash = useSyncExternalStore(subscribe, () => shown);
  const set = useCallback((change: Record<string, string | undefined>) => {
    const [path, query] = split(shown);
    const all = { ...Object.fromEntries(new URLSearchParams(query)), ...change };
    const kept = Object.fromEntries(Object.entries(all).map(([name, value]) => [name, value ?? ""]));
    shown = withParameters(`#/${path}`, kept);
    history.replaceState({ place }, "", shown);
    notifyAll();
  }, []);
  return [new URLSearchParams(split(hash)[1]), set];
}
