import type { Trace } from "csms";
import { expect, test } from "vitest";

import { originsIn } from "./useOrigins";

const trace = (time: number, trace_name: string, version_id?: string, more: Partial<Trace> = {}) =>
  ({
    time,
    trace_name,
    trace_type: "ApiCall",
    trace_rating: "normal",
    user: { name: "alice" },
    message: JSON.stringify({ outcome: "OK", version_id }),
    ...more,
  }) as Trace;

test("each version has the operation that stored it, and who ran it", () => {
  const origins = originsIn([
    trace(3, "RotateDueSecret", "v3", { trace_type: "SystemAction" }),
    trace(2, "CreateSecretVersion", "v2"),
    trace(1, "CreateSecret", "v1"),
  ]);
  expect(origins.get("v1")).toEqual({ operation: "CreateSecret", by: "alice" });
  expect(origins.get("v2")).toEqual({ operation: "CreateSecretVersion", by: "alice" });
  expect(origins.get("v3")).toEqual({ operation: "RotateDueSecret", by: "" });
});

test("a refused call, a reading and a record without a version store nothing", () => {
  const refused = trace(1, "CreateSecretVersion", "v2", { trace_rating: "warning" });
  expect(originsIn([refused, trace(1, "ShowSecretVersion", "v1"), trace(1, "RotateSecret")]).size).toBe(0);
});

test("a rotation that is begun again does not take the version from who began it", () => {
  const origins = originsIn([
    trace(2, "RotateSecret", "v2", { user: { name: "bob" } as Trace["user"] }),
    trace(1, "RotateSecret", "v2"),
  ]);
  expect(origins.get("v2")?.by).toBe("alice");
});
