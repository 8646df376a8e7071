// How the rotations of secrets are doing, from the secrets and their tasks. Pure.

import type { Secret, Task } from "csms";

export type Health = "failing" | "overdue" | "fine" | "none";

/** The last task of each secret, by the secret's name; `tasks` are the newest first. */
export function lastTasks(tasks: readonly Task[]): Map<string, Task> {
  const found = new Map<string, Task>();
  for (const task of tasks) if (!found.has(task.secret_name)) found.set(task.secret_name, task);
  return found;
}

/** A rotation that is due for longer than this has not happened, in milliseconds. */
const PATIENCE = 3_600_000;

const rotates = ({ secret_type, state }: Secret) => secret_type !== "COMMON" && state === "ENABLED";

/** Whether a secret rotates by hand only, however its last rotation went. */
export const isManual = (secret: Secret): boolean => rotates(secret) && !secret.auto_rotation;

/**
 * How the rotation of a secret is doing: `failing` if the last one failed, `overdue` if it should have happened, `none` for a
 * secret that does not rotate.
 */
export function healthOf(secret: Secret, last: ReadonlyMap<string, Task>, now = Date.now()): Health {
  if (!rotates(secret)) return "none";
  if (last.get(secret.name)?.task_status === "FAILED") return "failing";
  if (!secret.auto_rotation) return "fine";
  return (secret.next_rotation_time ?? Number.POSITIVE_INFINITY) < now - PATIENCE ? "overdue" : "fine";
}
