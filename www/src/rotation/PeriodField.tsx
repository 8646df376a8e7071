// A rotation period, explained while it is typed: in words, and with the next dates.

import { nextRotations, parseRotationPeriod } from "csms";

import { spaced } from "../app/distance";
import { judgeable } from "../app/judgeable";
import { useLanguage } from "../app/language";
import { problemWords } from "../secrets/problemWords";
import { Button } from "../ui/Button";
import { Field } from "../ui/Field";

interface Props {
  period: string;
  onChange: (period: string) => void;
  problems: readonly string[];
  lastSuccess?: number | undefined;
  /** When the service rotates next, as long as this is the period it knows. */
  next?: number | undefined;
}

const USUAL = ["12h", "1d", "7d", "30d", "90d"];

export function PeriodField({ period, onChange, problems, lastSuccess, next: planned }: Props) {
  const { t, language, time } = useLanguage();
  const parsed = parseRotationPeriod(judgeable(period), { language });
  const next = nextRotations(judgeable(period), { count: 3, ...(lastSuccess !== undefined && { lastSuccess }) });
  const dates =
    parsed.ok && planned !== undefined
      ? [0, 1, 2].map((count) => planned + count * parsed.value.milliseconds)
      : next.ok
        ? next.value
        : [];
  const own = parsed.ok
    ? []
    : parsed.problems.map((problem) => problemWords({ ...problem, path: "rotation_period" }, t));
  return (
    <div className="period">
      <Field
        label={t("Every")}
        isCode
        value={period}
        onChange={onChange}
        problems={own.length > 0 ? own : problems}
        hint={t("A number and d, h, m or s.")}
      />
      <div className="row" role="group" aria-label={t("Usual periods")}>
        {USUAL.map((usual) => (
          <Button key={usual} onPress={() => onChange(usual)}>
            {usual}
          </Button>
        ))}
      </div>
      <p className="hint" aria-live="polite">
        {parsed.ok && dates.length > 0
          ? t("Every {period}, next on {dates}.", {
              period: words(parsed.value.milliseconds, language),
              dates: dates.map(time).join(" · "),
            })
          : ""}
      </p>
    </div>
  );
}

/** A duration in words of the language. */
function words(millis: number, language: string): string {
  const parts: [number, string][] = [
    [Math.floor(millis / 86_400_000), "day"],
    [Math.floor(millis / 3_600_000) % 24, "hour"],
    [Math.floor(millis / 60_000) % 60, "minute"],
    [Math.floor(millis / 1000) % 60, "second"],
  ];
  return parts
    .filter(([count]) => count > 0)
    .map(([count, unit]) =>
      spaced(new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(count)),
    )
    .join(" ");
}
