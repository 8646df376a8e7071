// A dry run: the secret's function is asked what a rotation would do now. It changes nothing.

import { type Message, parseFunctionUrn, parseRotationConfig, type Secret } from "csms";

import { membersIn, unexpectedAnswer } from "../app/answer";
import type { Session } from "../app/session";

/** How long the login that SYSCURRENT holds goes on working during a rotation. */
export type Overlap = "two-accounts" | "until-next-rotation" | "none";

/** What the function answers; texts are its own, in English, with messages beside them where it sends them. */
export interface DryRunReport {
  status: "DRY_RUN";
  would_succeed: boolean;
  account?: string;
  account_detail?: Message;
  overlap?: Overlap;
  /** What stands in the way, or would make the overlap longer. */
  missing: string[];
  missing_detail?: Message[];
  /** `taken` steps only looked. */
  steps: { step: string; taken: boolean; outcome: string; outcome_detail?: Message }[];
  error_code?: string;
  error_msg?: string;
  error_detail?: Message;
}

/** The version of the event for dry runs; a function that knows none refuses it. */
const EVENT_VERSION = "2";

/** Invokes the function through FunctionGraph's API, which the server has for the functions that it runs. */
export async function dryRun({ ask, project }: Session, secret: Secret): Promise<DryRunReport> {
  const { rotation_func_urn: urn = "", rotation_config: config = "" } = secret;
  const parsed = parseFunctionUrn(urn);
  const read = parseRotationConfig(config);
  const event = {
    version: EVENT_VERSION,
    attempt: 1,
    project_id: project.id,
    secret_name: secret.name,
    secret_type: secret.secret_type,
    operate_type: read.ok && read.value.mode === "MultiUser" ? "MULTI_USER" : "SINGLE_USER",
    rotation_config: JSON.parse(config || "{}") as unknown,
    csms_endpoint: location.origin,
    dry_run: true,
  };
  const owner = encodeURIComponent(parsed.ok ? parsed.value.project_id : project.id);
  const answer = await ask<unknown>("POST", `/v2/${owner}/fgs/functions/${encodeURIComponent(urn)}/invocations`, event);
  const report = membersIn(answer) as Partial<DryRunReport>;
  if (report.status !== "DRY_RUN") throw unexpectedAnswer("the function answered no report of a dry run");
  return { missing: [], steps: [], would_succeed: false, ...report, status: "DRY_RUN" };
}
