// Where in the console one is: the fragment of the address. It holds names, never values.

import { useSyncExternalStore } from "react";

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

const subscribe = (notify: () => void) => {
  addEventListener("hashchange", notify);
  return () => removeEventListener("hashchange", notify);
};

export function useRoute(): Route {
  return parseRoute(useSyncExternalStore(subscribe, () => location.hash));
}
