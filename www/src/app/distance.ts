// How far away a time is, in words. Nothing here reads the clock.

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 365.2425 * 86_400_000],
  ["month", 30.436875 * 86_400_000],
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1000],
];

/** A text with a space between a number and the Chinese word after it, as everywhere in the console; browsers write none. */
export const spaced = (text: string): string => text.replace(/(\d)(?=\p{Script=Han})/gu, "$1 ");

/**
 * Puts distances in time into words.
 *
 * @param language such as `en` or `zh-CN`
 * @returns a function of milliseconds, negative for the past. It uses the largest unit that the rounded distance has at least one
 * of, so 59.6 seconds are a minute.
 */
export function distanceWords(language: string): (millis: number) => string {
  // A day is 24 hours here, so one day ago is not always yesterday.
  const counted = new Intl.RelativeTimeFormat(language, { numeric: "always" });
  const now = new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(0, "second");
  return (millis) => {
    const size = Math.abs(millis);
    for (const [index, [unit, length]] of UNITS.entries()) {
      const smaller = UNITS[index + 1]?.[1] ?? length;
      if (size >= length - smaller / 2)
        return spaced(counted.format(Math.sign(millis) * Math.round(size / length), unit));
    }
    return now;
  };
}
