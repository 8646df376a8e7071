// What is different between two values. Pure.

import type { JsonType, Member } from "./json";
import { membersOf, type Stored, sealedHeader, shapeOf, storedText } from "./value";

export type Change = "added" | "removed" | "changed" | "same";

export interface Difference {
  /** `undefined` for a value without keys. */
  key: string | undefined;
  change: Change;
  before?: string;
  after?: string;
  /** The JSON types before and after, where they differ. */
  types?: [before: JsonType, after: JsonType];
}

/** Key by key where both have keys, as a whole otherwise. */
export function differences(before: Stored, after: Stored): Difference[] {
  const [one, other] = [keyed(before), keyed(after)];
  if (!one || !other) {
    return [
      {
        key: undefined,
        change: isIdentical(before, after) ? "same" : "changed",
        before: storedText(before),
        after: storedText(after),
      },
    ];
  }
  const keys = [...new Set([...one.keys(), ...other.keys()])];
  return keys.map((key) => {
    const [left, right] = [one.get(key), other.get(key)];
    if (left === undefined) return { key, change: "added", after: right?.text ?? "" };
    if (right === undefined) return { key, change: "removed", before: left.text };
    const isSame = left.text === right.text && left.type === right.type;
    const difference: Difference = { key, change: isSame ? "same" : "changed", before: left.text, after: right.text };
    return left.type === right.type ? difference : { ...difference, types: [left.type, right.type] };
  });
}

/** Whether the stored bytes are the same. Keys and values may be, where spaces, order or spelling are not. */
export const isIdentical = (before: Stored, after: Stored) =>
  storedText(before) === storedText(after) && "secret_binary" in before === "secret_binary" in after;

/** Sealing draws another token each time, so equal tokens say something and different ones do not. */
export const isSealed = (value: Stored) => "secret_string" in value && sealedHeader(value.secret_string) !== undefined;

function keyed(value: Stored): Map<string, Member> | undefined {
  if (shapeOf(value) !== "pairs" || !("secret_string" in value)) return undefined;
  return new Map(membersOf(value.secret_string)?.map((member) => [member.key, member]));
}
