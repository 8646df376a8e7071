// Lets a stage mark a version, or takes it away; shows first what that does.

import { checkText, previewStageDeletion, previewStageMove } from "csms";
import { useState } from "react";

import { announce } from "../app/announce";
import { judgeable } from "../app/judgeable";
import { useLanguage } from "../app/language";
import { useSession } from "../app/session";
import { useAction } from "../app/useAction";
import { problemWords } from "../secrets/problemWords";
import { Button } from "../ui/Button";
import { CancelButton, Dialog } from "../ui/Dialog";
import { Failure } from "../ui/Failure";
import { Field } from "../ui/Field";
import { Form } from "../ui/Form";
import { Select } from "../ui/Select";
import { MovedNotice } from "./MovedNotice";
import { PreviewView } from "./PreviewView";
import { useFresh } from "./useFresh";
import { forPreview, type Known } from "./useKnownSecret";

interface Props {
  known: Known;
  version: string;
  onClose: () => void;
  onChange: () => void;
}

const NEW = "+";
const NOWHERE = "-";
const BUILT_IN = ["SYSCURRENT", "SYSPREVIOUS", "SYSPENDING"];

/** What the preview is computed from. */
const aspect = ({ versions }: Known) => JSON.stringify(versions.map(({ id, version_stages }) => [id, version_stages]));

export function MoveStageDialog({ known: opened, version, onClose, onChange }: Props) {
  const { t, language } = useLanguage();
  const { client } = useSession();
  const { known, hasMoved, isSame } = useFresh(opened, aspect);
  const own = known.versions.flatMap((each) => each.version_stages).filter((stage) => !BUILT_IN.includes(stage));
  const isCurrent = known.versions.find(({ id }) => id === version)?.version_stages.includes("SYSCURRENT");
  const [chosen, setChosen] = useState(isCurrent ? NEW : "SYSCURRENT");
  const [name, setName] = useState("");
  const [target, setTarget] = useState(version);
  const stage = chosen === NEW ? judgeable(name) : chosen;
  const isNamed = stage !== "";
  const checked = checkText("stage_name", stage, { language });
  const secret = forPreview(known);
  const preview =
    target === NOWHERE
      ? previewStageDeletion(secret, { stage_name: stage }, { language })
      : previewStageMove(secret, { stage_name: stage, version_id: target }, { language });
  const { run, isRunning, error } = useAction(async () => {
    // The API moves a stage wherever it is, so the stages are read again just before.
    if (!(await isSame())) return;
    const where = { secret_name: known.secret.name, stage_name: stage };
    if (target === NOWHERE) await client.deleteSecretStage(where);
    else await client.updateSecretStage({ ...where, version_id: target });
    announce(
      target === NOWHERE
        ? t("The stage {stage} is removed.", { stage })
        : t("{stage} marks {version} now.", { stage, version: target }),
    );
    onChange();
    onClose();
  });
  const submit = () => {
    if (preview.ok) void run();
  };
  return (
    <Dialog title={t("Move a stage")} isOpen onClose={onClose}>
      <Form onSubmit={submit} isBusy={isRunning}>
        <div className="row top">
          <Select
            label={t("Stage")}
            value={chosen}
            onChange={setChosen}
            options={[...BUILT_IN, ...own, NEW].map((value) => ({
              value,
              label: value === NEW ? t("A new stage…") : value,
            }))}
          />
          <Select
            label={t("marks")}
            value={target}
            onChange={setTarget}
            options={[
              ...known.versions.map(({ id }) => ({ value: id, label: id })),
              ...(own.includes(chosen) ? [{ value: NOWHERE, label: t("nothing (remove it)") }] : []),
            ]}
          />
        </div>
        {chosen === NEW && (
          <Field
            label={t("Name of the stage")}
            isCode
            value={name}
            onChange={setName}
            problems={isNamed && !checked.ok ? checked.problems.map((problem) => problemWords(problem, t)) : []}
            hint={t("Programs may ask for the version that a stage marks, such as {stage}.", { stage: "blue" })}
          />
        )}
        {isNamed && checked.ok && <PreviewView preview={preview} />}
        {hasMoved && <MovedNotice />}
        <Failure error={error} />
        <div className="row actions">
          <Button kind="primary" type="submit" isPending={isRunning} isDisabled={!isNamed || !preview.ok}>
            {target === NOWHERE ? t("Remove the stage") : t("Move the stage")}
          </Button>
          <CancelButton />
        </div>
      </Form>
    </Dialog>
  );
}
