// One secret: what it is, its versions, its rotation.

import { Suspense } from "react";

import { useLanguage } from "../app/language";
import { loadable } from "../app/loadable";
import { type SecretTab, secretPath } from "../app/route";
import { StateBadge } from "../secrets/StateBadge";
import { Badge } from "../ui/Badge";
import { Failure } from "../ui/Failure";
import { Tabs } from "../ui/Tabs";
import { OverviewTab } from "./OverviewTab";
import { SecretActions } from "./SecretActions";
import { TagsTab } from "./TagsTab";
import { useKnownSecret } from "./useKnownSecret";
import { VersionsTab } from "./VersionsTab";

const AccessTab = loadable(async () => (await import("./AccessTab")).AccessTab);
const RotationTab = loadable(async () => (await import("../rotation/RotationTab")).RotationTab);

export function SecretPage({ name, tab }: { name: string; tab: SecretTab }) {
  const { t } = useLanguage();
  const { data: known, error, isLoading, reload } = useKnownSecret(name);
  const tabs = [
    { id: "overview", label: t("Overview"), href: secretPath(name) },
    { id: "versions", label: t("Versions"), href: secretPath(name, "versions") },
    { id: "access", label: t("Access and replicas"), href: secretPath(name, "access") },
    { id: "tags", label: t("Tags"), href: secretPath(name, "tags") },
    { id: "rotation", label: t("Rotation"), href: secretPath(name, "rotation") },
  ];
  return (
    <div className="page wide">
      <a className="back" href="#/">
        ← {t("Secrets")}
      </a>
      <header className="page-head">
        <h1 className="code">{name}</h1>
        {known && <StateBadge state={known.secret.state} />}
        {known && <Badge>{known.secret.secret_type === "COMMON" ? t("Common") : known.secret.secret_type}</Badge>}
        {known && known.secret.replica_type === "REPLICA" && <Badge tone="accent">{t("Replica")}</Badge>}
        <span className="grow" />
        {known && <SecretActions known={known} onChange={reload} />}
      </header>
      <Failure error={error} onRetry={reload} />
      {error !== undefined && !known && (
        <div className="row">
          <a className="button button-plain" href="#/">
            {t("All secrets")}
          </a>
        </div>
      )}
      {(known || error === undefined) && <Tabs label={t("About this secret")} current={tab} tabs={tabs} />}
      {isLoading && !known && <p className="muted">{t("Loading…")}</p>}
      <Suspense fallback={<p className="muted">{t("Loading…")}</p>}>
        {known && tab === "overview" && <OverviewTab known={known} />}
        {known && tab === "versions" && <VersionsTab known={known} onChange={reload} />}
        {known && tab === "access" && <AccessTab secret={known.secret} onChange={reload} />}
        {known && tab === "tags" && <TagsTab secret={known.secret} />}
        {known && tab === "rotation" && <RotationTab known={known} onChange={reload} />}
      </Suspense>
    </div>
  );
}
