// Changes what is said about a secret; its values and its rotation have their own places.

import { validateUpdateSecret } from "csms";
import { useState } from "react";

import { announce } from "../app/announce";
import { judged } from "../app/judgeable";
import { useLanguage } from "../app/language";
import { useSession } from "../app/session";
import { useAction } from "../app/useAction";
import { EventSelect } from "../events/EventSelect";
import { KeySelect } from "../keys/KeySelect";
import { useProblems } from "../secrets/useProblems";
import { Button } from "../ui/Button";
import { CancelButton, Dialog } from "../ui/Dialog";
import { Failure } from "../ui/Failure";
import { Field } from "../ui/Field";
import { Form } from "../ui/Form";
import { MovedNotice } from "./MovedNotice";
import type { SecretDialogProps } from "./SecretActions";
import { useFresh } from "./useFresh";
import type { Known } from "./useKnownSecret";

/** What the form changes. */
const aspect = ({ secret: { description, kms_key_id, event_subscriptions } }: Known) =>
  JSON.stringify([description, kms_key_id, event_subscriptions]);

/** The event that the secret subscribes to; empty for none. */
const eventOf = ({ secret }: Known) => secret.event_subscriptions.find(Boolean) ?? "";

export function EditDialog({ known: opened, isOpen, onClose, onChange }: SecretDialogProps) {
  const { t, language } = useLanguage();
  const { client } = useSession();
  const [description, setDescription] = useState(opened.secret.description);
  const [key, setKey] = useState(opened.secret.kms_key_id);
  const [event, setEvent] = useState(eventOf(opened));
  const { known, hasMoved, isSame } = useFresh(opened, aspect, (former, now) => {
    if (description === former.secret.description) setDescription(now.secret.description);
    if (key === former.secret.kms_key_id) setKey(now.secret.kms_key_id);
    if (event === eventOf(former)) setEvent(eventOf(now));
  });
  const { secret } = known;
  const subscribed = eventOf(known);
  const request = {
    secret_name: secret.name,
    ...(description !== secret.description && { description }),
    ...(key !== secret.kms_key_id && { kms_key_id: key }),
    ...(event !== subscribed && { event_subscriptions: event === "" ? [] : [event] }),
  };
  const isChanged = Object.keys(request).length > 1;
  const problems = useProblems(
    isChanged ? judged(request, (each) => validateUpdateSecret(each, { language })) : { ok: true, value: request },
  );
  const { run, isRunning, error } = useAction(async () => {
    if (isChanged) {
      if (!(await isSame())) return;
      await client.updateSecret(request);
      announce(t("The secret {name} is saved.", { name: secret.name }));
    }
    onChange();
    onClose();
  });
  const submit = () => {
    problems.showAll();
    if (problems.isClean) void run();
  };
  return (
    <Dialog title={t("Edit {name}", { name: secret.name })} isOpen={isOpen} onClose={onClose}>
      <Form onSubmit={submit} isBusy={isRunning}>
        <Field
          label={t("Description")}
          mayHaveLines
          value={description}
          onChange={(text) => (setDescription(text), problems.touch("description"))}
          problems={problems.of("description")}
        />
        <KeySelect
          isNew={false}
          value={key}
          onChange={(id) => (setKey(id), problems.touch("kms_key_id"))}
          problems={problems.of("kms_key_id")}
          hint={t("Protects versions that are stored from now on; earlier ones keep theirs.")}
        />
        <EventSelect
          value={event}
          onChange={(name) => (setEvent(name), problems.touch("event_subscriptions"))}
          problems={problems.of("event_subscriptions")}
        />
        {hasMoved && (
          <>
            <MovedNotice />
            <p className="hint">{t("Description now: {text}", { text: secret.description || "—" })}</p>
            <p className="hint">{t("KMS key now: {text}", { text: secret.kms_key_id || "—" })}</p>
            <p className="hint">{t("Event now: {text}", { text: subscribed || "—" })}</p>
          </>
        )}
        <Failure error={error} />
        <div className="row actions">
          <Button kind="primary" type="submit" isPending={isRunning}>
            {t("Save")}
          </Button>
          <CancelButton />
        </div>
      </Form>
    </Dialog>
  );
}
