// Makes a user, or changes its name and description.

import type { IamUser } from "csms";
import { useState } from "react";
import { flushSync } from "react-dom";

import { announce } from "../app/announce";
import { useLanguage } from "../app/language";
import { go, userPath } from "../app/route";
import { useSession } from "../app/session";
import { useAction } from "../app/useAction";
import { Button } from "../ui/Button";
import { CancelButton, Dialog } from "../ui/Dialog";
import { Failure } from "../ui/Failure";
import { Field } from "../ui/Field";
import { Form } from "../ui/Form";

interface Props {
  user: IamUser | undefined;
  onClose: () => void;
  onChange: () => void;
}

export function UserDialog({ user, onClose, onChange }: Props) {
  const { t } = useLanguage();
  const { client } = useSession();
  const [name, setName] = useState(user?.user_name ?? "");
  const [description, setDescription] = useState(user?.description ?? "");
  const { run, isRunning, error } = useAction(async () => {
    if (user) {
      await client.updateUserV5({ user_id: user.user_id, new_user_name: name, new_description: description });
      announce(t("The user {name} is saved.", { name }));
      onChange();
      onClose();
    } else {
      const made = await client.createUserV5({ name, enabled: true, ...(description && { description }) });
      announce(t("The user {name} is created.", { name }));
      // What was typed is saved, so going on asks nothing.
      flushSync(onClose);
      go(userPath(made.user.user_id));
    }
  });
  return (
    <Dialog title={user ? t("Edit {name}", { name: user.user_name }) : t("New user")} isOpen onClose={onClose}>
      <Form onSubmit={run} isBusy={isRunning}>
        <Field
          label={t("Name")}
          isCode
          value={name}
          onChange={setName}
          hint={t("Letters, digits, spaces and - _ . @")}
        />
        <Field label={t("Description")} value={description} onChange={setDescription} />
        <Failure error={error} />
        <div className="row actions">
          <Button kind="primary" type="submit" isPending={isRunning} isDisabled={name === ""}>
            {user ? t("Save") : t("Create user")}
          </Button>
          <CancelButton />
        </div>
      </Form>
    </Dialog>
  );
}
