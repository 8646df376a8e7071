// Rotates a secret: first what will change, then how far it has come.

import { previewRotation } from "csms";
import { useEffect, useRef, useState } from "react";

import { useLanguage } from "../app/language";
import { useSession } from "../app/session";
import { useAction } from "../app/useAction";
import { PreviewView } from "../secret/PreviewView";
import { forPreview, type Known } from "../secret/useKnownSecret";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Failure } from "../ui/Failure";
import { DryRunView } from "./DryRunView";
import { type DryRunReport, dryRun } from "./dryRun";
import { RotationProgress } from "./RotationProgress";
import { useTask } from "./useTask";

interface Props {
  known: Known;
  onClose: () => void;
  onChange: () => void;
}

export function RotateDialog({ known, onClose, onChange }: Props) {
  const { t, language } = useLanguage();
  const session = useSession();
  const { client } = session;
  const { name } = known.secret;
  // The secret changes while this is open; what was confirmed stays in view.
  const [preview] = useState(() => previewRotation(forPreview(known), { language }));
  const [started, setStarted] = useState<{ task: string; version: string }>();
  const { task, versions, error, isWaiting, retry } = useTask(name, started?.task);
  const status = task?.task_status;
  const changed = useRef(onChange);
  changed.current = onChange;
  useEffect(() => {
    if (status && status !== "RUNNING") changed.current();
  }, [status]);
  const [report, setReport] = useState<DryRunReport>();
  const trial = useAction(async () => setReport(await dryRun(session, known.secret)));
  const start = useAction(async () => {
    const answer = await client.rotateSecret({ secret_name: name });
    setStarted({ task: answer.rotation_task_id, version: answer.version_id });
  });
  const stages = versions.find(({ id }) => id === started?.version)?.version_stages ?? [];
  const isEnded = status === "SUCCESS" || status === "FAILED";
  const close = () => {
    // The page behind shows what has become of it as far as it has come.
    if (started && !isEnded) onChange();
    onClose();
  };
  return (
    <Dialog title={t("Rotate {name}", { name })} isOpen onClose={close}>
      {started ? (
        <RotationProgress task={task} version={started.version} isMoved={stages.includes("SYSCURRENT")} />
      ) : (
        <>
          <p>
            {t(
              "The function draws a new password, sets it in the database, proves it by logging in and then moves the stages.",
            )}
          </p>
          <PreviewView preview={preview} />
          {!report && <p className="hint">{t("A dry run asks the function what it would do, and changes nothing.")}</p>}
          <div aria-live="polite">{report && <DryRunView report={report} />}</div>
        </>
      )}
      <Failure error={start.error ?? (started ? undefined : trial.error)} />
      <Failure error={error} {...(!isWaiting && { onRetry: retry })} />
      {isWaiting && <p className="hint">{t("It is asked for again by itself.")}</p>}
      <div className="row actions sticky">
        {!started && (
          <Button kind="primary" onPress={() => void start.run()} isPending={start.isRunning} isDisabled={!preview.ok}>
            {t("Start the rotation")}
          </Button>
        )}
        {!started && (
          <Button
            onPress={() => void trial.run()}
            isPending={trial.isRunning}
            isDisabled={!known.secret.rotation_func_urn}
          >
            {trial.isRunning ? t("Trying…") : t("Dry run")}
          </Button>
        )}
        <Button kind={isEnded ? "primary" : "plain"} onPress={close}>
          {started ? t("Close") : t("Cancel")}
        </Button>
        {started && !isEnded && <span className="hint">{t("It goes on when you close this.")}</span>}
      </div>
    </Dialog>
  );
}
