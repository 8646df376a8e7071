// Asks the service what a policy allows before it is stored, and which actions there are. The service judges; nothing is
// decided here.

import type { Session } from "../app/session";

/** What was judged of an action. */
export interface JudgedAction {
  action: string;
  verdict: "allowed" | "depends" | "denied";
  /** Condition keys that it depends on, and `Resource` for the name of the resource. */
  on: readonly string[];
}

export interface PolicyVerdict {
  /** By name. */
  actions: readonly JudgedAction[];
  /** What in the policy means nothing to the service, though it may be stored. */
  warnings: readonly string[];
}

interface Answer {
  allowed: string[];
  denied: string[];
  depends?: { action: string; on: string[] }[];
  warnings?: string[];
}

/** The lists of an answer as one. */
export function verdictOf({ allowed, denied, depends = [], warnings = [] }: Answer): PolicyVerdict {
  const actions: JudgedAction[] = [
    ...allowed.map((action) => ({ action, verdict: "allowed", on: [] }) as const),
    ...denied.map((action) => ({ action, verdict: "denied", on: [] }) as const),
    ...depends.map(({ action, on }) => ({ action, verdict: "depends", on }) as const),
  ];
  return { actions: actions.sort((one, other) => (one.action < other.action ? -1 : 1)), warnings };
}

const check = ({ ask, project }: Session, body: object) =>
  ask<Answer>("POST", `/v1/${project.id}/csms/permissions/check`, { actions: ["*"], ...body });

/** Judges every action by the policy alone, for one secret if one is named. */
export async function judgePolicy(session: Session, policy_document: string, secret: string): Promise<PolicyVerdict> {
  return verdictOf(await check(session, { policy_document, ...(secret && { secret_name: secret }) }));
}

/** Every action that the service judges, by name. */
export async function knownActions(session: Session): Promise<string[]> {
  return verdictOf(await check(session, {})).actions.map(({ action }) => action);
}

/** The document with an action in its last statement; `undefined` where that has no place for one. */
export function withAction(text: string, action: string): string | undefined {
  let document: { Statement?: { Action?: unknown }[] };
  try {
    document = JSON.parse(text);
  } catch {
    return undefined;
  }
  const statements = document?.Statement;
  const actions = Array.isArray(statements) ? statements.at(-1)?.Action : undefined;
  if (!Array.isArray(actions)) return undefined;
  if (!actions.includes(action)) actions.push(action);
  return JSON.stringify(document, null, 2);
}
