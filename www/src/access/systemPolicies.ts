// What the policies that come with the service allow, in the words of the page. The service describes them in English only.

import type { Translate } from "../app/language";

/** The service's descriptions, and English texts to be translated. */
const WORDS: Record<string, string> = {
  everything: "Everything.",
  "every operation on secrets; secrets with keys of their own also need KMS rights":
    "Every operation on secrets. Secrets with keys of their own also need rights to the keys.",
  "reading secrets, their values, tasks, events and tags": "Reading secrets, their values, rotations, events and tags.",
  "every operation on keys": "Every operation on keys.",
  "using keys: what reading and writing secrets with keys of their own needs":
    "Using keys, as reading and writing secrets with keys of their own takes.",
};

/** The description in the language of the page; one that is not known here stays as it is. */
export function systemWords(description: string, t: Translate): string {
  const words = WORDS[description];
  return words === undefined ? description : t(words);
}
