// From page to page of the list.

import { useLanguage } from "../app/language";
import { Button } from "../ui/Button";

interface Props {
  /** The page that was asked for, from 0; the one in sight may still be another. */
  page: number;
  /** The last page that there is, and that can be shown. */
  last: number;
  /** The places of the first and the last row in sight, from 1. */
  from: number;
  to: number;
  /** How many rows there are; unknown to somebody who may not search. */
  all: number | undefined;
  onPage: (page: number) => void;
}

export function Pager({ page, last, from, to, all, onPage }: Props) {
  const { t, language } = useLanguage();
  const count = (number: number) => number.toLocaleString(language);
  const range = { from: count(from), to: count(to) };
  return (
    <nav className="pager" aria-label={t("Pages")}>
      <Button isDisabled={page === 0} onPress={() => onPage(page - 1)}>
        {t("Previous")}
      </Button>
      <span aria-live="polite">
        {all === undefined ? t("{from}–{to}", range) : t("{from}–{to} of {all}", { ...range, all: count(all) })}
      </span>
      <Button isDisabled={page >= last} onPress={() => onPage(page + 1)}>
        {t("Next")}
      </Button>
    </nav>
  );
}
