// The table of a list page: its name for screen readers, its columns, and one for actions. Paging and filters are the page's.

import type { ReactNode } from "react";

import { useLanguage } from "../app/language";

interface Column {
  title: string;
  /** Left out on narrow screens; so are its cells, by the class `wide-only`. */
  isWideOnly?: boolean;
}

interface Props {
  label: string;
  columns: readonly Column[];
  hasActions?: boolean;
  /** The rows. */
  children: ReactNode;
}

export function ListTable({ label, columns, hasActions = false, children }: Props) {
  const { t } = useLanguage();
  return (
    <table className="table list">
      <caption className="visually-hidden">{label}</caption>
      <thead>
        <tr>
          {columns.map(({ title, isWideOnly = false }) => (
            <th key={title} scope="col" className={isWideOnly ? "wide-only" : undefined}>
              {title}
            </th>
          ))}
          {hasActions && (
            <th scope="col">
              <span className="visually-hidden">{t("Actions")}</span>
            </th>
          )}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  );
}
