// What is done with several secrets is done with those that were chosen, as they are now.

import type { Secret, SecretState } from "csms";
import { describe, expect, test } from "vitest";

import { EVERYTHING } from "./filter";
import { grown, nothingOf, type Reading, refreshed, type Selection, selectionOf } from "./selection";

const secret = (name: string, state: SecretState = "ENABLED") => ({ id: `id-${name}`, name, state }) as Secret;
const old = { ...EVERYTHING, text: "old-" };
const chosen = (...secrets: Secret[]): Selection => ({
  ...nothingOf(old),
  secrets: new Map(secrets.map((each) => [each.name, each])),
});
const names = ({ secrets }: Selection) => [...secrets.keys()];
const whole = (...matches: Secret[]): Reading => ({
  matches,
  isStale: false,
  isEnd: true,
  isCut: false,
  hasFailed: false,
});

describe("a selection", () => {
  test("is empty under every filter but the one that it was made under", () => {
    const selection = chosen(secret("old-1"));
    expect(selectionOf({ ...old }, selection)).toBe(selection);
    for (const other of [EVERYTHING, { ...old, state: "DISABLED" as const }, { ...old, withDescriptions: true }]) {
      expect(selectionOf(other, selection)).toEqual(nothingOf(other));
    }
  });

  test("has secrets as they were last read or changed", () => {
    const changed = refreshed(chosen(secret("old-1"), secret("old-2")), [secret("old-2", "PENDING_DELETE")]);
    expect([...changed.secrets.values()].map(({ state }) => state)).toEqual(["ENABLED", "PENDING_DELETE"]);
  });

  test("gains nothing by what is read, and loses what has left the state of its filter", () => {
    const filter = { ...old, state: "ENABLED" as const };
    const selection = { ...chosen(secret("old-1"), secret("old-2")), filter };
    expect(names(refreshed(selection, [secret("old-2", "PENDING_DELETE"), secret("old-3")]))).toEqual(["old-1"]);
  });
});

describe("choosing all that match", () => {
  const growing = { ...chosen(secret("old-1")), isGrowing: true };

  test("waits until all of them have been read", () => {
    const part = { ...whole(secret("old-1"), secret("old-2")), isEnd: false };
    expect(grown(growing, part)).toBe(growing);
    const all = grown(growing, whole(secret("old-1"), secret("old-2"), secret("old-3")));
    expect([names(all), all.isGrowing]).toEqual([["old-1", "old-2", "old-3"], false]);
  });

  test("takes nothing from the list of an earlier search", () => {
    expect(grown(growing, { ...whole(secret("other")), isStale: true })).toBe(growing);
  });

  test("does not outlive its filter", () => {
    const next = selectionOf(EVERYTHING, growing);
    expect(names(grown(next, whole(secret("other-1"), secret("other-2"))))).toEqual([]);
  });

  test("ends without a change when the list cannot be read whole", () => {
    const ended = { ...growing, isGrowing: false };
    expect(grown(growing, { ...whole(secret("old-1"), secret("old-2")), isCut: true })).toEqual(ended);
    expect(grown(growing, { ...whole(secret("other")), isStale: true, hasFailed: true })).toEqual(ended);
  });

  test("does nothing unless it was asked for", () => {
    const selection = chosen(secret("old-1"));
    expect(grown(selection, whole(secret("old-1"), secret("old-2")))).toBe(selection);
  });
});
