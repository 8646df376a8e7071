// Rotation tasks, newest first; a failure says what to do.

import type { Task } from "csms";

import { useLanguage } from "../app/language";
import { secretPath } from "../app/route";
import { Badge, type Tone } from "../ui/Badge";
import { Time } from "../ui/Time";
import { failureWords } from "./failureWords";
import { useMessages } from "./messages";
import { TaskSteps } from "./TaskSteps";

export const STATUS: Record<Task["task_status"], [text: string, tone: Tone]> = {
  RUNNING: ["Running", "accent"],
  SUCCESS: ["Done", "good"],
  FAILED: ["Failed", "danger"],
};

export function TaskList({ tasks, withNames = false }: { tasks: readonly Task[]; withNames?: boolean }) {
  const { t } = useLanguage();
  const { say } = useMessages();
  return (
    <ul className="tasks">
      {tasks.map((task) => {
        const words = failureWords(task);
        const [status, tone] = STATUS[task.task_status];
        return (
          <li key={task.task_id}>
            <div className="row">
              <Badge tone={tone}>{t(status)}</Badge>
              {withNames && (
                <a className="code" href={secretPath(task.secret_name, "rotation")}>
                  {task.secret_name}
                </a>
              )}
              <Time millis={task.task_time} />
              {task.attempt_nums > 1 && (
                <span className="hint">{t("{count} attempts", { count: task.attempt_nums })}</span>
              )}
            </div>
            {task.steps && task.steps.length > 0 && <TaskSteps steps={task.steps} />}
            {task.task_status === "FAILED" && (
              <div className="failure">
                <p>
                  <strong>{t(words.what)}</strong> {t(words.next)}
                </p>
                {task.task_error_msg && (
                  <p className="hint">
                    <code className="wrap">
                      {task.task_error_code}: {say(task.task_error_detail, task.task_error_msg).text}
                    </code>
                  </p>
                )}
              </div>
            )}
          </li>
        );
      })}
    </ul>
  );
}
