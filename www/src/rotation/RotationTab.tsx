// The rotation of a secret: when, how, now, and what became of earlier ones.

import { useState } from "react";

import { useLanguage } from "../app/language";
import { useLacking } from "../app/rights";
import { useSession } from "../app/session";
import { usePages } from "../app/usePages";
import type { Known } from "../secret/useKnownSecret";
import { Button } from "../ui/Button";
import { Empty } from "../ui/Empty";
import { Failure } from "../ui/Failure";
import { RotateDialog } from "./RotateDialog";
import { ScheduleForm } from "./ScheduleForm";
import { TaskList } from "./TaskList";

export function RotationTab({ known, onChange }: { known: Known; onChange: () => void }) {
  const { t } = useLanguage();
  const { client } = useSession();
  const lacking = useLacking(known.secret.name)("rotate");
  const [isRotating, setIsRotating] = useState(false);
  const { secret } = known;
  const history = usePages(secret.name, async (_, marker, signal) => {
    const asked = { secret_name: secret.name, limit: 50, steps: true, ...(marker && { marker }) };
    const page = await client.listSecretTask(asked, { signal });
    return { items: page.tasks, next: page.next_marker };
  });
  const tasks = history.isStale ? undefined : history.items;
  if (secret.secret_type === "COMMON") {
    return (
      <Empty title={t("This secret does not rotate.")}>
        <p>
          {t(
            "Only secrets of database accounts do: a function logs in to the database, sets a new password and proves it. The type is chosen when a secret is created.",
          )}
        </p>
        <a href="#/create">{t("New secret")}</a>
      </Empty>
    );
  }
  const isDone = () => {
    onChange();
    history.reload();
  };
  return (
    <div className="columns">
      <section aria-labelledby="schedule">
        <h2 id="schedule">{t("Schedule")}</h2>
        <ScheduleForm secret={secret} onChange={onChange} />
      </section>
      <section aria-labelledby="history">
        <header className="row spread">
          <h2 id="history">{t("History")}</h2>
          <Button
            kind="primary"
            onPress={() => setIsRotating(true)}
            isDisabled={secret.state !== "ENABLED" || lacking !== undefined}
          >
            {t("Rotate now")}
          </Button>
        </header>
        {lacking && <p className="hint">{lacking}</p>}
        <Failure error={history.error} onRetry={history.reload} />
        {!tasks && history.isLoading && <p className="muted">{t("Loading…")}</p>}
        {tasks && tasks.length > 0 && <TaskList tasks={tasks} />}
        {history.isMore && (
          <div className="row">
            <Button onPress={history.more} isPending={history.isLoading}>
              {t("Older rotations")}
            </Button>
          </div>
        )}
        {tasks?.length === 0 && <p className="muted">{t("Not rotated yet.")}</p>}
      </section>
      {isRotating && <RotateDialog known={known} onClose={() => setIsRotating(false)} onChange={isDone} />}
    </div>
  );
}
