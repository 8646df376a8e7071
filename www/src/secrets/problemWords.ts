// What is wrong with a field, for people: in words of the page, with what to do. The rule's own sentence stays for
// everything that has no better words. Pure.

import type { Problem } from "csms";

import type { Translate } from "../app/language";
import { fileLimit } from "../value/useValueLimit";

/** By field and rule; `*` is any rule. English texts to be translated. */
const WORDS: Record<string, string> = {
  "secret_name/*": "A secret's name has letters, digits, - and _, at most 64.",
  "grantee_target_id/*": "Choose a user of this installation.",
  "passphrase/*": "A passphrase is made of whole characters, at most 1,024 bytes.",
  "name/too-short": "Give it a name.",
  "name/*": "Use letters, digits, - and _, at most 64.",
  "event_name/*": "Use letters, digits, - and _, at most 64.",
  "event_subscriptions/*": "Use letters, digits, - and _, at most 64.",
  "stage_name/*": "Use letters, digits, - and _, at most 64.",
  "version_stages/*": "Names of stages have letters, digits, - and _, at most 64 each.",
  "description/type": "It holds half of a character, which cannot be stored. Type that character again.",
  "description/*": "At most 2,048 bytes.",
  "kms_key_id/*": "Choose a key, or paste its identifier: 8-4-4-4-12 hexadecimal digits.",
  "rotation_func_urn/*": "Choose a function, or paste its URN: urn:fss:…:function:…",
  "rotation_config/*": "Say which database instance it is.",
  "rotation_period/too-small": "At least 4 hours, unless the server allows less.",
  "rotation_period/too-large": "At most 365 days.",
  "rotation_period/*": "A whole number and d, h, m or s, such as 30d.",
  "recovery_window_in_days/*": "A whole number from 7 to 30.",
  "expire_time/*": "Choose a time in the future.",
  "secret_string/too-long": "A value has at most {limit} bytes; this one has {got}.",
  "secret_string/type": "It holds half of a character, which cannot be stored. Type that character again.",
  "secret_string/*": "Write a value.",
  "secret_binary/too-long": "A file has at most {limit} bytes: it is stored as Base64.",
  "secret_binary/*": "Choose a file.",
  "/exactly-one": "Write a value.",
  "tag/*": "Use letters of any script, digits, spaces and _ . : = + - @, at most 128 in a key and 255 in a value.",
};

const fieldOf = (path: string) => path.replace(/[[.].*$/, "");

/** A problem in words; the rule's own sentence where there are no better ones. */
export function problemWords({ path, rule, message, limit, got }: Problem, t: Translate): string {
  const field = fieldOf(path);
  const words = WORDS[`${field}/${rule}`] ?? WORDS[`${field}/*`];
  // The rule is about the Base64 text, the person chose a file.
  const most = limit !== undefined && field === "secret_binary" ? fileLimit(limit) : limit;
  return words ? t(words, { limit: most ?? "", got: got ?? "" }) : message;
}

/** What the service says about a field that it refuses, such as `Invalid parameter: tag.value must match …`, in words. */
export function refusedFieldWords(message: string, t: Translate): string | undefined {
  const path = /^Invalid parameter: ([\w.[\]]+) must /.exec(message)?.[1];
  return path === undefined ? undefined : fieldWords(path, t);
}

/** What a field takes, in words. */
export function fieldWords(path: string, t: Translate): string | undefined {
  const words = WORDS[`${fieldOf(path)}/*`];
  return words && t(words);
}
