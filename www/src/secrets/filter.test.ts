import type { Secret, Tag, Task } from "csms";
import { expect, test } from "vitest";

import {
  BY_NAME,
  EVERYTHING,
  filterFrom,
  matching,
  needsAll,
  ordered,
  orderFrom,
  pageFrom,
  parametersOf,
  searchOf,
  sortOf,
  tagText,
} from "./filter";

const secret = (name: string, more: Partial<Secret> = {}) =>
  ({
    id: `id-${name}`,
    name,
    description: "",
    state: "ENABLED",
    secret_type: "COMMON",
    create_time: 0,
    update_time: 0,
    ...more,
  }) as Secret;
const names = (secrets: readonly Secret[]) => secrets.map(({ name }) => name);

test("an address says what it is narrowed to, and reading it gives the same", () => {
  const filter = { text: "prod db", state: "FROZEN", type: "FAILING", tag: "team=a=b" } as const;
  for (const withDescriptions of [true, false]) {
    const whole = { ...filter, withDescriptions };
    expect(filterFrom(new URLSearchParams(parametersOf(whole)))).toEqual(whole);
  }
  expect(filterFrom(new URLSearchParams(parametersOf(EVERYTHING)))).toEqual(EVERYTHING);
});

test("what an address says wrongly is left out", () => {
  const parameters = new URLSearchParams("state=NO&type=<b>&sort=-nothing&page=-4");
  expect(filterFrom(parameters)).toEqual(EVERYTHING);
  expect(sortOf(orderFrom(parameters))).toBe("");
  expect(pageFrom(parameters)).toBe(0);
});

test("times are sorted both ways, and secrets without the time stand last", () => {
  const all = [secret("none"), secret("old", { last_used_time: 1 }), secret("new", { last_used_time: 2 })];
  expect(names(ordered(all, { by: "used", isDescending: true }))).toEqual(["new", "old", "none"]);
  expect(names(ordered(all, { by: "used", isDescending: false }))).toEqual(["old", "new", "none"]);
});

test("a secret whose last rotation failed, or is overdue, is found", () => {
  const all = [
    secret("failed", { secret_type: "RDS-FG" }),
    secret("late", { secret_type: "RDS-FG", auto_rotation: true, next_rotation_time: 1 }),
    secret("fine", { secret_type: "RDS-FG", auto_rotation: true, next_rotation_time: Date.now() + 1000 }),
    secret("common"),
  ];
  const tasks = new Map([["failed", { task_status: "FAILED" } as Task]]);
  expect(names(matching(all, { ...EVERYTHING, type: "FAILING" }, { tasks, tags: new Map() }))).toEqual([
    "failed",
    "late",
  ]);
});

test("a tag is found by its key, or with its value", () => {
  const tags = new Map<string, Tag[]>([["id-a", [{ key: "env", value: "x=y" }]]]);
  const found = (tag: string) =>
    names(matching([secret("a"), secret("b")], { ...EVERYTHING, tag }, { tasks: new Map(), tags }));
  expect([found("env"), found("env=x=y"), found("env=x")]).toEqual([["a"], ["a"], []]);
});

test("the service is asked for parts of names and for tags, chosen or typed", () => {
  const filter = { ...EVERYTHING, text: " prod  team=a=b db owner= ", tag: "env" };
  expect(searchOf(filter)).toEqual({
    names: ["prod", "db"],
    tags: [{ key: "env" }, { key: "team", value: "a=b" }, { key: "owner" }],
  });
  expect(needsAll(filter, BY_NAME)).toBe(false);
});

test("a key that has the sign between key and value is told from a key with a value", () => {
  const [key, pair, both] = [{ key: "a=b" }, { key: "a", value: "b" }, { key: "a=b", value: "c=%3D" }];
  expect([tagText(key), tagText(pair), tagText(both)]).toEqual(["a%3Db", "a=b", "a%3Db=c=%3D"]);
  for (const tag of [key, pair]) expect(searchOf({ ...EVERYTHING, tag: tagText(tag) }).tags).toEqual([tag]);
  const own = new Map<string, Tag[]>([["id-a", [{ key: "a=b", value: "" }]]]);
  const found = (tag: string) =>
    names(matching([secret("a")], { ...EVERYTHING, tag }, { tasks: new Map(), tags: own }));
  expect([found(tagText(key)), found(tagText(pair))]).toEqual([["a"], []]);
});

test("the service is asked for no tag that it refuses, and nothing is found", () => {
  const long = "x".repeat(129);
  const wrong = ["prod/db=x", "_sys_a=1", "=x", `${long}=1`, `a=${long}${long}`, "a*=1", "a=b*"];
  for (const text of wrong) {
    const search = searchOf({ ...EVERYTHING, text });
    expect([search.tags, search.names.length]).toEqual([[], 1]);
    expect(matching([secret("prod"), secret("_sys_a"), secret("a")], { ...EVERYTHING, text })).toEqual([]);
  }
  expect(matching([secret("_sys_a")], { ...EVERYTHING, tag: "_sys_a" })).toEqual([]);
  const right = ["环境=测试", "a:b=c/d", `${"k".repeat(128)}=${"v".repeat(255)}`];
  expect(searchOf({ ...EVERYTHING, text: right.join(" ") }).tags).toHaveLength(right.length);
});

test("a part that is longer than the service takes is cut for it", () => {
  const text = "n".repeat(300);
  expect(searchOf({ ...EVERYTHING, text }).names).toEqual(["n".repeat(255)]);
  expect(matching([secret("n")], { ...EVERYTHING, text })).toEqual([]);
});

test("what the service cannot look up is looked through", () => {
  const words = { ...EVERYTHING, text: "prod" };
  expect(searchOf({ ...words, withDescriptions: true }).names).toEqual([]);
  const looked = [
    needsAll({ ...words, withDescriptions: true }, BY_NAME),
    needsAll({ ...words, state: "DISABLED" }, BY_NAME),
    needsAll({ ...words, type: "FAILING" }, BY_NAME),
    needsAll(words, { by: "used", isDescending: true }),
    needsAll(words, { by: "name", isDescending: true }),
  ];
  expect(looked).toEqual([true, true, true, true, true]);
});

test("more words than the service takes are looked through for the rest of them", () => {
  const text = Array.from({ length: 12 }, (_, index) => `part${index}`).join(" ");
  expect(searchOf({ ...EVERYTHING, text }).names).toHaveLength(10);
  expect(needsAll({ ...EVERYTHING, text }, BY_NAME)).toBe(true);
});

test("a word is looked for in descriptions only when that is asked for", () => {
  const all = [secret("mail", { description: "Login of the relay" }), secret("relay-key")];
  const found = (withDescriptions: boolean) => names(matching(all, { ...EVERYTHING, text: "RELAY", withDescriptions }));
  expect([found(false), found(true)]).toEqual([["relay-key"], ["mail", "relay-key"]]);
});
