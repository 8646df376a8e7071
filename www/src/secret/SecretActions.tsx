// What can be done with a secret as a whole. What its state does not allow is disabled, and says why.

import { type OperationName, permits } from "csms";
import { useState } from "react";

import { useLanguage } from "../app/language";
import { type Right, useLacking } from "../app/rights";
import { go, secretPath } from "../app/route";
import { ActionMenu } from "../ui/ActionMenu";
import { Button } from "../ui/Button";
import { DeleteDialog } from "./DeleteDialog";
import { EditDialog } from "./EditDialog";
import { RestoreDialog } from "./RestoreDialog";
import type { Known } from "./useKnownSecret";

type Doing = "version" | "edit" | "delete" | "restore";

const OPERATION: Record<Doing, OperationName> = {
  version: "CreateSecretVersion",
  edit: "UpdateSecret",
  delete: "DeleteSecretForSchedule",
  restore: "RestoreSecret",
};

const RIGHT: Record<Doing, Right[]> = {
  version: ["createVersion"],
  edit: ["update"],
  delete: ["schedule", "delete"],
  restore: ["restore"],
};

interface Props {
  known: Known;
  /** Whether what the page shows has a main action of its own. */
  isSecondary: boolean;
  onChange: () => void;
}

export function SecretActions({ known, isSecondary, onChange }: Props) {
  const { t, language } = useLanguage();
  const [doing, setDoing] = useState<Doing>();
  const { state } = known.secret;
  const lacking = useLacking(known.secret.name);
  const refusal = (what: Doing) => {
    const right = lacking(...RIGHT[what]);
    if (right !== undefined) return right;
    const allowed = permits(state, OPERATION[what], { language });
    if (!allowed.ok) return allowed.refusal?.message;
    return what === "restore" && state !== "PENDING_DELETE" ? t("It is not scheduled for deletion.") : undefined;
  };
  const items: [Doing, string][] = [
    ["edit", t("Edit…")],
    ["restore", t("Restore…")],
    ["delete", t("Delete…")],
  ];
  const dialog = { known, isOpen: true, onClose: () => setDoing(undefined), onChange };
  return (
    <div className="row">
      {state === "PENDING_DELETE" ? (
        <Button kind="primary" isDisabled={refusal("restore") !== undefined} onPress={() => setDoing("restore")}>
          {t("Restore…")}
        </Button>
      ) : (
        <Button
          kind={isSecondary ? "plain" : "primary"}
          isDisabled={refusal("version") !== undefined}
          onPress={() => go(secretPath(known.secret.name, "new-version"))}
        >
          {t("New version")}
        </Button>
      )}
      {lacking("createVersion") && <span className="hint">{lacking("createVersion")}</span>}
      <ActionMenu
        label={t("More actions")}
        onAction={setDoing}
        items={items.map(([id, label]) => ({ id, label, refusal: refusal(id) }))}
      />
      {doing === "edit" && <EditDialog {...dialog} />}
      {doing === "delete" && <DeleteDialog {...dialog} />}
      {doing === "restore" && <RestoreDialog {...dialog} />}
    </div>
  );
}

/** What every dialog about a secret takes. */
export interface SecretDialogProps {
  known: Known;
  isOpen: boolean;
  onClose: () => void;
  /** After something was changed. */
  onChange: () => void;
}
