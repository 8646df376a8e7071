// Failures of rotations in words, and what to do next.

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

const OTHER: FailureWords = { what: "The rotation failed.", next: "Read the message below, then rotate again." };

/** English texts to be translated. */
export const failureWords = (code: string | undefined): FailureWords => (code && WORDS[code]) || OTHER;
