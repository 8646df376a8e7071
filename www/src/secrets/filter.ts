// Which secrets a person wants to see and in which order, how the address of the list says so, and which part of it the
// service finds. Pure.

import type { Secret, SecretState, Tag, Task } from "csms";

import { healthOf, isManual } from "../rotation/health";

export type Column = "name" | "next" | "used" | "changed";

export interface Filter {
  /** Parts of names, and tags as `key=value`, between spaces. */
  text: string;
  /** Whether the parts may be in descriptions too. */
  withDescriptions: boolean;
  state: SecretState | "ANY";
  type: "ANY" | "COMMON" | "ROTATED" | "DUE" | "FAILING" | "MANUAL" | "UNUSED";
  /** A tag as `tagText` writes it; empty for any. */
  tag: string;
}

export interface Order {
  by: Column;
  isDescending: boolean;
}

/** A tag; without a value, it is one with any. */
export interface WantedTag {
  key: string;
  value?: string;
}

/** What the service looks up: parts of names and tags, all of which a secret must have. */
export interface Search {
  names: readonly string[];
  tags: readonly WantedTag[];
}

export const EVERYTHING: Filter = { text: "", withDescriptions: false, state: "ANY", type: "ANY", tag: "" };
export const BY_NAME: Order = { by: "name", isDescending: false };

const STATES: readonly string[] = ["ENABLED", "DISABLED", "PENDING_DELETE", "FROZEN"];
const TYPES: readonly string[] = ["COMMON", "ROTATED", "DUE", "FAILING", "MANUAL", "UNUSED"];
const COLUMNS: readonly string[] = ["name", "next", "used", "changed"];

/** What an address asks for; what it says wrongly is left out. */
export function filterFrom(parameters: URLSearchParams): Filter {
  const [state, type] = [parameters.get("state") ?? "", parameters.get("type") ?? ""];
  return {
    text: parameters.get("q") ?? "",
    withDescriptions: parameters.get("in") === "descriptions",
    state: STATES.includes(state) ? (state as Filter["state"]) : "ANY",
    type: TYPES.includes(type) ? (type as Filter["type"]) : "ANY",
    tag: parameters.get("tag") ?? "",
  };
}

export function orderFrom(parameters: URLSearchParams): Order {
  const sort = parameters.get("sort") ?? "";
  const by = sort.replace(/^-/, "");
  return COLUMNS.includes(by) ? { by: by as Column, isDescending: sort.startsWith("-") } : BY_NAME;
}

/** The number of the page, from 0. */
export const pageFrom = (parameters: URLSearchParams): number =>
  Math.max(0, (Number.parseInt(parameters.get("page") ?? "1", 10) || 1) - 1);

/** The parameters that say it; those that say nothing are empty. */
export function parametersOf({ text, withDescriptions, state, type, tag }: Filter): Record<string, string> {
  return {
    q: text,
    // It says nothing without words.
    in: withDescriptions && text !== "" ? "descriptions" : "",
    state: state === "ANY" ? "" : state,
    type: type === "ANY" ? "" : type,
    tag,
  };
}

export const sortOf = ({ by, isDescending }: Order): string =>
  by === "name" && !isDescending ? "" : `${isDescending ? "-" : ""}${by}`;

const DAY = 86_400_000;
/** A secret that nobody has read for this long may be no longer needed. */
const UNUSED = 90 * DAY;

/** What is known of secrets beside what the list says. */
export interface Knowledge {
  /** The last rotation of each secret, by name. */
  tasks: ReadonlyMap<string, Task>;
  /** Tags of secrets, by identifier. */
  tags: ReadonlyMap<string, readonly Tag[]>;
}

export const NOTHING_KNOWN: Knowledge = { tasks: new Map(), tags: new Map() };

function isOfType(secret: Secret, type: Filter["type"], { tasks }: Knowledge, now: number): boolean {
  switch (type) {
    case "COMMON":
      return secret.secret_type === "COMMON";
    case "ROTATED":
      return secret.secret_type !== "COMMON";
    case "DUE":
      return (secret.next_rotation_time ?? Number.POSITIVE_INFINITY) < now + 7 * DAY;
    case "FAILING":
      return ["failing", "overdue"].includes(healthOf(secret, tasks, now));
    case "MANUAL":
      return isManual(secret);
    case "UNUSED":
      return (secret.last_used_time ?? secret.create_time) < now - UNUSED;
    default:
      return true;
  }
}

/** `key` or `key=value`. A `=` in the key is written as `%3D`; no key has a `%`. */
export const tagText = ({ key, value }: WantedTag): string =>
  key.replaceAll("=", "%3D") + (value === undefined ? "" : `=${value}`);

function tagOf(text: string): WantedTag {
  const [written = "", ...value] = text.split("=");
  const key = written.replaceAll("%3D", "=");
  return value.join("") === "" ? { key } : { key, value: value.join("=") };
}

/** Keys and values that the service takes (CreateSecretTag). */
const KEY = /^(?!\s|_sys_)[\p{Alphabetic}\p{N}\p{Z}_.:=+\-@]{1,128}(?<!\s)$/u;
const VALUE = /^[\p{Alphabetic}\p{N}\p{Z}_.:/=+\-@]{0,255}$/u;

const isTag = ({ key, value = "" }: WantedTag) => KEY.test(key) && VALUE.test(value);

const hasTag = (tags: readonly Tag[] | undefined, { key, value }: WantedTag) =>
  (tags ?? []).some((tag) => tag.key === key && (value === undefined || tag.value === value));

/** The parts of names and the tags that a filter says. */
function wordsOf({ text, tag }: Filter): Search {
  const words = text.split(/\s+/).filter(Boolean);
  const written = tag === "" ? [] : [tag.includes("=") ? tag : `${tag}=`];
  written.push(...words.filter((word) => word.includes("=")));
  // No name has the sign: what cannot be a tag is looked for as a name, and not found.
  const names = [...words.filter((word) => !word.includes("=")), ...written.filter((word) => !isTag(tagOf(word)))];
  return { names, tags: written.map(tagOf).filter(isTag) };
}

/** Most parts, and most tags, that the service takes. */
const MOST_WORDS = 10;
/** Most characters of a part that the service takes. No name has as many. */
const LONGEST_WORD = 255;

/** The part of a filter that the service finds. */
export function searchOf(filter: Filter): Search {
  const { names, tags } = wordsOf(filter);
  const parts = names.slice(0, MOST_WORDS).map((part) => [...part].slice(0, LONGEST_WORD).join(""));
  return { names: filter.withDescriptions ? [] : parts, tags: tags.slice(0, MOST_WORDS) };
}

export const isNarrow = ({ names, tags }: Search): boolean => names.length + tags.length > 0;

/** Whether all that the service finds has to be looked through for the rest of the filter, or put into another order. */
export function needsAll(filter: Filter, order: Order): boolean {
  const { names, tags } = wordsOf(filter);
  const isLeftOut = (filter.withDescriptions && names.length > 0) || Math.max(names.length, tags.length) > MOST_WORDS;
  return isLeftOut || filter.state !== "ANY" || filter.type !== "ANY" || sortOf(order) !== "";
}

export function matching(
  secrets: readonly Secret[],
  filter: Filter,
  knowledge: Knowledge = NOTHING_KNOWN,
  now = Date.now(),
): Secret[] {
  const { names, tags } = wordsOf(filter);
  const parts = names.map((part) => part.toLowerCase());
  return secrets.filter((secret) => {
    if (filter.state !== "ANY" && secret.state !== filter.state) return false;
    if (!isOfType(secret, filter.type, knowledge, now)) return false;
    const own = knowledge.tags.get(secret.id);
    if (!tags.every((wanted) => hasTag(own, wanted))) return false;
    const line = (filter.withDescriptions ? `${secret.name} ${secret.description}` : secret.name).toLowerCase();
    return parts.every((part) => line.includes(part));
  });
}

const TIMES: Record<Exclude<Column, "name">, (secret: Secret) => number | undefined> = {
  next: ({ next_rotation_time }) => next_rotation_time,
  used: ({ last_used_time }) => last_used_time,
  changed: ({ update_time }) => update_time,
};

const byName = (one: Secret, other: Secret) => (one.name < other.name ? -1 : one.name > other.name ? 1 : 0);

/** In order; secrets without the time stand last whatever the direction. */
export function ordered(secrets: readonly Secret[], { by, isDescending }: Order): Secret[] {
  const sign = isDescending ? -1 : 1;
  if (by === "name") return secrets.toSorted((one, other) => sign * byName(one, other));
  const time = TIMES[by];
  return secrets.toSorted((one, other) => {
    const [left, right] = [time(one), time(other)];
    if (left === right) return byName(one, other);
    if (left === undefined) return 1;
    if (right === undefined) return -1;
    return sign * (left - right);
  });
}
