// Makes an event, or changes one.

import { checkText, type EventType, type SecretEvent } from "csms";
import { useState } from "react";
import { Checkbox, CheckboxGroup, Label } from "react-aria-components";

import { announce } from "../app/announce";
import { judgeable } from "../app/judgeable";
import { useLanguage } from "../app/language";
import { useSession } from "../app/session";
import { useAction } from "../app/useAction";
import { problemWords } from "../secrets/problemWords";
import { Button } from "../ui/Button";
import { CancelButton, Dialog } from "../ui/Dialog";
import { Failure } from "../ui/Failure";
import { Field } from "../ui/Field";
import { Form } from "../ui/Form";
import { Toggle } from "../ui/Toggle";
import { EVENT_TYPES } from "./eventTypes";

interface Props {
  event: SecretEvent | undefined;
  onClose: () => void;
  onChange: () => void;
}

export function EventDialog({ event, onClose, onChange }: Props) {
  const { t, language } = useLanguage();
  const { client } = useSession();
  const [name, setName] = useState(event?.name ?? "");
  const [types, setTypes] = useState<string[]>(event?.event_types ?? ["SECRET_ROTATED_FAILED"]);
  const [isOn, setIsOn] = useState(event?.state !== "DISABLED");
  const stored = event?.notification;
  const [topic, setTopic] = useState(stored?.target_id ?? "");
  const [topicName, setTopicName] = useState(stored?.target_name ?? "");
  const checked = checkText("event_name", judgeable(name), { language });
  const { run, isRunning, error } = useAction(async () => {
    const body = {
      event_types: types as EventType[],
      state: isOn ? ("ENABLED" as const) : ("DISABLED" as const),
      notification: {
        target_type: "SMN" as const,
        // Blanks that were stored are not this form's to take away.
        target_id: topic === stored?.target_id ? topic : topic.trim(),
        target_name: topicName === stored?.target_name ? topicName : topicName.trim(),
      },
    };
    if (event) await client.updateSecretEvent({ event_name: event.name, ...body });
    else await client.createSecretEvent({ name, ...body });
    announce(t("The event {name} is saved.", { name }));
    onChange();
    onClose();
  });
  return (
    <Dialog title={event ? t("Edit {name}", { name: event.name }) : t("New event")} isOpen onClose={onClose}>
      <Form onSubmit={run} isBusy={isRunning}>
        {!event && (
          <Field
            label={t("Name")}
            isCode
            value={name}
            onChange={setName}
            problems={name === "" || checked.ok ? [] : checked.problems.map((problem) => problemWords(problem, t))}
          />
        )}
        <CheckboxGroup value={types} onChange={setTypes} className="field">
          <Label className="label">{t("Notifies about")}</Label>
          {Object.entries(EVENT_TYPES).map(([type, text]) => (
            <Checkbox key={type} value={type} className="check">
              <span className="check-box" aria-hidden="true" />
              {t(text)}
            </Checkbox>
          ))}
        </CheckboxGroup>
        <Field
          label={t("Topic (URN)")}
          isCode
          value={topic}
          onChange={setTopic}
          hint={t("Such as {urn}.", { urn: "urn:smn:local-1:<project>:alerts" })}
        />
        <Field label={t("Name of the topic")} value={topicName} onChange={setTopicName} />
        <Toggle isOn={isOn} onChange={setIsOn}>
          {t("Enabled")}
        </Toggle>
        <Failure error={error} />
        <div className="row actions">
          <Button
            kind="primary"
            type="submit"
            isPending={isRunning}
            isDisabled={!checked.ok || types.length === 0 || topic.trim() === "" || topicName.trim() === ""}
          >
            {t("Save")}
          </Button>
          <CancelButton />
        </div>
      </Form>
    </Dialog>
  );
}
