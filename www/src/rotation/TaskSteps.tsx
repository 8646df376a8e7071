// What a task did, step by step, as the service noted it.

import type { TaskStep } from "csms";

import { useLanguage } from "../app/language";
import { stepWords } from "./stepWords";

export function TaskSteps({ steps }: { steps: readonly TaskStep[] }) {
  const { t, language } = useLanguage();
  const clock = new Intl.DateTimeFormat(language, { timeStyle: "medium" });
  return (
    <details className="task-steps">
      <summary>{t("{count} steps", { count: steps.length })}</summary>
      <ol>
        {steps.map(({ time, step, outcome }, index) => (
          <li key={`${time}-${index}`}>
            <time dateTime={new Date(time).toISOString()}>{clock.format(time)}</time> {stepWords(step, t)}:{" "}
            <span lang="en">{outcome}</span>
          </li>
        ))}
      </ol>
    </details>
  );
}
