// Where in the console one is: the fragment of the address. It holds names, never values.

import { useSyncExternalStore } from "react";

import { mayLeave } from "./leaving";

export type SecretTab = "overview" | "versions" | "rotation" | "tags";
const TABS: readonly string[] = ["overview", "versions", "rotation", "tags"] satisfies SecretTab[];

export type Route =
  | { page: "secrets" | "create" | "tasks" | "events" | "keys" | "users" | "policies" | "audit" | "missing" }
  | { page: "secret"; name: string; tab: SecretTab }
  | { page: "user"; id: string };

const PAGES: Record<string, Route> = {
  "": { page: "secrets" },
  secrets: { page: "secrets" },
  create: { page: "create" },
  tasks: { page: "tasks" },
  events: { page: "events" },
  keys: { page: "keys" },
  users: { page: "users" },
  policies: { page: "policies" },
  audit: { page: "audit" },
};

export function parseRoute(hash: string): Route {
  const [first = "", name, tab = "overview"] = hash.replace(/^#\/?/, "").split("/");
  if (first === "secrets" && name && TABS.includes(tab)) return { page: "secret", name, tab: tab as SecretTab };
  if (first === "users" && name) return { page: "user", id: name };
  return (name === undefined ? PAGES[first] : undefined) ?? { page: "missing" };
}

export const secretPath = (name: string, tab: SecretTab = "overview") =>
  `#/secrets/${encodeURIComponent(name)}${tab === "overview" ? "" : `/${tab}`}`;

export const userPath = (id: string) => `#/users/${encodeURIComponent(id)}`;

export function go(path: string): void {
  location.hash = path;
}

/** The place that is shown. It lags behind the address while a person is asked whether to leave. */
let shown = location.hash;

const subscribe = (notify: () => void) => {
  const follow = () => {
    if (location.hash === shown) return;
    if (mayLeave()) {
      shown = location.hash;
      notify();
    } else {
      // Links and the browser's own buttons change the address before anybody can be asked.
      location.hash = shown;
    }
  };
  addEventListener("hashchange", follow);
  return () => removeEventListener("hashchange", follow);
};

export function useRoute(): Route {
  return parseRoute(useSyncExternalStore(subscribe, () => shown));
}
