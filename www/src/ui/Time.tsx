// A point in time: how far away it is, with the exact time behind it.

import { fill } from "../app/fill";
import { useLanguage } from "../app/language";

interface Props {
  millis: number | undefined;
  isExact?: boolean;
  /** Words around it, translated: languages put them on different sides of `{time}`. */
  words?: string;
}

export function Time({ millis, isExact = false, words = "{time}" }: Props) {
  const { time, ago } = useLanguage();
  if (millis === undefined) return <span className="muted">—</span>;
  const [shown, title] = isExact ? [time(millis), ago(millis)] : [ago(millis), time(millis)];
  return (
    <time dateTime={new Date(millis).toISOString()} title={title}>
      {fill(words, { time: shown })}
    </time>
  );
}
