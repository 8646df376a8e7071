// Rotations of the whole project.

import { useState } from "react";

import { useLanguage } from "../app/language";
import { useSession } from "../app/session";
import { useQuery } from "../app/useQuery";
import { Button } from "../ui/Button";
import { Choice } from "../ui/Choice";
import { Empty } from "../ui/Empty";
import { Failure } from "../ui/Failure";
import { TaskList } from "./TaskList";

type Shown = "all" | "SUCCESS" | "FAILED";

export function TasksPage() {
  const { t } = useLanguage();
  const { client } = useSession();
  const [shown, setShown] = useState<Shown>("all");
  const { data, error, isLoading, reload } = useQuery(shown, (signal) =>
    client.listSecretTask({ limit: 100, ...(shown !== "all" && { status: shown }) }, { signal }),
  );
  return (
    <div className="page">
      <header className="page-head">
        <h1>{t("Rotations")}</h1>
        <span className="count" role="status">
          {data ? data.total : isLoading ? t("Loading…") : ""}
        </span>
        <span className="grow" />
        <Button onPress={reload}>{t("Refresh")}</Button>
      </header>
      <Choice<Shown>
        label={t("Which rotations")}
        isLabelHidden
        value={shown}
        onChange={setShown}
        options={[
          { value: "all", label: t("All") },
          { value: "SUCCESS", label: t("Done") },
          { value: "FAILED", label: t("Failed") },
        ]}
      />
      <Failure error={error} onRetry={reload} />
      {data && data.tasks.length > 0 && <TaskList tasks={data.tasks} withNames />}
      {data?.tasks.length === 0 && (
        <Empty title={shown === "FAILED" ? t("No rotation has failed.") : t("Nothing has been rotated yet.")}>
          <p>
            {t(
              "A secret of a database account can be given a new password by a function: on a schedule, or when you say so on its page.",
            )}
          </p>
          <a href="#/">{t("All secrets")}</a>
        </Empty>
      )}
    </div>
  );
}
