// Errors in words: what happened, and what a person can do.

import { CsmsError } from "csms";

import { fieldWords, refusedFieldWords } from "../secrets/problemWords";
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

/** `named` where what the service says names the thing that is meant: a line of a policy, a secret among several. */
const KNOWN: Record<string, [what: string, next: string, named?: "named"]> = {
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
  exists: ["There is one already.", "Change that one, or choose another name.", "named"],
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
    "named",
  ],
  "CSMS.0005": ["This is not there any more.", "Somebody may have removed it. Reload the page."],
  "CSMS.0107": ["The deletion is scheduled already.", "Reload the page."],
  "CSMS.0108": ["The secret is not scheduled for deletion.", "Reload the page."],
  "CSMS.0110": ["This secret is a replica.", "Change its primary."],
  "CSMS.0111": ["The secret has replicas.", "Delete them first."],
  "CSMS.0203": ["The secret has as many stages as it may have.", "Delete one that is not needed."],
  "CSMS.0205": [
    "Every version of the secret has a stage, so that none makes room.",
    "Remove a stage from a version first.",
  ],
  "CSMS.0206": ["The secret has as many tags as it may have.", "Delete one that is not needed."],
  "CSMS.0207": ["Secrets notify by this event.", "Remove it from them first."],
  "CSMS.0208": ["The secret has as many grants as it may have.", "Delete one that is not needed."],
  "CSMS.0209": ["The project has as many events as it may have.", "Delete one that is not needed."],
  "CSMS.0402": ["The Key Management Service does not answer.", "Try again; if it stays so, look at the server's log."],
  "CSMS.0502": ["A setting that the rotation needs is missing.", "Look at the secret's rotation.", "named"],
  "PAP5.0011": ["The service does not accept this policy.", "Change what is named below, then try again.", "named"],
  "IAM.0102": ["The current state does not allow this.", "Reload the page.", "named"],
  "KMS.0101": ["A key of this alias exists.", "Choose another alias."],
  "KMS.0202": ["The project has as many keys as it may have.", "Delete one that is not needed."],
  "IAM.0101": ["There is one of this name.", "Choose another name."],
  "CSMS.0602": ["The current password is not right.", "Type it again; after some wrong ones you have to wait."],
  "CSMS.0603": ["Too many wrong passwords.", "Wait some minutes, then try again."],
  "APIGW.0308": ["Too many requests.", "Wait a moment, then try again."],
};

const known = (code: string) => (Object.hasOwn(KNOWN, code) ? KNOWN[code] : undefined);

/** What a code of the service means, in a few words; `undefined` for one that has none here. */
export function codeWords(code: string, t: Translate): string | undefined {
  const words = known(code);
  return words && t(words[0]);
}

/** Grants, events and replicas that exist have the code of secrets that do. */
const isOfSecret = (message: string) => message.startsWith("A secret of this name already exists");

/** Why the service has refused one of several, in words; it gives a sentence without a code there. */
export const refusalWords = (message: string, t: Translate): string =>
  refusedFieldWords(message, t) ??
  (isOfSecret(message) ? t("A secret of this name exists.") : t("The service refuses this."));

/** The failure in two sentences. What somebody else has worded is the detail. */
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
  // Endpoints that are not operations of the client have their codes beside it.
  const code = error.code === "client/unknown-code" ? (error.serviceCode ?? "") : error.code;
  const words =
    known(code === "CSMS.0101" && !isOfSecret(error.message) ? "exists" : code) ??
    (error.status === 403 ? known("CSMS.0302") : undefined);
  if (words) {
    // A proxy that answers for a service that is away says how.
    const status = error.code === "client/network" && error.status !== undefined ? ` (${error.status})` : "";
    const [what, next, named] = words;
    return { what: t(what) + status, next: t(next), ...(named && { detail: error.message }), ...trace };
  }
  if (error.code === "input/invalid" && (error.field === "accessKey" || error.field === "token")) {
    return {
      what: t("The access key holds a character that no access key has."),
      next: t("Copy it again: letters and digits alone, without spaces or line breaks."),
    };
  }
  const detail = { detail: error.message, ...trace };
  const field = error.field === undefined ? refusedFieldWords(error.message, t) : fieldWords(error.field, t);
  if (field !== undefined) return { what: field, next: t("Change it and try again."), ...detail };
  if ((error.status ?? 0) >= 500) {
    return {
      what: t("The service failed."),
      next: t("Try again; if it stays so, look at the server's log."),
      ...detail,
    };
  }
  return {
    what: error.status === undefined ? t("What was typed is not allowed here.") : t("The service refuses this."),
    next: error.retryable
      ? t("Try again; if it stays so, look at the server's log.")
      : t("Change the request and try again."),
    ...detail,
  };
}
