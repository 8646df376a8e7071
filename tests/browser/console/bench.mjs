// How soon the console shows something, and how long it keeps the page busy: cold loads in Chromium, medians; then the list of
// ten thousand secrets: its first page, a turn of the page, a search, and frames that it misses while it is scrolled.

import { withPerson } from "./person.mjs";
import { fill, URL_OF_CONSOLE } from "./stage.mjs";

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

const MANY = 10_000;
/** Frames of the scrolling. */
const FRAMES = 300;

/** Scrolls the page down and up again, and returns how long each frame took, in milliseconds. Runs in the page. */
const scrolled = async (count) => {
  const frames = [];
  let step = 24;
  let before = await new Promise(requestAnimationFrame);
  while (frames.length < count) {
    const { scrollY } = window;
    scrollBy(0, step);
    const now = await new Promise(requestAnimationFrame);
    frames.push(now - before);
    before = now;
    if (window.scrollY === scrollY) step = -step;
  }
  return frames;
};

/** Milliseconds until something that a person did shows. */
async function until(act, shows) {
  const begin = performance.now();
  await act();
  await shows();
  return performance.now() - begin;
}

await fill("listed", MANY);
await withPerson("chromium", async (person) => {
  const range = (from) => () => person.sees(`${from}–${from + 49} of ${MANY.toLocaleString("en")}`);
  await person.signIn();
  await range(1)();
  const reload = await until(() => person.press("button", "Refresh"), () => person.settles());
  const turns = [];
  for (let page = 1; page <= ROUNDS; page += 1) {
    turns.push(await until(() => person.press("button", "Next"), range(page * 50 + 1)));
  }
  const searches = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    const name = `listed-0${round}23${round}`;
    const shows = () => person.waitFor((name) => document.querySelectorAll(".secrets tbody tr").length === 1 && document.body.innerText.includes(name), name);
    searches.push(await until(() => person.write("Search secrets", name), shows));
  }
  await person.write("Search secrets", "");
  await range(1)();
  const frames = await person.page.evaluate(scrolled, FRAMES);
  const missed = frames.filter((frame) => frame > 25).length;
  console.log(`The list of ${MANY} secrets`);
  console.log(`  read again ${reload.toFixed(0)} ms, page turned ${median(turns).toFixed(0)} ms, found by name ${median(searches).toFixed(0)} ms`);
  console.log(`  scrolled for ${FRAMES} frames: median ${median(frames).toFixed(1)} ms, longest ${Math.max(...frames).toFixed(1)} ms, ${missed} missed`);
});
