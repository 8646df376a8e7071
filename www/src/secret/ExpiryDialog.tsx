// Sets when the expiry event of a version fires.

import { validateUpdateVersion } from "csms";
import { useState } from "react";

import { announce } from "../app/announce";
import { useLanguage } from "../app/language";
import { useSession } from "../app/session";
import { useAction } from "../app/useAction";
import { problemWords } from "../secrets/problemWords";
import { Button } from "../ui/Button";
import { CancelButton, Dialog } from "../ui/Dialog";
import { Failure } from "../ui/Failure";
import { Field } from "../ui/Field";
import { Form } from "../ui/Form";

interface Props {
  name: string;
  version: string;
  onClose: () => void;
  onChange: () => void;
}

export function ExpiryDialog({ name, version, onClose, onChange }: Props) {
  const { t, language, ago, time, zone } = useLanguage();
  const { client } = useSession();
  const [typed, setTyped] = useState("");
  const millis = new Date(typed).getTime();
  const result = validateUpdateVersion({ secret_name: name, version_id: version, expire_time: millis }, { language });
  const { run, isRunning, error } = useAction(async () => {
    if (!result.ok) return;
    await client.updateVersion(result.value);
    announce(t("The expiry of {version} is saved.", { version }));
    onChange();
    onClose();
  });
  return (
    <Dialog title={t("When {version} expires", { version })} isOpen onClose={onClose}>
      <Form onSubmit={run} isBusy={isRunning}>
        <Field
          label={t("Date and time ({zone})", { zone: zone(millis) })}
          type={"datetime-local" as "text"}
          value={typed}
          onChange={setTyped}
          problems={typed === "" || result.ok ? [] : result.problems.map((problem) => problemWords(problem, t))}
          hint={
            typed !== "" && result.ok
              ? `${time(millis)} · ${ago(millis)}`
              : t("An event notifies you then; the value stays readable.")
          }
        />
        <Failure error={error} />
        <div className="row actions">
          <Button kind="primary" type="submit" isPending={isRunning} isDisabled={!result.ok}>
            {t("Save")}
          </Button>
          <CancelButton />
        </div>
      </Form>
    </Dialog>
  );
}
