// Makes a user, or changes its name and description.

import type { IamUser } from "csms";
import { useState } from "react";
import { flushSync } from "react-dom";

import { announce } from "../app/announce";
import { useLanguage } from "../app/language";
import { onward, userPath } from "../app/route";
import { useSession } from "../app/session";
import { useAction } from "../app/useAction";
import { useUnmoved } from "../app/useUnmoved";
import { MovedNotice } from "../secret/MovedNotice";
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

/** What of a user this dialog changes. */
const aspect = (user: IamUser | undefined) => JSON.stringify([user?.user_name, user?.description]);

export function UserDialog({ user: opened, onClose, onChange }: Props) {
  const { t } = useLanguage();
  const { client } = useSession();
  const [name, setName] = useState(opened?.user_name ?? "");
  const [description, setDescription] = useState(opened?.description ?? "");
  const {
    known: user,
    hasMoved,
    isSame,
  } = useUnmoved(
    opened,
    async () => opened && (await client.showUserV5({ user_id: opened.user_id })).user,
    aspect,
    (former, now) => {
      if (name === former?.user_name) setName(now?.user_name ?? name);
      if (description === former?.description) setDescription(now?.description ?? description);
    },
  );
  const { run, isRunning, error } = useAction(async () => {
    const leadOn = onward();
    if (user) {
      if (!(await isSame())) return;
      const change = {
        ...(name !== user.user_name && { new_user_name: name }),
        ...(description !== user.description && { new_description: description }),
      };
      if (Object.keys(change).length > 0) await client.updateUserV5({ user_id: user.user_id, ...change });
      announce(t("The user {name} is saved.", { name }));
      onChange();
      onClose();
    } else {
      const made = await client.createUserV5({ name, enabled: true, ...(description && { description }) });
      announce(t("The user {name} is created.", { name }));
      // What was typed is saved, so going on asks nothing.
      flushSync(onClose);
      leadOn(userPath(made.user.user_id));
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
        <Field label={t("Description")} mayHaveLines value={description} onChange={setDescription} />
        {hasMoved && user && (
          <>
            <MovedNotice title={t("The user was changed elsewhere after you began.")} />
            <p className="hint">{t("Name now: {text}", { text: user.user_name })}</p>
            <p className="hint">{t("Description now: {text}", { text: user.description || "—" })}</p>
          </>
        )}
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
