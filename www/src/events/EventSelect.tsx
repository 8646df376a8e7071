// Which event a secret subscribes to; the service allows one. Who may not list events writes its name.

import type { SecretEvent } from "csms";

import { useLanguage } from "../app/language";
import { Field } from "../ui/Field";
import { Select } from "../ui/Select";
import { typeWords } from "./eventTypes";
import { useEvents } from "./useEvents";

interface Props {
  /** Name of the event; empty for none. */
  value: string;
  onChange: (name: string) => void;
  problems: readonly string[];
}

export function EventSelect({ value, onChange, problems }: Props) {
  const { t } = useLanguage();
  const { data: events, error } = useEvents();
  if (error !== undefined)
    return <Field label={t("Event")} isCode value={value} onChange={onChange} problems={problems} />;
  const options = [
    { value: "", label: t("No notification") },
    ...(events ?? []).map(({ name }) => ({ value: name, label: name })),
  ];
  if (value !== "" && !events?.some(({ name }) => name === value)) options.push({ value, label: value });
  const chosen = events?.find(({ name }) => name === value);
  const told = (event: SecretEvent) =>
    event.state === "DISABLED"
      ? t("This event is disabled and sends no notifications.")
      : t("Notifies {topic}: {types}.", {
          topic: event.notification.target_name,
          types: typeWords(event.event_types, t),
        });
  const hint = chosen
    ? told(chosen)
    : events?.length === 0
      ? t("There is no event yet; the page Events makes them.")
      : t("Who is notified when something happens to this secret.");
  return <Select label={t("Event")} value={value} onChange={onChange} options={options} hint={hint} />;
}
