// A page of secrets as a table. Only what is out of the ordinary is marked. A press on a row opens it, arrow keys go from row
// to row.

import type { Secret } from "csms";
import type { KeyboardEvent, MouseEvent } from "react";

import { useLanguage } from "../app/language";
import { go, secretPath } from "../app/route";
import { HealthMark } from "../rotation/HealthMark";
import { Badge } from "../ui/Badge";
import { Time } from "../ui/Time";
import type { Column, Knowledge, Order } from "./filter";
import { NextRotation } from "./NextRotation";
import { StateBadge } from "./StateBadge";

interface Props {
  /** In their order. */
  secrets: readonly Secret[];
  knowledge: Knowledge;
  /** Whether another page is on its way. */
  isBusy: boolean;
  /** Whether these are all that match. */
  areAll: boolean;
  order: Order;
  onOrder: (order: Order) => void;
  selected: ReadonlyMap<string, Secret>;
  onSelect: (selected: ReadonlyMap<string, Secret>) => void;
}

export function SecretTable({ secrets, knowledge, isBusy, areAll, order, onOrder, selected, onSelect }: Props) {
  const { t } = useLanguage();
  const count = secrets.length;
  const areAllSelected = count > 0 && secrets.every(({ name }) => selected.has(name));
  const select = (these: readonly Secret[], isSelected: boolean) => {
    const next = new Map(selected);
    for (const secret of these) {
      if (isSelected) next.set(secret.name, secret);
      else next.delete(secret.name);
    }
    onSelect(next);
  };
  return (
    <table className="table secrets" aria-busy={isBusy} onKeyDown={moveByArrows}>
      <caption className="visually-hidden">{t("Secrets")}</caption>
      <thead>
        <tr>
          <th scope="col" className="check-cell">
            <input
              type="checkbox"
              aria-label={areAll ? t("Select all {count}", { count }) : t("Select the {count} on this page", { count })}
              checked={areAllSelected}
              onChange={() => select(secrets, !areAllSelected)}
            />
          </th>
          <SortHead column="name" title={t("Name")} order={order} onOrder={onOrder} />
          <th scope="col" className="wide-only">
            {t("Tags")}
          </th>
          <SortHead column="next" title={t("Next rotation")} order={order} onOrder={onOrder} />
          <SortHead column="used" title={t("Last used")} order={order} onOrder={onOrder} isWideOnly />
          <SortHead column="changed" title={t("Changed")} order={order} onOrder={onOrder} isWideOnly />
        </tr>
      </thead>
      <tbody>
        {secrets.map((secret) => (
          <tr key={secret.id} onClick={(event) => openRow(event, secret.name)}>
            <td className="check-cell">
              <input
                type="checkbox"
                aria-label={t("Select {name}", { name: secret.name })}
                checked={selected.has(secret.name)}
                onChange={(event) => select([secret], event.target.checked)}
              />
            </td>
            <th scope="row">
              <span className="row name-line">
                <a href={secretPath(secret.name)}>{secret.name}</a>
                {secret.state !== "ENABLED" && <StateBadge state={secret.state} />}
                {secret.secret_type !== "COMMON" && <Badge>{secret.secret_type}</Badge>}
                <HealthMark secret={secret} tasks={knowledge.tasks} />
              </span>
              {secret.description && <span className="description">{secret.description}</span>}
            </th>
            <td className="wide-only">
              <span className="description">
                {(knowledge.tags.get(secret.id) ?? [])
                  .map(({ key, value }) => (value ? `${key}=${value}` : key))
                  .join(" · ")}
              </span>
            </td>
            <td>
              <NextRotation secret={secret} />
            </td>
            <td className="wide-only">
              <Time millis={secret.last_used_time} />
            </td>
            <td className="wide-only">
              <Time millis={secret.update_time} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A press on a row opens it; on something in it, or to mark text, it does not. */
function openRow({ target, currentTarget }: MouseEvent<HTMLElement>, name: string): void {
  const inside = (target as HTMLElement).closest("a, button, input, label");
  if ((inside && currentTarget.contains(inside)) || getSelection()?.toString()) return;
  go(secretPath(name));
}

/** Arrow keys go from the link of a row to that of the next. */
function moveByArrows(event: KeyboardEvent<HTMLElement>): void {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const links = [...event.currentTarget.querySelectorAll<HTMLElement>("tbody th a")];
  const at = links.indexOf(document.activeElement as HTMLElement);
  const next = links[at + (event.key === "ArrowDown" ? 1 : -1)];
  if (at < 0 || !next) return;
  event.preventDefault();
  next.focus();
}

interface HeadProps {
  column: Column;
  title: string;
  order: Order;
  onOrder: (order: Order) => void;
  isWideOnly?: boolean;
}

function SortHead({ column, title, order, onOrder, isWideOnly = false }: HeadProps) {
  const isSorted = order.by === column;
  const direction = order.isDescending ? "descending" : "ascending";
  // The first press shows what a person looks for: names from A, times from the latest; the next rotation from the nearest.
  const isDescending = isSorted ? !order.isDescending : column === "used" || column === "changed";
  return (
    <th scope="col" className={isWideOnly ? "wide-only" : undefined} aria-sort={isSorted ? direction : "none"}>
      <button type="button" className="sort" onClick={() => onOrder({ by: column, isDescending })}>
        {title}
        <span aria-hidden="true">{isSorted ? (order.isDescending ? " ↓" : " ↑") : ""}</span>
      </button>
    </th>
  );
}
