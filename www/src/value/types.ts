// The JSON types in words; English texts to be translated. Pure.

import type { JsonType } from "./json";

export const TYPE_WORDS: Record<JsonType, string> = {
  string: "text",
  number: "number",
  boolean: "true or false",
  null: "null",
  object: "object",
  array: "list",
};
