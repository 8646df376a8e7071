// The steps of a rotation in words. The service names them; their outcomes stay as the service says them.

import type { Translate } from "../app/language";

/** By the service's name; English texts to be translated. */
const WORDS: Record<string, string> = {
  "read-pending": "Read the version marked SYSPENDING",
  "read-current": "Read the version marked SYSCURRENT",
  "read-previous": "Read the version marked SYSPREVIOUS",
  "read-admin": "Read the login of the administrator",
  inspect: "Look at the account in the database",
  "probe-pending": "Log in with the password of SYSPENDING",
  "probe-current": "Log in with the password of SYSCURRENT",
  "probe-previous": "Log in with the password of SYSPREVIOUS",
  "probe-decoy": "Log in with a wrong password, to see whether passwords are checked",
  "make-pending": "Store a new password, marked SYSPENDING",
  "set-password": "Set the new password in the database",
  "move-stages": "Move SYSCURRENT to the new version",
  "remove-pending-label": "Take SYSPENDING away",
  done: "Finished",
  retry: "Ended, to be tried again",
  "needs-operator": "Ended: a person has to look",
};

/** What a step does; a name that is not known here stays as it is. */
export function stepWords(step: string, t: Translate): string {
  const words = WORDS[step];
  return words === undefined ? step : t(words);
}
