// Schedules the deletion of a key, which takes every value with it that the key protects.

import { useState } from "react";

import { announce } from "../app/announce";
import { useLanguage } from "../app/language";
import { useSession } from "../app/session";
import { useAction } from "../app/useAction";
import { Button } from "../ui/Button";
import { CancelButton, Dialog } from "../ui/Dialog";
import { Failure } from "../ui/Failure";
import { Field } from "../ui/Field";
import { Form } from "../ui/Form";
import { Notice } from "../ui/Notice";
import type { KeyDialogProps } from "./KeyDialog";
import { ProtectedSecrets } from "./ProtectedSecrets";

const DAY = 86_400_000;
/** Days that the service allows. */
const [LEAST, MOST] = [7, 1096];

export function DeleteKeyDialog({ keyInfo: key, onClose, onChange }: KeyDialogProps) {
  const { t, time } = useLanguage();
  const { client } = useSession();
  const [days, setDays] = useState("30");
  const isAllowed = /^\d{1,4}$/.test(days) && Number(days) >= LEAST && Number(days) <= MOST;
  const { run, isRunning, error } = useAction(async () => {
    await client.deleteKey({ key_id: key.key_id, pending_days: days });
    announce(t("The deletion of {name} is scheduled.", { name: key.key_alias }));
    onChange();
    onClose();
  });
  const submit = () => {
    if (isAllowed) void run();
  };
  return (
    <Dialog title={t("Delete {name}", { name: key.key_alias })} isOpen onClose={onClose}>
      <Form onSubmit={submit} isBusy={isRunning}>
        <Notice kind="danger" title={t("When the key is gone, every value that it protects is gone for good.")}>
          <p>
            {t(
              "From now on they cannot be read. Until the date below you can cancel the deletion and enable the key again.",
            )}
          </p>
        </Notice>
        <ProtectedSecrets id={key.key_id} />
        <Field
          label={t("Days until it is deleted (7 to 1096)")}
          value={days}
          onChange={setDays}
          inputMode="numeric"
          problems={isAllowed ? [] : [t("A whole number from 7 to 1096.")]}
        />
        <p className="hint" aria-live="polite">
          {isAllowed ? t("It will be deleted on {date}.", { date: time(Date.now() + Number(days) * DAY) }) : " "}
        </p>
        <Failure error={error} />
        <div className="row actions">
          <Button kind="danger" type="submit" isPending={isRunning} isDisabled={!isAllowed}>
            {t("Schedule the deletion")}
          </Button>
          <CancelButton />
        </div>
      </Form>
    </Dialog>
  );
}
