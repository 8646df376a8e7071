// Asks the service what a policy allows before it is stored, and which actions there are. The service judges; nothing is
// decided here.

import { isText, listIn, membersIn } from "../app/answer";
import type { Session } from "../app/session";
import { parseArray, parseObject, replaced, type Span, withItem } from "../value/json";

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

interface Dependent {
  action: string;
  on: string[];
}

function isDependent(item: unknown): item is Dependent {
  const { action, on } = membersIn(item);
  return isText(action) && Array.isArray(on) && on.every(isText);
}

/**
 * The lists of an answer as one.
 *
 * @throws CsmsError `client/unexpected-answer` for an answer of another form
 */
export function verdictOf(answer: unknown): PolicyVerdict {
  // An older server does not send these two.
  const whole = { depends: [], warnings: [], ...membersIn(answer) };
  const warnings = listIn(whole, "warnings", isText);
  const actions: JudgedAction[] = [
    ...listIn(whole, "allowed", isText).map((action) => ({ action, verdict: "allowed", on: [] }) as const),
    ...listIn(whole, "denied", isText).map((action) => ({ action, verdict: "denied", on: [] }) as const),
    ...listIn(whole, "depends", isDependent).map(({ action, on }) => ({ action, verdict: "depends", on }) as const),
  ];
  return { actions: actions.sort((one, other) => (one.action < other.action ? -1 : 1)), warnings };
}

const check = ({ ask, project }: Session, body: object) =>
  ask<unknown>("POST", `/v1/${project.id}/csms/permissions/check`, { actions: ["*"], ...body });

/** Judges every action by the policy alone, for one secret if one is named. */
export async function judgePolicy(session: Session, policy_document: string, secret: string): Promise<PolicyVerdict> {
  return verdictOf(await check(session, { policy_document, ...(secret && { secret_name: secret }) }));
}

/** Every action that the service judges, by name. */
export async function knownActions(session: Session): Promise<string[]> {
  return verdictOf(await check(session, {})).actions.map(({ action }) => action);
}

/** Changes a part of a text; `undefined` where it cannot be changed. */
type Change = (text: string) => string | undefined;

/**
 * The document with an action in its last statement, and every other character as it is; `undefined` where that has no place
 * for one.
 */
export const withAction = (text: string, action: string): string | undefined =>
  inMember(text, "Statement", (statements) =>
    inPart(statements, parseArray(statements)?.items.at(-1)?.span, (statement) =>
      inMember(statement, "Action", (actions) => withItemOnce(actions, action)),
    ),
  );

function withItemOnce(actions: string, action: string): string | undefined {
  // One action may be a text without a list.
  const list = actions.startsWith('"') ? `[${actions}]` : actions;
  const found = parseArray(list);
  if (!found?.items.every(({ type }) => type === "string")) return undefined;
  return found.items.some(({ text }) => text === action) ? actions : withItem(list, found, JSON.stringify(action));
}

/** Of equal keys the last counts. */
const inMember = (text: string, wanted: string, change: Change) =>
  inPart(text, parseObject(text)?.members.findLast(({ key }) => key === wanted)?.valueSpan, change);

function inPart(text: string, part: Span | undefined, change: Change): string | undefined {
  const changed = part && change(text.slice(part.start, part.end));
  return part && changed !== undefined ? replaced(text, part, changed) : undefined;
}
