// Makes a user, or changes its name and description.

import type { IamUser } from "csms";
import { type FormEvent, useState } from "react";

import { announce } from "../app/announce";
import { useLanguage } from "../app/language";
import { forgetDirty } from "../app/leaving";
import { go, userPath } from "../app/route";
import { useSession } from "../app/session";
import { useAction } from "../app/useAction";
import { Button } from "../ui/Button";
import { CancelButton, Dialog } from "../ui/Dialog";
import { Failure } from "../ui/Failure";
import { Field } from "../ui/Field";

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
      forgetDirty();
      announce(t("The user {name} is created.", { name }));
      go(userPath(made.user.user_id));
    }
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void run();
  };
  return (
    <Dialog title={user ? t("Edit {name}", { name: user.user_name }) : t("New user")} isOpen onClose={onClose}>
      <form onSubmit={submit}>
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
      </form>
    </Dialog>
  );
}
