// Which key protects a secret's values. Who may not list keys writes the identifier.

import { useLanguage } from "../app/language";
import { Field } from "../ui/Field";
import { Select } from "../ui/Select";
import { isDefault, useKeys } from "./useKeys";

interface Props {
  /** Identifier of the key; empty for the service's own. */
  value: string;
  onChange: (id: string) => void;
  problems: readonly string[];
  hint: string;
  /** A secret that is being created may name no key; one that exists keeps its key unless another is named. */
  isNew: boolean;
}

export function KeySelect({ value, onChange, problems, hint, isNew }: Props) {
  const { t } = useLanguage();
  const { data: keys, error } = useKeys();
  if (error !== undefined) {
    return <Field label={t("KMS key")} isCode value={value} onChange={onChange} problems={problems} hint={hint} />;
  }
  const own = keys?.find(isDefault);
  // The service's own key may be named, or left out; both mean the same.
  const chosen = value === own?.key_id ? "" : value;
  const usable = keys?.filter((key) => !isDefault(key) && (key.key_state === "2" || key.key_id === chosen)) ?? [];
  const options = [
    ...(isNew || own ? [{ value: "", label: t("csms/default (default)") }] : []),
    ...usable.map(({ key_id, key_alias, key_state }) => ({
      value: key_id,
      label: key_state === "2" ? key_alias : t("{name} (cannot be used)", { name: key_alias }),
    })),
  ];
  if (chosen !== "" && !usable.some(({ key_id }) => key_id === chosen)) options.push({ value: chosen, label: chosen });
  return (
    <Select
      label={t("KMS key")}
      value={chosen}
      onChange={(id) => onChange(id === "" ? (own?.key_id ?? "") : id)}
      options={options}
      hint={hint}
    />
  );
}
