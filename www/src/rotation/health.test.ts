import type { Secret, Task } from "csms";
import { expect, test } from "vitest";

import { healthOf, isManual, lastTasks } from "./health";

const NOW = 1_000_000_000;
const secret = (more: Partial<Secret> = {}) =>
  ({ name: "db", state: "ENABLED", secret_type: "RDS-FG", ...more }) as Secret;
const task = (task_status: Task["task_status"]) => ({ secret_name: "db", task_status }) as Task;

test("the newest task of a secret says whether its rotation fails", () => {
  expect(healthOf(secret(), lastTasks([task("FAILED"), task("SUCCESS")]), NOW)).toBe("failing");
  expect(healthOf(secret(), lastTasks([task("SUCCESS"), task("FAILED")]), NOW)).toBe("fine");
});

test("an account without a schedule counts as one, also when its last rotation failed", () => {
  const [manual, scheduled] = [secret(), secret({ auto_rotation: true })];
  expect([isManual(manual), isManual(scheduled), isManual(secret({ secret_type: "COMMON" }))]).toEqual([
    true,
    false,
    false,
  ]);
  expect(isManual(secret({ state: "PENDING_DELETE" }))).toBe(false);
  expect(healthOf(manual, lastTasks([task("FAILED")]), NOW)).toBe("failing");
});

test("a rotation is overdue an hour after it was due, and not before", () => {
  const due = (next_rotation_time: number) =>
    healthOf(secret({ auto_rotation: true, next_rotation_time }), new Map(), NOW);
  expect([due(NOW - 3_600_001), due(NOW - 3_599_999), due(NOW + 1)]).toEqual(["overdue", "fine", "fine"]);
});

test("secrets that do not rotate, or are to be deleted, have no health", () => {
  expect(healthOf(secret({ secret_type: "COMMON" }), new Map(), NOW)).toBe("none");
  expect(healthOf(secret({ state: "PENDING_DELETE" }), lastTasks([task("FAILED")]), NOW)).toBe("none");
});
