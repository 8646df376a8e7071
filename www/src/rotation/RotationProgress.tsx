// How far a rotation has come, step by step.

import type { Task } from "csms";

import { useLanguage } from "../app/language";
import { Notice } from "../ui/Notice";
import { failureWords } from "./failureWords";
import { useMessages } from "./messages";
import { TaskSteps } from "./TaskSteps";

type State = "done" | "running" | "failed" | "waiting";
const MARKS: Record<State, string> = { done: "✓", running: "…", failed: "✕", waiting: "○" };

interface Props {
  task: Task | undefined;
  version: string;
  /** Whether the new version is current already. */
  isMoved: boolean;
}

export function RotationProgress({ task, version, isMoved }: Props) {
  const { t } = useLanguage();
  const { say } = useMessages();
  const status = task?.task_status ?? "RUNNING";
  const isFailed = status === "FAILED";
  const isDone = status === "SUCCESS";
  const changing: State = isMoved || isDone ? "done" : isFailed ? "failed" : "running";
  const moving: State = isDone ? "done" : isFailed ? (isMoved ? "failed" : "waiting") : isMoved ? "running" : "waiting";
  const steps: [string, State][] = [
    [t("Version {version} is stored with a new password, marked SYSPENDING", { version }), "done"],
    [t("The function sets the password and logs in with it"), changing],
    [t("SYSCURRENT moves to {version}", { version }), moving],
  ];
  const words = failureWords(task);
  const said: Record<State, string> = {
    done: t("done"),
    running: t("running"),
    failed: t("failed"),
    waiting: t("waiting"),
  };
  return (
    <div aria-live="polite">
      <ol className="steps">
        {steps.map(([text, state]) => (
          <li key={text} className={`step-${state}`}>
            <span aria-hidden="true" className="mark">
              {MARKS[state]}
            </span>
            {text} <span className="visually-hidden">({said[state]})</span>
          </li>
        ))}
      </ol>
      {task && task.attempt_nums > 1 && !isDone && (
        <p className="hint">{t("Attempt {count}", { count: task.attempt_nums })}</p>
      )}
      {task?.steps && task.steps.length > 0 && <TaskSteps steps={task.steps} />}
      {isDone && (
        <Notice kind="success" title={t("The account has a new password, and {version} is current.", { version })} />
      )}
      {isFailed && (
        <Notice kind="danger" title={t(words.what)}>
          <p>{t(words.next)}</p>
          {task?.task_error_msg && (
            <p>
              <code className="wrap">
                {task.task_error_code}: {say(task.task_error_detail, task.task_error_msg).text}
              </code>
            </p>
          )}
        </Notice>
      )}
    </div>
  );
}
