// What a task did, step by step, as the service noted it.

import type { TaskStep } from "csms";

import { useLanguage } from "../app/language";
import { useMessages } from "./messages";

export function TaskSteps({ steps }: { steps: readonly TaskStep[] }) {
  const { t, language } = useLanguage();
  const { say, step: nameOf } = useMessages();
  const clock = new Intl.DateTimeFormat(language, { timeStyle: "medium" });
  return (
    <details className="task-steps">
      <summary>{t("{count:step|steps}", { count: steps.length })}</summary>
      <ol>
        {steps.map(({ time, step, outcome, outcome_detail: detail }, index) => {
          const { text, lang } = say(detail, outcome);
          return (
            <li key={`${time}-${index}`}>
              <time dateTime={new Date(time).toISOString()}>{clock.format(time)}</time> {nameOf(step)}:{" "}
              <span lang={lang}>{text}</span>
            </li>
          );
        })}
      </ol>
    </details>
  );
}
