// Makes an event, or changes one.

import { checkText, type EventType, type SecretEvent } from "csms";
import { useState } from "react";
import { Checkbox, CheckboxGroup, Label } from "react-aria-components";

import { announce } from "../app/announce";
import { judgeable } from "../app/judgeable";
import { useLanguage } from "../app/language";
import { useSession } from "../app/session";
import { useAction } from "../app/useAction";
import { useUnmoved } from "../app/useUnmoved";
import { MovedNotice } from "../secret/MovedNotice";
import { problemWords } from "../secrets/problemWords";
import { Button } from "../ui/Button";
import { CancelButton, Dialog } from "../ui/Dialog";
import { Failure } from "../ui/Failure";
import { Field } from "../ui/Field";
import { Form } from "../ui/Form";
import { Toggle } from "../ui/Toggle";
import { EVENT_TYPES, typeWords } from "./eventTypes";

interface Props {
  event: SecretEvent | undefined;
  onClose: () => void;
  onChange: () => void;
}

const sameTypes = (one: readonly string[], other: readonly string[]) =>
  one.toSorted().join() === other.toSorted().join();

/** What of an event this dialog changes. */
const aspect = (event: SecretEvent | undefined) =>
  JSON.stringify([
    event?.event_types.toSorted(),
    event?.state,
    event?.notification.target_id,
    event?.notification.target_name,
  ]);

export function EventDialog({ event: opened, onClose, onChange }: Props) {
  const { t, language } = useLanguage();
  const { client } = useSession();
  const [name, setName] = useState(opened?.name ?? "");
  const [types, setTypes] = useState<string[]>(opened?.event_types ?? ["SECRET_ROTATED_FAILED"]);
  const [isOn, setIsOn] = useState(opened?.state !== "DISABLED");
  const [topic, setTopic] = useState(opened?.notification.target_id ?? "");
  const [topicName, setTopicName] = useState(opened?.notification.target_name ?? "");
  const {
    known: event,
    hasMoved,
    isSame,
  } = useUnmoved(
    opened,
    async () => opened && (await client.showSecretEvent({ event_name: opened.name })).event,
    aspect,
    (former, now) => {
      if (!former || !now) return;
      if (sameTypes(types, former.event_types)) setTypes(now.event_types);
      if (isOn === (former.state === "ENABLED")) setIsOn(now.state === "ENABLED");
      if (topic === former.notification.target_id) setTopic(now.notification.target_id);
      if (topicName === former.notification.target_name) setTopicName(now.notification.target_name);
    },
  );
  const stored = event?.notification;
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
    if (event) {
      if (!(await isSame())) return;
      await client.updateSecretEvent({ event_name: event.name, ...body });
    } else await client.createSecretEvent({ name, ...body });
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
        {hasMoved && event && (
          <>
            <MovedNotice title={t("The event was changed elsewhere after you began.")} />
            <p className="hint">{t("Topic now: {text}", { text: event.notification.target_id })}</p>
            <p className="hint">{t("Name of the topic now: {text}", { text: event.notification.target_name })}</p>
            <p className="hint">
              {t("Notifies now about: {text}", { text: typeWords(event.event_types, t) })}
              {" · "}
              {event.state === "ENABLED" ? t("Enabled") : t("Disabled")}
            </p>
          </>
        )}
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
