// What one asks the audit trail for.

import type { ListTracesRequest, Trace } from "csms";

import type { Translate } from "../app/language";

export type Span = "hour" | "day" | "week" | "all";
export type Rating = "all" | Trace["trace_rating"];

export interface Filter {
  /** Name of a secret, a user or a policy, or identifier of a key. */
  resource: string;
  /** The operation. */
  name: string;
  user: string;
  span: Span;
  rating: Rating;
}

export const EVERYTHING: Filter = { resource: "", name: "", user: "", span: "all", rating: "all" };

const SPAN_NAMES: readonly string[] = ["hour", "day", "week"];
const RATINGS: readonly string[] = ["normal", "warning"];

/** What an address asks for; what it says wrongly is left out. */
export function filterFrom(parameters: URLSearchParams): Filter {
  const [span, rating] = [parameters.get("span") ?? "", parameters.get("rating") ?? ""];
  return {
    resource: parameters.get("resource") ?? "",
    name: parameters.get("operation") ?? "",
    user: parameters.get("user") ?? "",
    span: SPAN_NAMES.includes(span) ? (span as Span) : "all",
    rating: RATINGS.includes(rating) ? (rating as Rating) : "all",
  };
}

/** The parameters that say it; those that say nothing are empty. */
export const parametersOf = ({ resource, name, user, span, rating }: Filter): Record<string, string> => ({
  resource: resource.trim(),
  operation: name.trim(),
  user: user.trim(),
  span: span === "all" ? "" : span,
  rating: rating === "all" ? "" : rating,
});

/** Records as CSV (RFC 4180); times are in UTC. */
export function csvOf(traces: readonly Trace[]): string {
  const quoted = (text: string) => `"${(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
  const lines = traces.map((trace) => {
    const { outcome, version, count } = saidBy(trace);
    return [
      new Date(trace.time).toISOString(),
      trace.trace_name,
      trace.resource_name ?? trace.resource_id ?? "",
      version ?? "",
      trace.user.name,
      outcome,
      trace.source_ip ?? "",
      trace.request_id ?? "",
      String(count ?? 1),
    ]
      .map(quoted)
      .join(",");
  });
  return `${["time,operation,resource,version,user,outcome,address,request,count", ...lines].join("\r\n")}\r\n`;
}

const HOUR = 3_600_000;
const SPANS: Record<Exclude<Span, "all">, number> = { hour: HOUR, day: 24 * HOUR, week: 7 * 24 * HOUR };

/** Records on a page. */
const PAGE = 100;

/** The request; without a span the service would look at the last hour only. */
export function requestOf(
  { resource, name, user, span, rating }: Filter,
  now: number,
  next?: string,
): ListTracesRequest {
  return {
    limit: PAGE,
    from: span === "all" ? 0 : now - SPANS[span],
    to: now,
    ...(resource.trim() && { resource_name: resource.trim() }),
    ...(name.trim() && { trace_name: name.trim() }),
    ...(user.trim() && { user: user.trim() }),
    ...(rating !== "all" && { trace_rating: rating }),
    ...(next !== undefined && { next }),
  };
}

/** Who did it, in words: a user, a function on behalf of one, a task of the service. */
export function whoDid({ user }: Pick<Trace, "user">, t: Translate): string {
  const [, name, by] = /^(.+) through (\S+)$/.exec(user.name) ?? [];
  if (name !== undefined && by !== undefined) return t("{name} through {function}", { name, function: by });
  const task = /^rotation task (\S+)$/.exec(user.name)?.[1];
  if (task !== undefined) return t("rotation task {task}", { task });
  return user.name || t("the service");
}

/** What the record itself says: `OK` or the code of the refusal, and how many equal ones it stands for. */
export function saidBy({ message, code }: Trace): { outcome: string; version?: string; count?: number } {
  const said = JSON.parse(message) as { outcome?: string; version_id?: string; count?: number };
  return {
    outcome: said.outcome ?? code,
    ...(said.version_id !== undefined && { version: String(said.version_id) }),
    ...(said.count !== undefined && { count: said.count }),
  };
}

/** A text with the beginnings of its identifiers; the audit trail has the whole. */
export const shortened = (text: string) => text.replace(/([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f-]{22}/g, "$1…");
