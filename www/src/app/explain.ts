// Errors in words: what happened, and what a person can do.

import { CsmsError } from "csms";
import { refusedFieldWords } from "../secrets/problemWords";
import { SealedTooLong } from "../value/sealing";
import { ClipboardRefused } from "./clipboard";
import type { Translate } from "./language";

export interface Explanation {
  what: string;
  next: string;
  requestId?: string;
  /** What the service said itself, in its own words. */
  detail?: string;
}

const KNOWN: Record<string, [what: string, next: string]> = {
  "client/network": [
    "The service cannot be reached.",
    "Check that the server runs and that you are connected, then try again.",
  ],
  "client/module-missing": [
    "A part of the console is missing on the server.",
    "The installation is damaged, or was upgraded just now: reload the page. If it stays so, install the server again.",
  ],
  "client/not-webassembly": [
    "A part of the console is missing on the server.",
    "The installation is damaged, or was upgraded just now: reload the page. If it stays so, install the server again.",
  ],
  "client/content-policy": [
    "The browser does not let this page run its rules.",
    "A proxy before the server sends a content policy without 'wasm-unsafe-eval'. Have it send the server's own.",
  ],
  "client/redirect": [
    "The server's address leads elsewhere.",
    "A proxy before the server redirects its calls. Open the console at the address that it leads to.",
  ],
  "client/unexpected-answer": [
    "The answer is not one of the service.",
    "A proxy before the server may have answered in its place. Try again; if it stays so, look at the server's log.",
  ],
  "client/unsupported": ["The browser's cryptography has failed.", "Try again, or use another browser."],
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
  "CSMS.0602": ["The current password is not right.", "Type it again; after some wrong ones you have to wait."],
  "CSMS.0603": ["Too many wrong passwords.", "Wait some minutes, then try again."],
  "APIGW.0308": ["Too many requests.", "Wait a moment, then try again."],
};

/** What a code of the service means, in a few words; `undefined` for one that has none here. */
export const codeWords = (code: string, t: Translate): string | undefined => KNOWN[code] && t(KNOWN[code][0]);

/** The failure in two sentences. */
export function explain(error: unknown, t: Translate): Explanation {
  if (error instanceof ClipboardRefused) {
    return {
      what: t("The browser does not let this page copy."),
      next: t("Reveal the value and copy it by hand, or open the console over HTTPS."),
    };
  }
  if (error instanceof SealedTooLong) {
    return {
      what: t("Sealed, the value has {got} bytes; at most {limit} fit.", { got: error.got, limit: error.most }),
      next: t("Sealing makes a value a third longer. Shorten it, or save it without sealing."),
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
  if (known) {
    // A proxy that answers for a service that is away says how.
    const status = error.code === "client/network" && error.status !== undefined ? ` (${error.status})` : "";
    return { what: t(known[0]) + status, next: t(known[1]), ...trace };
  }
  const field = refusedFieldWords(error.message, t);
  if (field !== undefined) return { what: field, next: t("Change it and try again."), detail: error.message, ...trace };
  if ((error.status ?? 0) >= 500) {
    return {
      what: t("The service failed."),
      next: t("Try again; if it stays so, look at the server's log."),
      detail: error.message,
      ...trace,
    };
  }
  if (error.code === "input/invalid" && (error.field === "accessKey" || error.field === "token")) {
    return {
      what: t("The access key holds a character that no access key has."),
      next: t("Copy it again: letters and digits alone, without spaces or line breaks."),
    };
  }
  const next = error.retryable
    ? "Try again; if it stays so, look at the server's log."
    : "Change the request and try again.";
  return { what: error.message, next: t(next), ...trace };
}
