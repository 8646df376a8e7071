// One secret: what it is, its versions, its rotation.

import { permits } from "csms";
import { Suspense } from "react";

import { useLanguage } from "../app/language";
import { loadable } from "../app/loadable";
import { useLacking } from "../app/rights";
import { type SecretTab, secretPath } from "../app/route";
import { HealthMark } from "../rotation/HealthMark";
import { useLastTask } from "../rotation/useLastTasks";
import { StateBadge } from "../secrets/StateBadge";
import { Badge } from "../ui/Badge";
import { Failure } from "../ui/Failure";
import { Notice } from "../ui/Notice";
import { Tabs } from "../ui/Tabs";
import { OverviewTab } from "./OverviewTab";
import { SecretActions } from "./SecretActions";
import { TagsTab } from "./TagsTab";
import { type Known, useKnownSecret } from "./useKnownSecret";
import { VersionsTab } from "./VersionsTab";

const NewVersionPage = loadable(async () => (await import("./NewVersionPage")).NewVersionPage);
const AccessTab = loadable(async () => (await import("./AccessTab")).AccessTab);
const RotationTab = loadable(async () => (await import("../rotation/RotationTab")).RotationTab);

export function SecretPage({ name, tab }: { name: string; tab: SecretTab }) {
  const { t } = useLanguage();
  const { data: known, error, isLoading, reload: readAgain } = useKnownSecret(name);
  const last = useLastTask(known?.secret);
  const reload = () => {
    readAgain();
    last.reload();
  };
  const isWriting = tab === "new-version";
  const tabs = [
    { id: "overview", label: t("Overview"), href: secretPath(name) },
    { id: "versions", label: t("Versions"), href: secretPath(name, "versions") },
    { id: "access", label: t("Access and replicas"), href: secretPath(name, "access") },
    { id: "tags", label: t("Tags"), href: secretPath(name, "tags") },
    { id: "rotation", label: t("Rotation"), href: secretPath(name, "rotation") },
  ];
  return (
    <div className="page">
      <a className="back" href={isWriting ? secretPath(name) : "#/"}>
        ← {isWriting ? name : t("Secrets")}
      </a>
      <header className="page-head">
        <h1 className={isWriting ? "" : "code"}>{isWriting ? t("New version of {name}", { name }) : name}</h1>
        {known && known.secret.state !== "ENABLED" && <StateBadge state={known.secret.state} />}
        {known && known.secret.secret_type !== "COMMON" && <Badge>{known.secret.secret_type}</Badge>}
        {known && <HealthMark secret={known.secret} tasks={last.tasks} />}
        {known && known.secret.replica_type === "REPLICA" && <Badge tone="accent">{t("Replica")}</Badge>}
        <span className="grow" />
        {known && !isWriting && (
          <SecretActions
            known={known}
            isSecondary={tab === "rotation" && known.secret.secret_type !== "COMMON"}
            onChange={reload}
          />
        )}
      </header>
      <Failure error={error} onRetry={reload} />
      {error !== undefined && !known && (
        <div className="row">
          <a className="button button-plain" href="#/">
            {t("All secrets")}
          </a>
        </div>
      )}
      {(known || error === undefined) && !isWriting && (
        <Tabs label={t("About this secret")} current={tab} tabs={tabs} />
      )}
      {isLoading && !known && <p className="muted">{t("Loading…")}</p>}
      <Suspense fallback={<p className="muted">{t("Loading…")}</p>}>
        {known && isWriting && <Writing known={known} onChange={reload} />}
        {known && tab === "overview" && <OverviewTab known={known} last={last} />}
        {known && tab === "versions" && <VersionsTab known={known} onChange={reload} />}
        {known && tab === "access" && <AccessTab secret={known.secret} onChange={reload} />}
        {known && tab === "tags" && <TagsTab secret={known.secret} />}
        {known && tab === "rotation" && <RotationTab known={known} onChange={reload} />}
      </Suspense>
    </div>
  );
}

/** The form of a new version, where the state of the secret allows one: its address can be opened in any state. */
function Writing({ known, onChange }: { known: Known; onChange: () => void }) {
  const { t, language } = useLanguage();
  const allowed = permits(known.secret.state, "CreateSecretVersion", { language });
  const lacking = useLacking(known.secret.name)("createVersion");
  if (allowed.ok) {
    return (
      <>
        {lacking && <Notice kind="warning" title={lacking} />}
        <NewVersionPage known={known} onChange={onChange} />
      </>
    );
  }
  return (
    <>
      <Notice kind="warning" title={allowed.refusal?.message ?? ""} />
      <div className="row">
        <a className="button button-plain" href={secretPath(known.secret.name)}>
          {t("Back")}
        </a>
      </div>
    </>
  );
}
