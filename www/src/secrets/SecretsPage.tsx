// The first page: every secret of the project.

import { useEffect, useMemo, useState } from "react";

import { useLanguage } from "../app/language";
import { loadable } from "../app/loadable";
import { MissingRights } from "../app/MissingRights";
import { isForbidden, NoRights } from "../app/NoRights";
import { useParameters } from "../app/route";
import { useLastTasks } from "../rotation/useLastTasks";
import { Button } from "../ui/Button";
import { Empty } from "../ui/Empty";
import { Failure } from "../ui/Failure";
import { FilterBar, SEARCH } from "./FilterBar";
import {
  EVERYTHING,
  type Filter,
  filterFrom,
  matching,
  ordered,
  orderFrom,
  pageFrom,
  parametersOf,
  sortOf,
} from "./filter";
import { SecretTable } from "./SecretTable";
import { useSecrets } from "./useSecrets";
import { useTags } from "./useTags";

const SelectionBar = loadable(async () => (await import("./SelectionBar")).SelectionBar);

/** What the page offers. */
const ACTIONS = ["csms:secret:list", "csms:secret:create"];

export function SecretsPage() {
  const { t, language } = useLanguage();
  const [parameters, setParameters] = useParameters();
  const { secrets, error, isLoading, reload } = useSecrets();
  const { tags, words, reload: reloadTags } = useTags();
  const tasks = useLastTasks();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const query = parameters.toString();
  const filter = useMemo(() => filterFrom(new URLSearchParams(query)), [query]);
  const order = useMemo(() => orderFrom(new URLSearchParams(query)), [query]);
  const knowledge = useMemo(() => ({ tasks, tags }), [tasks, tags]);
  const shown = useMemo(
    () => ordered(matching(secrets ?? [], filter, knowledge), order),
    [secrets, filter, order, knowledge],
  );
  // A new search begins on its first page.
  const setFilter = (next: Filter) => setParameters({ ...parametersOf(next), page: "" });
  useEffect(() => {
    const search = (event: KeyboardEvent) => {
      const { activeElement: focused } = document;
      const isTyping = focused?.matches("input:not([type=checkbox]), textarea, select, [role=dialog] *");
      const field = document.getElementById(SEARCH);
      if (event.key === "/" && !isTyping && field) {
        event.preventDefault();
        field.focus();
      }
      if (event.key === "ArrowDown" && focused === field) {
        event.preventDefault();
        document.querySelector<HTMLElement>(".secrets tbody th a")?.focus();
      }
    };
    addEventListener("keydown", search);
    return () => removeEventListener("keydown", search);
  }, []);
  const isDenied = isForbidden(error) && !secrets;
  const count = shown.length.toLocaleString(language);
  const chosen = (secrets ?? []).filter(({ name }) => selected.has(name));
  return (
    <div className="page wide">
      <header className="page-head">
        <h1>{t("Secrets")}</h1>
        <span className="count" role="status">
          {isLoading && !secrets
            ? t("Loading…")
            : isLoading
              ? t("{count}, loading more…", { count })
              : secrets && count}
        </span>
        <span className="grow" />
        {!isDenied && (
          <>
            <Button onPress={reload}>{t("Refresh")}</Button>
            <a className="button button-plain" href="#/import">
              {t("Import")}
            </a>
            <a className="button button-primary" href="#/create">
              {t("New secret")}
            </a>
          </>
        )}
      </header>
      {isDenied ? (
        <NoRights />
      ) : (
        <>
          <MissingRights actions={ACTIONS} />
          <Failure error={error} onRetry={reload} />
        </>
      )}
      {secrets?.length === 0 && !isLoading ? <NoSecrets /> : null}
      {secrets && secrets.length > 0 && (
        <>
          <FilterBar filter={filter} tags={words} onChange={setFilter} />
          {chosen.length > 0 && (
            <SelectionBar
              secrets={chosen}
              onClear={() => setSelected(new Set())}
              onChange={() => {
                reload();
                reloadTags();
              }}
            />
          )}
          {shown.length > 0 ? (
            <SecretTable
              secrets={shown}
              knowledge={knowledge}
              page={pageFrom(parameters)}
              onPage={(page) => setParameters({ page: page === 0 ? "" : String(page + 1) })}
              order={order}
              onOrder={(next) => setParameters({ sort: sortOf(next), page: "" })}
              selected={selected}
              onSelect={setSelected}
            />
          ) : (
            <Empty title={t("No secret matches.")}>
              <Button onPress={() => setFilter(EVERYTHING)}>{t("Show all")}</Button>
            </Empty>
          )}
        </>
      )}
    </div>
  );
}

function NoSecrets() {
  const { t } = useLanguage();
  return (
    <Empty title={t("Keep the first secret")}>
      <p>
        {t(
          "A secret is a name with versions. Programs ask for the name and get the version that is current, so that a password can change without them.",
        )}
      </p>
      <ol>
        <li>{t("Store a value: the login of a database, an API key, a certificate.")}</li>
        <li>{t("Let programs read it by its name, with any SDK of the service.")}</li>
        <li>{t("Store the next value as a new version, or have a database password rotated for you.")}</li>
      </ol>
      <a className="button button-primary" href="#/create">
        {t("New secret")}
      </a>
    </Empty>
  );
}
