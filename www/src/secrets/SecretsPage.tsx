// The first page: every secret of the project. The service searches; filters and orders that it does not have are applied here
// to what it found, and the page says to how much.

import type { Secret } from "csms";
import { useEffect, useMemo, useState } from "react";

import { isForbidden } from "../app/forbidden";
import { useLanguage } from "../app/language";
import { loadable } from "../app/loadable";
import { MissingRights } from "../app/MissingRights";
import { NoRights } from "../app/NoRights";
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
  isNarrow,
  matching,
  needsAll,
  ordered,
  orderFrom,
  pageFrom,
  parametersOf,
  searchOf,
  sortOf,
} from "./filter";
import { type Found, LOOKED_THROUGH } from "./listing";
import { Pager } from "./Pager";
import { SecretTable } from "./SecretTable";
import { useListing } from "./useListing";
import { useTagsOf, useTagWords } from "./useTags";

const SelectionBar = loadable(async () => (await import("./SelectionBar")).SelectionBar);

/** What the page offers. */
const ACTIONS = ["csms:secret:list", "csms:secret:create"];
/** Secrets on a page. */
const ROWS = 50;

export function SecretsPage() {
  const { t, language } = useLanguage();
  const [parameters, setParameters] = useParameters();
  const query = parameters.toString();
  const { filter, order, search } = useMemo(() => {
    const parameters = new URLSearchParams(query);
    const filter = filterFrom(parameters);
    return { filter, order: orderFrom(parameters), search: searchOf(filter) };
  }, [query]);
  /** The search of which a person wants all secrets, however many. */
  const [whole, setWhole] = useState<string>();
  const [isSelectingAll, setIsSelectingAll] = useState(false);
  const page = pageFrom(parameters);
  const isLookedThrough = needsAll(filter, order);
  // The next page as well, so that it is there when it is asked for.
  const inOrder = (page + 2) * ROWS;
  const isWhole = whole === JSON.stringify(search) || isSelectingAll;
  const wanted = isWhole ? Number.POSITIVE_INFINITY : isLookedThrough ? Math.max(LOOKED_THROUGH, inOrder) : inOrder;
  const { found, isStale, error, isLoading, reload } = useListing(search, wanted);
  const isLocal = isLookedThrough || (found?.isSearched === false && isNarrow(search));
  const { words, reload: reloadTags } = useTagWords();
  const tasks = useLastTasks();
  const [selected, setSelected] = useState<ReadonlyMap<string, Secret>>(new Map());
  const matches = useMemo(
    () => ordered(matching(found?.secrets ?? [], filter, { tasks, tags: found?.tags ?? new Map() }), order),
    [found, filter, order, tasks],
  );
  // A page that is on its way leaves the one before in sight.
  const shownPage = Math.min(page, Math.max(0, Math.ceil(matches.length / ROWS) - 1));
  const rows = useMemo(() => matches.slice(shownPage * ROWS, (shownPage + 1) * ROWS), [matches, shownPage]);
  const tags = useTagsOf(rows, found);
  const isCounted = !isLocal && !isStale && found?.isEnd === false;
  const all = isCounted ? found.total : matches.length;
  const last = isCounted && found.total === undefined ? page + 1 : Math.ceil((all ?? 0) / ROWS) - 1;
  useEffect(() => {
    if (!isSelectingAll || isStale || !found) return;
    // What could not be read whole is not selected in part.
    if (found.isEnd) setSelected(new Map(matches.map((secret) => [secret.name, secret])));
    if (found.isEnd || error !== undefined) setIsSelectingAll(false);
  }, [isSelectingAll, isStale, found, error, matches]);
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
  const isDenied = isForbidden(error) && !found;
  const isEverything = Object.values(parametersOf(filter)).every((value) => value === "");
  const isEmpty = isEverything && !isStale && found?.isEnd === true && found.secrets.length === 0;
  const count = (all ?? matches.length).toLocaleString(language);
  const chosen = useMemo(() => {
    const newest = new Map(found?.secrets.map((secret) => [secret.name, secret]));
    return [...selected.values()].map((secret) => newest.get(secret.name) ?? secret);
  }, [found, selected]);
  const isReading = isLoading && (!found || isStale || isLocal || isSelectingAll);
  return (
    <div className="page wide">
      <header className="page-head">
        <h1>{t("Secrets")}</h1>
        <span className="count" role="status">
          {isReading ? (found ? t("{count}, loading more…", { count }) : t("Loading…")) : found && count}
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
      {isEmpty && <NoSecrets />}
      {!isEmpty && !isDenied && (found || !isEverything) && (
        <>
          <FilterBar filter={filter} tags={words} onChange={setFilter} />
          {chosen.length > 0 && (
            <SelectionBar
              secrets={chosen}
              all={all !== undefined && all > chosen.length && rows.length < all ? count : undefined}
              isSelectingAll={isSelectingAll}
              onAll={() => setIsSelectingAll(true)}
              onClear={() => setSelected(new Map())}
              onChange={() => {
                reload();
                reloadTags();
              }}
            />
          )}
          {found && !isStale && !isReading && (
            <Scope
              found={found}
              isLocal={isLocal}
              filter={filter}
              onAll={() => setWhole(JSON.stringify(search))}
              onFilter={setFilter}
            />
          )}
          {rows.length > 0 ? (
            <>
              <SecretTable
                secrets={rows}
                knowledge={{ tasks, tags }}
                isBusy={isLoading && page !== shownPage}
                areAll={rows.length === all}
                order={order}
                onOrder={(next) => setParameters({ sort: sortOf(next), page: "" })}
                selected={selected}
                onSelect={setSelected}
              />
              {last > 0 && (
                <Pager
                  page={shownPage}
                  last={last}
                  from={shownPage * ROWS + 1}
                  to={shownPage * ROWS + rows.length}
                  all={all}
                  onPage={(page) => setParameters({ page: page === 0 ? "" : String(page + 1) })}
                />
              )}
            </>
          ) : (
            !isLoading &&
            !error && (
              <Empty title={t("No secret matches.")}>
                <div className="row">
                  {filter.text !== "" && !filter.withDescriptions && (
                    <Button onPress={() => setFilter({ ...filter, withDescriptions: true })}>
                      {t("Search descriptions too")}
                    </Button>
                  )}
                  <Button onPress={() => setFilter(EVERYTHING)}>{t("Show all")}</Button>
                </div>
              </Empty>
            )
          )}
        </>
      )}
    </div>
  );
}

interface ScopeProps {
  found: Found;
  isLocal: boolean;
  filter: Filter;
  onAll: () => void;
  onFilter: (filter: Filter) => void;
}

/** What a list leaves out that somebody could take for whole. */
function Scope({ found, isLocal, filter, onAll, onFilter }: ScopeProps) {
  const { t, language } = useLanguage();
  const count = found.secrets.length.toLocaleString(language);
  const all = found.total?.toLocaleString(language);
  const areMore = isLocal && !found.isEnd;
  const areDescribed = filter.withDescriptions && filter.text !== "";
  if (!found.isCut && !areMore && !areDescribed) return null;
  return (
    <p className="hint row" role="note">
      {found.isCut && (
        <span>{t("The service lists {count} at most. Type more of the name to find the others.", { count })}</span>
      )}
      {areMore && (
        <>
          <span>
            {all === undefined
              ? t("Looked through: the first {count} by name. There are more.", { count })
              : t("Looked through: the first {count} of {all}, by name.", { count, all })}
          </span>
          <Button kind="link" onPress={onAll}>
            {t("Look through all")}
          </Button>
        </>
      )}
      {areDescribed && (
        <>
          <span>{t("Descriptions are searched too.")}</span>
          <Button kind="link" onPress={() => onFilter({ ...filter, withDescriptions: false })}>
            {t("Search names only")}
          </Button>
        </>
      )}
    </p>
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
