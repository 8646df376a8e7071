// How soon the console shows something, and how long it keeps the page busy: cold loads in Chromium, medians.

import { withPerson } from "./person.mjs";
import { URL_OF_CONSOLE } from "./stage.mjs";

const ROUNDS = 9;
/** Tasks longer than this keep a person waiting, in milliseconds. */
const NOTICED = 50;

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** One cold load: milliseconds to the first content and of blocked time, and bytes over the network. */
async function load(slowdown) {
  return withPerson("chromium", async (person) => {
    const { page } = person;
    const inspector = await page.context().newCDPSession(page);
    await inspector.send("Emulation.setCPUThrottlingRate", { rate: slowdown });
    await page.addInitScript(() => {
      window.longTasks = [];
      new PerformanceObserver((list) => window.longTasks.push(...list.getEntries().map(({ duration }) => duration))).observe({
        type: "longtask",
        buffered: true,
      });
    });
    await person.arrive();
    await page.waitForLoadState("networkidle");
    return page.evaluate((noticed) => {
      const paints = performance.getEntriesByType("paint");
      const loaded = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
      return {
        firstContent: paints.find(({ name }) => name === "first-contentful-paint").startTime,
        blocked: window.longTasks.reduce((sum, duration) => sum + Math.max(0, duration - noticed), 0),
        bytes: loaded.reduce((sum, { transferSize }) => sum + transferSize, 0),
      };
    }, NOTICED);
  });
}

console.log(`Cold loads of ${URL_OF_CONSOLE}/ in Chromium, median of ${ROUNDS}`);
for (const [name, slowdown] of [
  ["this machine", 1],
  ["four times slower", 4],
]) {
  const rounds = [];
  for (let round = 0; round < ROUNDS; round += 1) rounds.push(await load(slowdown));
  const of = (key) => median(rounds.map((round) => round[key]));
  const figures = `first content ${of("firstContent").toFixed(0)} ms, blocked ${of("blocked").toFixed(0)} ms`;
  console.log(`  ${name.padEnd(18)} ${figures}, ${(of("bytes") / 1000).toFixed(0)} kB over the network`);
}
