// How times are taken: contenders take turns, round after round, and the median round counts, so that what slows the
// machine for a while slows all of them.

/** Runs `work` for about `milliseconds` and returns the microseconds that one run took. */
async function time(work, milliseconds) {
  let runs = 0;
  const begin = performance.now();
  let end = begin;
  // The clock is read once per batch: reading it costs as much as a small operation.
  for (let batch = 1; end - begin < milliseconds; batch = Math.min(batch * 2, 1024)) {
    for (let index = 0; index < batch; index += 1) {
      const result = work();
      if (result instanceof Promise) await result;
    }
    runs += batch;
    end = performance.now();
    if (end - begin > milliseconds / 4) batch = Math.max(1, Math.floor(batch / 4));
  }
  return ((end - begin) * 1000) / runs;
}

/** In an order of chance. */
function shuffled(names) {
  const order = names.map((name) => ({ name, at: Math.random() }));
  return order.toSorted((a, b) => a.at - b.at).map(({ name }) => name);
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

/**
 * @param contenders functions by name; what they return is awaited if it is a promise
 * @returns by name: median microseconds, and `ratios` to the first contender, each the median of the rounds' ratios
 */
export async function compare(contenders, { rounds, milliseconds }) {
  const names = Object.keys(contenders);
  const times = Object.fromEntries(names.map((name) => [name, []]));
  for (const name of names) await time(contenders[name], milliseconds);
  for (let round = 0; round < rounds; round += 1) {
    // Whoever comes after a contender that leaves much garbage collects it, so that in every round others follow it.
    for (const name of shuffled(names)) {
      times[name].push(await time(contenders[name], milliseconds));
    }
  }
  const first = times[names[0]];
  const ratio = (name) => median(times[name].map((time, round) => time / first[round]));
  return {
    times: Object.fromEntries(names.map((name) => [name, median(times[name])])),
    ratios: Object.fromEntries(names.map((name) => [name, ratio(name)])),
  };
}
