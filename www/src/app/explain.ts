// Errors in words: what happened, and what a person can do.

import { CsmsError } from "csms";

import { ClipboardRefused } from "./clipboard";
import type { Translate } from "./language";

export interface Explanation {
  what: string;
  next: string;
  requestId?: string;
}

const KNOWN: Record<string, [what: string, next: string]> = {
  "client/network": [
    "The service cannot be reached.",
    "Check that the server runs and that you are connected, then try again.",
  ],
  "client/timeout": ["The service did not answer in time.", "Try again; if it stays so, look at the server's log."],
  "client/crashed": ["The rules of this page have failed.", "Reload the page and sign in again."],
  "CSMS.0101": ["A secret of this name exists.", "Choose another name, or add a version to the existing secret."],
  "CSMS.0106": ["There is no such secret.", "It may have been deleted, or it belongs to another project."],
  "CSMS.0109": ["The secret is not enabled.", "Enable or restore it first."],
  "CSMS.0103": ["The secret is scheduled for deletion.", "Restore it first."],
  "CSMS.0202": [
    "The project has as many secrets as it may have.",
    "Delete one that is not needed, or have the quota raised.",
  ],
  "CSMS.0302": ["You are not allowed to do this.", "Ask an administrator for a policy that allows it."],
  "CSMS.0503": ["A rotation of this secret is running.", "Wait until it has ended."],
  "CSMS.0401": [
    "The KMS key of the value cannot be used.",
    "Check that the key exists, is enabled and that you may use it, then try again.",
  ],
  "KMS.0101": ["A key of this alias exists.", "Choose another alias."],
  "KMS.0202": ["The project has as many keys as it may have.", "Delete one that is not needed."],
  "IAM.0101": ["There is one of this name.", "Choose another name."],
  "APIGW.0308": ["Too many requests.", "Wait a moment, then try again."],
};

/** The failure in two sentences. */
export function explain(error: unknown, t: Translate): Explanation {
  if (error instanceof ClipboardRefused) {
    return {
      what: t("The browser does not let this page copy."),
      next: t("Reveal the value and copy it by hand, or open the console over HTTPS."),
    };
  }
  if (!(error instanceof CsmsError)) {
    return { what: t("Something went wrong in this page."), next: t("Reload the page and sign in again.") };
  }
  const trace = error.requestId === undefined ? {} : { requestId: error.requestId };
  if (error.status === 401) {
    return {
      what: t("The service does not accept your sign-in."),
      next: t("Check what you typed and the clock of this computer; an expired sign-in needs a new one."),
      ...trace,
    };
  }
  const known = KNOWN[error.code] ?? (error.status === 403 ? KNOWN["CSMS.0302"] : undefined);
  if (known) return { what: t(known[0]), next: t(known[1]), ...trace };
  const next = error.retryable
    ? "Try again; if it stays so, look at the server's log."
    : "Change the request and try again.";
  return { what: error.message, next: t(next), ...trace };
}
