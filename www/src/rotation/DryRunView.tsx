// The report of a dry run, in words.

import { useLanguage } from "../app/language";
import { Facts } from "../ui/Facts";
import { Notice } from "../ui/Notice";
import type { DryRunReport, Overlap } from "./dryRun";
import { failureWords } from "./failureWords";
import { useMessages } from "./messages";

const OVERLAPS: Record<Overlap, string> = {
  "two-accounts": "None is lost: two accounts take turns, and the current login always works.",
  "until-next-rotation": "None is lost: the database keeps the old password until the next rotation.",
  none: "For a moment: the current login fails from the change of the password until the stages have moved.",
};

export function DryRunView({ report }: { report: DryRunReport }) {
  const { t } = useLanguage();
  const { say, step: nameOf } = useMessages();
  const words = failureWords({ task_error_msg: report.error_code ?? "" });
  const error = say(report.error_detail, report.error_msg ?? "");
  // The two lists belong together only where there is a message for each text.
  const details = report.missing_detail?.length === report.missing.length ? report.missing_detail : [];
  const missing = report.missing.map((text, index) => say(details[index], text));
  return (
    <section className="dry-run" aria-label={t("Dry run")}>
      {report.would_succeed ? (
        <Notice kind="success" title={t("A rotation would succeed. Nothing was changed.")} />
      ) : (
        <Notice kind="danger" title={t("A rotation would fail. Nothing was changed.")}>
          <p>
            <strong>{t(words.what)}</strong> {t(words.next)}
          </p>
          {error.text && (
            <p>
              <code className="wrap" lang={error.lang}>
                {error.text}
              </code>
            </p>
          )}
        </Notice>
      )}
      {(report.account || report.overlap) && (
        <Facts
          facts={[
            [t("Account"), <code key="account">{say(report.account_detail, report.account ?? "—").text}</code>],
            [t("Logins that fail meanwhile"), report.overlap ? t(OVERLAPS[report.overlap]) : "—"],
          ]}
        />
      )}
      {report.missing.length > 0 && (
        <div>
          <h3>{report.would_succeed ? t("Good to know") : t("What is missing")}</h3>
          <ul className="names">
            {missing.map(({ text, lang }) => (
              <li key={text} lang={lang}>
                {text}
              </li>
            ))}
          </ul>
        </div>
      )}
      {report.steps.length > 0 && (
        <details className="task-steps">
          <summary>{t("{count:step|steps}", { count: report.steps.length })}</summary>
          <ol>
            {report.steps.map(({ step, taken, outcome, outcome_detail: detail }, index) => {
              const { text, lang } = say(detail, outcome);
              return (
                <li key={`${step}-${index}`}>
                  {nameOf(step)} ({taken ? t("done") : t("to do")}): <span lang={lang}>{text}</span>
                </li>
              );
            })}
          </ol>
        </details>
      )}
    </section>
  );
}
