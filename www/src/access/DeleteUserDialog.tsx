// Deletes a user with its access keys, once its name is typed.

import type { IamUser } from "csms";
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

export function DeleteUserDialog({
  user,
  onClose,
  onChange,
}: {
  user: IamUser;
  onClose: () => void;
  onChange: () => void;
}) {
  const { t } = useLanguage();
  const { client } = useSession();
  const [typed, setTyped] = useState("");
  const { run, isRunning, error } = useAction(async () => {
    await client.deleteUserV5({ user_id: user.user_id });
    announce(t("{name} is deleted.", { name: user.user_name }));
    onChange();
    onClose();
  });
  return (
    <Dialog title={t("Delete {name}", { name: user.user_name })} isOpen onClose={onClose}>
      <Form onSubmit={run} isBusy={isRunning}>
        <Notice kind="danger" title={t("This cannot be undone.")}>
          <p>{t("Its access keys stop working at once. To find out first who still uses them, disable the user.")}</p>
        </Notice>
        <Field label={t("Type the name of the user to confirm")} isCode value={typed} onChange={setTyped} />
        <Failure error={error} />
        <div className="row actions">
          <Button kind="danger" type="submit" isPending={isRunning} isDisabled={typed !== user.user_name}>
            {t("Delete the user")}
          </Button>
          <CancelButton />
        </div>
      </Form>
    </Dialog>
  );
}
