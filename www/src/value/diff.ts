// What is different between two values. Pure.

import { type Stored, pairsOf, sealedHeader, shapeOf } from "./value";

export type Change = "added" | "removed" | "changed" | "same";

export interface Difference {
  /** The key; empty for a value without keys. */
  key: string;
  change: Change;
  before?: string;
  after?: string;
}

/** Key by key where both have keys, as a whole otherwise. */
export function differences(before: Stored, after: Stored): Difference[] {
  const [one, other] = [keyed(before), keyed(after)];
  if (!one || !other) {
    const [left, right] = [raw(before), raw(after)];
    const isSame = left === right && "secret_binary" in before === "secret_binary" in after;
    return [{ key: "", change: isSame ? "same" : "changed", before: left, after: right }];
  }
  const keys = [...new Set([...one.keys(), ...other.keys()])];
  return keys.map((key) => {
    const [left, right] = [one.get(key), other.get(key)];
    if (left === undefined) return { key, change: "added", after: right ?? "" };
    if (right === undefined) return { key, change: "removed", before: left };
    return { key, change: left === right ? "same" : "changed", before: left, after: right };
  });
}

/** Sealing draws another token each time, so equal tokens say something and different ones do not. */
export const isSealed = (value: Stored) => "secret_string" in value && sealedHeader(value.secret_string) !== undefined;

const raw = (value: Stored) => ("secret_string" in value ? value.secret_string : value.secret_binary);

function keyed(value: Stored): Map<string, string> | undefined {
  if (shapeOf(value) !== "pairs" || !("secret_string" in value)) return undefined;
  return new Map(pairsOf(value.secret_string));
}
