// How far a time is away, in words. Nothing here knows the clock.

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 365.2425 * 86_400_000],
  ["month", 30.436875 * 86_400_000],
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1000],
];

/**
 * Words for a distance of time.
 *
 * @param language such as `en` or `zh-CN`
 * @returns what says a distance in milliseconds, into the past if it is negative: the largest unit of which there is at least
 * one once the number is rounded, so that 59.6 seconds are a minute
 */
export function distanceWords(language: string): (millis: number) => string {
  // A day is 24 hours here, which need not be yesterday.
  const counted = new Intl.RelativeTimeFormat(language, { numeric: "always" });
  const now = new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(0, "second");
  return (millis) => {
    const size = Math.abs(millis);
    for (const [index, [unit, length]] of UNITS.entries()) {
      const smaller = UNITS[index + 1]?.[1] ?? length;
      if (size >= length - smaller / 2) return counted.format(Math.sign(millis) * Math.round(size / length), unit);
    }
    return now;
  };
}
