// Failures of rotations in words, and what to do next.

import type { Task } from "csms";

export interface FailureWords {
  what: string;
  next: string;
}

const WORDS: Record<string, FailureWords> = {
  "CSMS.0511": {
    what: "The rotation function ran and reported a failure.",
    next: "Read its message below. Usually the database could not be reached or refused the login; mend that, then rotate again.",
  },
  "CSMS.0512": {
    what: "The rotation function could not be invoked.",
    next: "Check that the function of this URN exists and is running, then rotate again.",
  },
  "CSMS.0513": {
    what: "The function reported success, but the stages were not moved.",
    next: "Check which password the database accepts and move SYSCURRENT to that version, or rotate again.",
  },
  "CSMS.0514": { what: "The secret was deleted while it was rotated.", next: "Nothing is left to do." },
  "CSMS.0109": { what: "The secret was not enabled.", next: "Enable or restore it, then rotate again." },
  "CSMS.0401": {
    what: "The KMS key of the value cannot be used.",
    next: "Check that the key exists and is enabled, then rotate again.",
  },
};

/** By the code that the rotation function reports. */
const REPORTED: Record<string, FailureWords> = {
  ROTATION_UNAVAILABLE: {
    what: "The database did not answer.",
    next: "Check that it runs and that the server reaches it; the password is the old one. Then rotate again.",
  },
  ROTATION_SERVICE_UNAVAILABLE: {
    what: "The secret service did not answer the rotation function.",
    next: "Check that the function reaches the server at its public address; the password is the old one. Then rotate again.",
  },
  ROTATION_UNFINISHED: {
    what: "The connection broke while the password was changed.",
    next: "Nothing is lost: both passwords are kept, and the next attempt finds out which one is right. It comes by itself.",
  },
  ROTATION_NEEDS_OPERATOR: {
    what: "The database accepts no password that the secret knows.",
    next: "Somebody has changed it there. Find out which password programs use, store it as a new version marked SYSCURRENT, then rotate again.",
  },
  ROTATION_SERVICE_REFUSED: {
    what: "The function was not allowed to read or change the secret.",
    next: "Check the secret's state and its KMS key, then rotate again.",
  },
  ROTATION_INVALID_SECRET: {
    what: "The value is not the login of a database.",
    next: "Store a version with engine, host, port, dbname, username and password, then rotate again.",
  },
};

const OTHER: FailureWords = { what: "The rotation failed.", next: "Read the message below, then rotate again." };

/** What a function reports; tasks of earlier versions have its code at the beginning of their text alone. */
function reported({ task_error_detail: detail, task_error_msg: text = "" }: Partial<Task>): string {
  const code = detail?.fields?.code;
  return typeof code === "string" ? code : (/^ROTATION_[A-Z_]+/.exec(text)?.[0] ?? "");
}

/** English texts to be translated. */
export function failureWords(task: Partial<Task> = {}): FailureWords {
  return REPORTED[reported(task)] ?? WORDS[task.task_error_code ?? ""] ?? OTHER;
}
