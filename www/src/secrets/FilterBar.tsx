// Search and filters above the table.

import { Input, Label, SearchField } from "react-aria-components";

import { useLanguage } from "../app/language";
import { Select } from "../ui/Select";
import type { Filter } from "./filter";
import { STATE_TEXT } from "./StateBadge";

export function FilterBar({ filter, onChange }: { filter: Filter; onChange: (filter: Filter) => void }) {
  const { t } = useLanguage();
  const states = ["ENABLED", "DISABLED", "PENDING_DELETE", "FROZEN"] as const;
  return (
    <search className="filters">
      <SearchField className="field grow" value={filter.text} onChange={(text) => onChange({ ...filter, text })}>
        <Label className="visually-hidden">{t("Search names and descriptions")}</Label>
        <Input className="input" placeholder={t("Search names and descriptions")} />
      </SearchField>
      <Select<Filter["state"]>
        label={t("State")}
        isLabelHidden
        value={filter.state}
        onChange={(state) => onChange({ ...filter, state })}
        options={[{ value: "ANY", label: t("Every state") }, ...states.map((value) => ({ value, label: t(STATE_TEXT(value)) }))]}
      />
      <Select<Filter["type"]>
        label={t("Type")}
        isLabelHidden
        value={filter.type}
        onChange={(type) => onChange({ ...filter, type })}
        options={[
          { value: "ANY", label: t("Every type") },
          { value: "COMMON", label: t("Common") },
          { value: "ROTATED", label: t("Database accounts") },
          { value: "DUE", label: t("Rotating within 7 days") },
        ]}
      />
    </search>
  );
}
