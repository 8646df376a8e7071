// The first page: every secret of the project. The service searches; filters and orders that it does not have are applied here
// to what it found, and the page says to how much.

import { useEffect, useMemo, useState } from "react";

import { isComposing } from "../app/composing";
import { isForbidden } from "../app/forbidden";
import { useLanguage } from "../app/language";
import { loadable } from "../app/loadable";
import { MissingRights, useDenied } from "../app/MissingRights";
import { NoRights } from "../app/NoRights";
import { useParameters } from "../app/route";
import { useHeld } from "../app/useHeld";
import { FailuresUnknown } from "../rotation/FailuresUnknown";
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
import { grown, nothingOf, refreshed, selectionOf } from "./selection";
import { useListing } from "./useListing";
import { useTagsOf, useTagWords } from "./useTags";

const SelectionBar = loadable(async () => (await import("./SelectionBar")).SelectionBar);

/** What the page offers. */
const ACTIONS = ["csms:secret:list", "csms:secret:create"];
/** Secrets on a page. */
const ROWS = 50;

export function SecretsPage() {
  const { t, language } = useLanguage();
  const denied = useDenied(ACTIONS);
  const [parameters, setParameters] = useParameters();
  const query = parameters.toString();
  const { filter, order, search } = useMemo(() => {
    const parameters = new URLSearchParams(query);
    const filter = filterFrom(parameters);
    return { filter, order: orderFrom(parameters), search: searchOf(filter) };
  }, [query]);
  /** The search of which a person wants all secrets, however many. */
  const [whole, setWhole] = useState<string>();
  const [keptSelection, setSelection] = useState(() => nothingOf(filter));
  const selection = selectionOf(filter, keptSelection);
  if (selection !== keptSelection) setSelection(selection);
  const { isGrowing } = selection;
  const page = pageFrom(parameters);
  const isLookedThrough = needsAll(filter, order);
  // The next page as well, so that it is there when it is asked for.
  const inOrder = (page + 2) * ROWS;
  const isWhole = whole === JSON.stringify(search) || isGrowing;
  const wanted = isWhole ? Number.POSITIVE_INFINITY : isLookedThrough ? Math.max(LOOKED_THROUGH, inOrder) : inOrder;
  const listing = useListing(search, wanted);
  const { found, isStale, error, isLoading, reload } = listing;
  const isLocal = isLookedThrough || (found?.isSearched === false && isNarrow(search));
  const { words, reload: reloadTags } = useTagWords();
  const rotations = useLastTasks();
  const { tasks } = rotations;
  const knowledge = useMemo(() => ({ tasks, tags: found?.tags ?? new Map() }), [tasks, found]);
  /** Whether the filter asks for what the tasks say, which is not known. */
  const isUnknown = filter.type === "FAILING" && !rotations.isKnown;
  const matches = useMemo(
    () => ordered(matching(found?.secrets ?? [], filter, knowledge), order),
    [found, filter, order, knowledge],
  );
  const isEnd = found?.isEnd === true;
  const isCut = found?.isCut === true;
  // Rows stay where they are until those of another order, or of a page farther on, are there.
  const isThere =
    isEnd || (sortOf(order) === "" ? matches.length > page * ROWS : (found?.secrets.length ?? 0) >= wanted);
  const isHeld = isLoading && !isThere;
  const lastRead = Math.max(0, Math.ceil(matches.length / ROWS) - 1);
  const read = useMemo(() => {
    const first = Math.min(page, lastRead) * ROWS;
    return { first, rows: matches.slice(first, first + ROWS) };
  }, [matches, page, lastRead]);
  const shown = useHeld(read, isHeld);
  const rows = useMemo(() => matching(shown?.rows ?? [], filter, knowledge), [shown, filter, knowledge]);
  const tags = useTagsOf(rows, listing);
  const isCounted = !isLocal && !isStale && found !== undefined && (!isEnd || isCut);
  const all = isCounted ? found.total : matches.length;
  const isCertain = !isStale && all !== undefined && (isCounted || (isEnd && !isCut));
  const hasNextUncounted = isCounted && !isCut && found.total === undefined;
  const last = hasNextUncounted ? page + 1 : isCounted && !isCut ? Math.ceil((all ?? 0) / ROWS) - 1 : lastRead;
  useEffect(() => {
    setSelection((now) => refreshed(now, found?.secrets ?? []));
  }, [found]);
  useEffect(() => {
    const hasFailed = error !== undefined;
    if (isGrowing) setSelection((now) => grown(now, { matches, isStale, isEnd, isCut, hasFailed }));
  }, [isGrowing, matches, isStale, isEnd, isCut, error]);
  // A new search begins on its first page.
  const setFilter = (next: Filter) => setParameters({ ...parametersOf(next), page: "" });
  useEffect(() => {
    const search = (event: KeyboardEvent) => {
      if (isComposing(event)) return;
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
  const isEmpty = isEverything && !isStale && isEnd && found.secrets.length === 0;
  const count = (all ?? matches.length).toLocaleString(language);
  const chosen = useMemo(() => [...selection.secrets.values()], [selection]);
  const areMore = !isEnd || (matches.length > rows.length && matches.some(({ name }) => !selection.secrets.has(name)));
  const isReading = isLoading && (!found || isStale || isLocal || isGrowing);
  return (
    <div className="page">
      <header className="page-head">
        <h1>{t("Secrets")}</h1>
        <span className="count" role="status">
          {isReading ? (found ? t("{count}, loading more…", { count }) : t("Loading…")) : found && count}
        </span>
        <span className="grow" />
        {!isDenied && (
          <>
            <Button
              onPress={() => {
                reload();
                rotations.reload();
              }}
            >
              {t("Refresh")}
            </Button>
            {!denied.has("csms:secret:create") && (
              <>
                <a className="button button-plain" href="#/import">
                  {t("Import")}
                </a>
                <a className="button button-primary" href="#/create">
                  {t("New secret")}
                </a>
              </>
            )}
          </>
        )}
      </header>
      {isDenied ? (
        <NoRights />
      ) : (
        <>
          <MissingRights denied={denied} />
          <Failure error={error} onRetry={reload} />
        </>
      )}
      {isEmpty && <NoSecrets />}
      {!isEmpty && !isDenied && (found || !isEverything) && (
        <>
          <FilterBar filter={filter} tags={found?.isSearched === false ? [] : words} onChange={setFilter} />
          {chosen.length > 0 && (
            <SelectionBar
              secrets={chosen}
              offer={
                isGrowing || (areMore && !isCut)
                  ? isCertain
                    ? t("Select all {count}", { count })
                    : t("Select all that match")
                  : undefined
              }
              isGrowing={isGrowing}
              onAll={() => {
                if (error !== undefined) reload();
                setSelection((now) => ({ ...now, isGrowing: true }));
              }}
              onClear={() => setSelection(nothingOf(filter))}
              onChange={(changed) => {
                setSelection((now) => refreshed(now, changed));
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
          {isUnknown && <FailuresUnknown tasks={rotations} />}
          {rows.length > 0 ? (
            <>
              <SecretTable
                secrets={rows}
                knowledge={{ tasks, tags }}
                isBusy={isHeld}
                areAll={isCertain && rows.length === all}
                order={order}
                onOrder={(next) => setParameters({ sort: sortOf(next), page: "" })}
                selected={selection.secrets}
                onSelect={(secrets) => setSelection((now) => ({ ...now, secrets }))}
              />
              {last > 0 && (
                <Pager
                  page={Math.min(page, last)}
                  last={last}
                  from={(shown?.first ?? 0) + 1}
                  to={(shown?.first ?? 0) + rows.length}
                  all={all}
                  onPage={(page) => setParameters({ page: page === 0 ? "" : String(page + 1) })}
                />
              )}
            </>
          ) : (
            !isLoading &&
            !isUnknown &&
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
  const areTagsUnknown = !found.isSearched && searchOf(filter).tags.length > 0;
  if (!found.isCut && !areMore && !areDescribed && !areTagsUnknown) return null;
  return (
    <p className="hint row" role="note">
      {areTagsUnknown && <span>{t("You may not search by tags.")}</span>}
      {found.isCut && (
        <span>{t("The service lists {count} at most. Type more of the name to find the others.", { count })}</span>
      )}
      {areMore && !areTagsUnknown && (
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
