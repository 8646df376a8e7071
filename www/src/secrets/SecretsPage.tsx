// The first page: every secret of the project.

import { useMemo, useState } from "react";

import { useLanguage } from "../app/language";
import { MissingRights } from "../app/MissingRights";
import { Button } from "../ui/Button";
import { Empty } from "../ui/Empty";
import { Failure } from "../ui/Failure";
import { FilterBar } from "./FilterBar";
import { EVERYTHING, matching } from "./filter";
import { SecretTable } from "./SecretTable";
import { useSecrets } from "./useSecrets";
import { useTagged } from "./useTagged";

/** What the page offers. */
const ACTIONS = ["csms:secret:list", "csms:secret:create"];

export function SecretsPage() {
  const { t, language } = useLanguage();
  const { secrets, error, isLoading, reload } = useSecrets();
  const [filter, setFilter] = useState(EVERYTHING);
  const { tags, tagged, error: tagError } = useTagged(filter.tag);
  const shown = useMemo(
    () => matching(secrets ?? [], filter).filter(({ id }) => tagged === undefined || tagged.has(id)),
    [secrets, filter, tagged],
  );
  const count = shown.length.toLocaleString(language);
  return (
    <div className="page">
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
        <Button onPress={reload}>{t("Refresh")}</Button>
        <a className="button button-primary" href="#/create">
          {t("New secret")}
        </a>
      </header>
      <MissingRights actions={ACTIONS} />
      <Failure error={error ?? tagError} onRetry={reload} />
      {secrets?.length === 0 && !isLoading ? <NoSecrets /> : null}
      {secrets && secrets.length > 0 && (
        <>
          <FilterBar filter={filter} tags={tags} onChange={setFilter} />
          {shown.length > 0 ? (
            // A new search begins on its first page.
            <SecretTable key={JSON.stringify(filter)} secrets={shown} />
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
