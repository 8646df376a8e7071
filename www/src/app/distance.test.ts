import { expect, test } from "vitest";

import { distanceWords } from "./distance";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

test("a number never reaches the next larger unit", () => {
  const words = distanceWords("en");
  const most: Record<string, number> = { second: 60, minute: 60, hour: 24, day: 31, month: 12 };
  for (let millis = 400; millis < 800 * DAY; millis *= 1.0007) {
    for (const distance of [-millis, millis]) {
      const said = /(\d+) ([a-z]+?)s?\b/.exec(words(distance));
      if (said) expect(Number(said[1]), words(distance)).toBeLessThan(most[said[2] ?? ""] ?? Number.POSITIVE_INFINITY);
      else expect(words(distance)).toBe("now");
    }
  }
});

test("what is nearly a unit is one, and less than half of one is none", () => {
  const words = distanceWords("en");
  expect([0, 499, -500, -59_400, -59_500, 90 * SECOND - 1].map(words)).toEqual([
    "now",
    "now",
    "1 second ago",
    "59 seconds ago",
    "1 minute ago",
    "in 1 minute",
  ]);
  expect([23 * HOUR + 30 * MINUTE, -30 * HOUR, 364.9 * DAY].map(words)).toEqual(["in 1 day", "1 day ago", "in 1 year"]);
});

test("a day is counted in hours, and so is never called yesterday", () => {
  expect(distanceWords("zh-CN")(-DAY)).toBe("1 天前");
  expect(distanceWords("zh-CN")(0)).toBe("现在");
});
