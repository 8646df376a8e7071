// Search and filters above the table.

import { Input, Label, SearchField } from "react-aria-components";

import { useLanguage } from "../app/language";
import { Select } from "../ui/Select";
import { type Filter, tagText, type WantedTag } from "./filter";
import { STATE_TEXT } from "./StateBadge";

/** Finds the search field, for the key that leads to it. */
export const SEARCH = "search-secrets";

interface Props {
  filter: Filter;
  /** The tags to choose from. */
  tags: readonly WantedTag[];
  onChange: (filter: Filter) => void;
}

export function FilterBar({ filter, tags, onChange }: Props) {
  const { t } = useLanguage();
  const states = ["ENABLED", "DISABLED", "PENDING_DELETE", "FROZEN"] as const;
  return (
    <search className="filters">
      <SearchField className="field grow" value={filter.text} onChange={(text) => onChange({ ...filter, text })}>
        <Label className="visually-hidden">{t("Search secrets")}</Label>
        <Input
          id={SEARCH}
          className="input"
          placeholder={filter.withDescriptions ? t("Part of a name or description") : t("Part of a name, or key=value")}
          aria-keyshortcuts="/"
        />
      </SearchField>
      <Select<Filter["state"]>
        label={t("State")}
        isLabelHidden
        value={filter.state}
        onChange={(state) => onChange({ ...filter, state })}
        options={[
          { value: "ANY", label: t("Every state") },
          ...states.map((value) => ({ value, label: t(STATE_TEXT(value)) })),
        ]}
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
          { value: "FAILING", label: t("Rotation failing or overdue") },
          { value: "DUE", label: t("Rotating within 7 days") },
          { value: "MANUAL", label: t("Database accounts without a schedule") },
          { value: "UNUSED", label: t("Not read for 90 days") },
        ]}
      />
      {tags.length > 0 && (
        <Select
          label={t("Tag")}
          isLabelHidden
          value={filter.tag}
          onChange={(tag) => onChange({ ...filter, tag })}
          options={[
            { value: "", label: t("Every tag") },
            ...tags.map((tag) => ({
              value: tagText(tag),
              label: tag.value === undefined ? tag.key : `${tag.key}=${tag.value}`,
            })),
          ]}
        />
      )}
    </search>
  );
}
