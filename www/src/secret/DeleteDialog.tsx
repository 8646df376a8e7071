// Schedules the deletion of a secret, or deletes it at once when its name is typed.

import { validateScheduleDeletion } from "csms";
import { useState } from "react";

import { announce } from "../app/announce";
import { useLanguage } from "../app/language";
import { forgetDirty } from "../app/leaving";
import { onward } from "../app/route";
import { useSession } from "../app/session";
import { useAction } from "../app/useAction";
import { problemWords } from "../secrets/problemWords";
import { Button } from "../ui/Button";
import { Choice } from "../ui/Choice";
import { CancelButton, Dialog } from "../ui/Dialog";
import { Failure } from "../ui/Failure";
import { Field } from "../ui/Field";
import { Form } from "../ui/Form";
import { Notice } from "../ui/Notice";
import type { SecretDialogProps } from "./SecretActions";

const DAY = 86_400_000;

/** A number that is written in digits alone. */
const count = (text: string) => (/^\d+$/.test(text) ? Number(text) : Number.NaN);

export function DeleteDialog({ known: { secret }, isOpen, onClose, onChange }: SecretDialogProps) {
  const { t, language, time } = useLanguage();
  const { client } = useSession();
  const [way, setWay] = useState<"later" | "now">("later");
  const [days, setDays] = useState("30");
  const [typed, setTyped] = useState("");
  const request = { secret_name: secret.name, recovery_window_in_days: days === "" ? undefined : count(days) };
  const result = validateScheduleDeletion(request, { language });
  const { run, isRunning, error } = useAction(async () => {
    if (way === "now") {
      const leadOn = onward();
      await client.deleteSecret({ secret_name: secret.name });
      announce(t("{name} is deleted.", { name: secret.name }));
      leadOn("#/", forgetDirty);
      return;
    }
    if (!result.ok) return;
    await client.deleteSecretForSchedule(result.value);
    announce(t("The deletion of {name} is scheduled.", { name: secret.name }));
    onChange();
    onClose();
  });
  return (
    <Dialog title={t("Delete {name}", { name: secret.name })} isOpen={isOpen} onClose={onClose}>
      <Form onSubmit={run} isBusy={isRunning}>
        <Choice
          label={t("When")}
          value={way}
          onChange={setWay}
          options={[
            {
              value: "later",
              label: t("After some days"),
              hint: t("Programs can no longer read it from now on; you can restore it until then."),
            },
            {
              value: "now",
              label: t("Now, permanently"),
              hint: t("All versions are gone. Nobody can bring them back."),
            },
          ]}
        />
        {way === "later" ? (
          <>
            <Field
              label={t("Days until it is deleted (7 to 30)")}
              value={days}
              onChange={setDays}
              inputMode="numeric"
              problems={result.ok ? [] : result.problems.map((problem) => problemWords(problem, t))}
            />
            <p className="hint" aria-live="polite">
              {result.ok ? t("It will be deleted on {date}.", { date: time(Date.now() + Number(days) * DAY) }) : " "}
            </p>
          </>
        ) : (
          <>
            <Notice kind="danger" title={t("This cannot be undone.")} />
            <Field label={t("Type the name of the secret to confirm")} isCode value={typed} onChange={setTyped} />
          </>
        )}
        <Failure error={error} />
        <div className="row actions">
          <Button
            kind="danger"
            type="submit"
            isPending={isRunning}
            isDisabled={way === "now" ? typed !== secret.name : !result.ok}
          >
            {way === "now" ? t("Delete for good") : t("Schedule the deletion")}
          </Button>
          <CancelButton />
        </div>
      </Form>
    </Dialog>
  );
}
