// Which secrets a person wants to see.

import type { Secret, SecretState } from "csms";

export interface Filter {
  text: string;
  state: SecretState | "ANY";
  type: "ANY" | "COMMON" | "ROTATED" | "DUE";
  /** `key` or `key=value`; empty for any. */
  tag: string;
}

export const EVERYTHING: Filter = { text: "", state: "ANY", type: "ANY", tag: "" };

const DAY = 86_400_000;

export function matching(secrets: readonly Secret[], { text, state, type }: Filter, now = Date.now()): Secret[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return secrets.filter((secret) => {
    if (state !== "ANY" && secret.state !== state) return false;
    if (type === "COMMON" && secret.secret_type !== "COMMON") return false;
    if (type === "ROTATED" && secret.secret_type === "COMMON") return false;
    if (type === "DUE" && !((secret.next_rotation_time ?? Infinity) < now + 7 * DAY)) return false;
    const line = `${secret.name} ${secret.description}`.toLowerCase();
    return words.every((word) => line.includes(word));
  });
}
