// Makes a key, or changes its alias and description.

import type { KeyDetails } from "csms";
import { useState } from "react";

import { announce } from "../app/announce";
import { useLanguage } from "../app/language";
import { useSession } from "../app/session";
import { useAction } from "../app/useAction";
import { useUnmoved } from "../app/useUnmoved";
import { MovedNotice } from "../secret/MovedNotice";
import { Button } from "../ui/Button";
import { CancelButton, Dialog } from "../ui/Dialog";
import { Failure } from "../ui/Failure";
import { Field } from "../ui/Field";
import { Form } from "../ui/Form";

export interface KeyDialogProps {
  keyInfo: KeyDetails;
  onClose: () => void;
  onChange: () => void;
}

/** What of a key this dialog changes. */
const aspect = (key: KeyDetails | undefined) => JSON.stringify([key?.key_alias, key?.key_description]);

export function KeyDialog({
  keyInfo: opened,
  onClose,
  onChange,
}: Omit<KeyDialogProps, "keyInfo"> & { keyInfo: KeyDetails | undefined }) {
  const { t } = useLanguage();
  const { client } = useSession();
  const [alias, setAlias] = useState(opened?.key_alias ?? "");
  const [description, setDescription] = useState(opened?.key_description ?? "");
  const {
    known: key,
    hasMoved,
    isSame,
  } = useUnmoved(
    opened,
    async () => opened && (await client.listKeyDetail({ key_id: opened.key_id })).key_info,
    aspect,
    (former, now) => {
      if (alias === former?.key_alias) setAlias(now?.key_alias ?? alias);
      if (description === former?.key_description) setDescription(now?.key_description ?? description);
    },
  );
  const { run, isRunning, error } = useAction(async () => {
    if (!key) {
      await client.createKey({ key_alias: alias, ...(description && { key_description: description }) });
    } else {
      if (!(await isSame())) return;
      const { key_id } = key;
      if (alias !== key.key_alias) await client.updateKeyAlias({ key_id, key_alias: alias });
      if (description !== key.key_description)
        await client.updateKeyDescription({ key_id, key_description: description });
    }
    announce(t("The key {name} is saved.", { name: alias }));
    onChange();
    onClose();
  });
  return (
    <Dialog title={key ? t("Edit {name}", { name: key.key_alias }) : t("New key")} isOpen onClose={onClose}>
      <Form onSubmit={run} isBusy={isRunning}>
        <Field
          label={t("Alias")}
          isCode
          value={alias}
          onChange={setAlias}
          hint={t("Letters, digits and : / _ - in any order; it must not end in /default.")}
        />
        <Field label={t("Description")} mayHaveLines value={description} onChange={setDescription} />
        {hasMoved && key && (
          <>
            <MovedNotice title={t("The key was changed elsewhere after you began.")} />
            <p className="hint">{t("Alias now: {text}", { text: key.key_alias })}</p>
            <p className="hint">{t("Description now: {text}", { text: key.key_description || "—" })}</p>
          </>
        )}
        <Failure error={error} />
        <div className="row actions">
          <Button kind="primary" type="submit" isPending={isRunning} isDisabled={alias === ""}>
            {key ? t("Save") : t("Create key")}
          </Button>
          <CancelButton />
        </div>
      </Form>
    </Dialog>
  );
}
