// A point in time: how far away it is, with the exact time behind it.

import { useLanguage } from "../app/language";

export function Time({ millis, isExact = false }: { millis: number | undefined; isExact?: boolean }) {
  const { time, ago } = useLanguage();
  if (millis === undefined) return <span className="muted">—</span>;
  const [shown, title] = isExact ? [time(millis), ago(millis)] : [ago(millis), time(millis)];
  return (
    <time dateTime={new Date(millis).toISOString()} title={title}>
      {shown}
    </time>
  );
}
