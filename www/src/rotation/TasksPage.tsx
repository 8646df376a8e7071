// Rotations of the whole project.

import { useLanguage } from "../app/language";
import { useParameters } from "../app/route";
import { useSession } from "../app/session";
import { usePages } from "../app/usePages";
import { Button } from "../ui/Button";
import { Choice } from "../ui/Choice";
import { Empty } from "../ui/Empty";
import { Failure } from "../ui/Failure";
import { TaskList } from "./TaskList";

type Shown = "all" | "SUCCESS" | "FAILED";

export function TasksPage() {
  const { t } = useLanguage();
  const { client } = useSession();
  const [parameters, setParameters] = useParameters();
  const asked = parameters.get("status") ?? "";
  const shown: Shown = asked === "SUCCESS" || asked === "FAILED" ? asked : "all";
  const {
    items: tasks,
    total,
    isStale,
    error,
    isLoading,
    isMore,
    more,
    reload,
  } = usePages(shown, async (_, marker, signal) => {
    const request = { limit: 100, ...(shown !== "all" && { status: shown }), ...(marker && { marker }) };
    const page = await client.listSecretTask(request, { signal });
    return { items: page.tasks, next: page.next_marker, total: page.total };
  });
  return (
    <div className="page">
      <header className="page-head">
        <h1>{t("Rotations")}</h1>
        <span className="count" role="status">
          {isLoading ? t("Loading…") : !isStale && total}
        </span>
        <span className="grow" />
        <Button onPress={reload}>{t("Refresh")}</Button>
      </header>
      <Choice<Shown>
        label={t("Which rotations")}
        isLabelHidden
        value={shown}
        onChange={(status) => setParameters({ status: status === "all" ? "" : status })}
        options={[
          { value: "all", label: t("All") },
          { value: "SUCCESS", label: t("Done") },
          { value: "FAILED", label: t("Failed") },
        ]}
      />
      <Failure error={error} onRetry={reload} />
      {!isStale && tasks && tasks.length > 0 && <TaskList tasks={tasks} withNames />}
      {isMore && (
        <div className="row">
          <Button onPress={more} isPending={isLoading}>
            {t("Older rotations")}
          </Button>
        </div>
      )}
      {!isStale && tasks?.length === 0 && (
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
