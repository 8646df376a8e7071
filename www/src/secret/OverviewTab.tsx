// A secret at a glance: its value, how programs read it, its versions, what it is and who used it.

import type { ReactNode } from "react";

import { useLanguage } from "../app/language";
import { secretPath } from "../app/route";
import { healthOf } from "../rotation/health";
import type { LastTasks } from "../rotation/useLastTasks";
import { NextRotation } from "../secrets/NextRotation";
import { CopyName } from "../ui/CopyText";
import { Facts } from "../ui/Facts";
import { Notice } from "../ui/Notice";
import { Time } from "../ui/Time";
import { ValueView } from "../value/ValueView";
import { ActivitySection } from "./ActivitySection";
import { CodeSection } from "./CodeSection";
import { StageMap } from "./StageMap";
import { currentOf, type Known } from "./useKnownSecret";

/** Versions that a glance shows. */
const SHOWN = 5;

export function OverviewTab({ known, last }: { known: Known; last: LastTasks }) {
  const { t } = useLanguage();
  const { secret, versions } = known;
  const current = currentOf(known);
  return (
    <div className="columns">
      <div className="sections">
        <section aria-labelledby="current-value">
          <h2 id="current-value">{t("Current value")}</h2>
          {secret.state === "PENDING_DELETE" ? (
            <Notice kind="warning" title={t("This secret is scheduled for deletion.")}>
              <p>{t("Its values cannot be read. Restore it to use it again.")}</p>
            </Notice>
          ) : current ? (
            <ValueView secret={secret} version={current} />
          ) : (
            <p className="muted">{t("No version is current.")}</p>
          )}
        </section>
        {secret.state !== "PENDING_DELETE" && <CodeSection name={secret.name} />}
        <section aria-labelledby="latest-versions">
          <header className="row spread">
            <h2 id="latest-versions">{t("Latest versions")}</h2>
            <a href={secretPath(secret.name, "versions")}>
              {versions.length > SHOWN ? t("All {count} versions", { count: versions.length }) : t("Compare and move")}
            </a>
          </header>
          <StageMap
            label={t("Versions, newest first")}
            rows={versions.slice(0, SHOWN)}
            details={(id) => (
              <span className="meta">
                <Time millis={versions.find((version) => version.id === id)?.create_time} />
              </span>
            )}
          />
        </section>
      </div>
      <div className="sections">
        <section aria-labelledby="facts">
          <h2 id="facts">{t("Details")}</h2>
          <Facts facts={factsOf(known, last, t)} />
        </section>
        <ActivitySection name={secret.name} stamp={secret.update_time + versions.length} />
      </div>
    </div>
  );
}

/** Lines with something to say; those without are left out. */
function factsOf(known: Known, last: LastTasks, t: (text: string) => string): [string, ReactNode][] {
  const { secret } = known;
  const current = currentOf(known);
  const code = (text: string, label: string) => (
    <span className="row copied-line">
      <code className="one-line" title={text}>
        {text}
      </code>
      <CopyName label={label} text={text} />
    </span>
  );
  const ends = secret.state === "PENDING_DELETE" ? secret.scheduled_delete_time : undefined;
  const rotates = secret.secret_type !== "COMMON" && ends === undefined;
  const hasFailed = healthOf(secret, last.tasks) === "failing";
  const failed = (
    <a key="failed" className="bad" href={secretPath(secret.name, "rotation")}>
      <Time millis={last.tasks.get(secret.name)?.task_time} words={t("failed {time}")} />
    </a>
  );
  const facts: [string, ReactNode, boolean][] = [
    [t("Description"), secret.description, secret.description !== ""],
    [t("Current version"), <code key="current">{current}</code>, current !== undefined],
    [t("Deletion"), <Time key="ends" millis={ends} isExact />, ends !== undefined],
    [t("Next rotation"), <NextRotation key="next" secret={secret} />, rotates],
    [t("Last attempt"), failed, hasFailed],
    [t("Last attempt"), t("It is not known whether it failed."), rotates && last.error !== undefined],
    [t("Last rotation"), <Time key="last" millis={secret.rotation_time} />, secret.rotation_time !== undefined],
    [t("Last used"), <Time key="used" millis={secret.last_used_time} />, secret.last_used_time !== undefined],
    [t("Created"), <Time key="created" millis={secret.create_time} isExact />, true],
    [t("Changed"), <Time key="changed" millis={secret.update_time} isExact />, true],
    [t("Event"), secret.event_subscriptions.join(", "), secret.event_subscriptions.length > 0],
    [t("KMS key"), code(secret.kms_key_id, t("Copy the identifier of the key")), true],
    [t("Identifier"), code(secret.id, t("Copy the identifier of the secret")), true],
  ];
  return facts.filter(([, , isSaid]) => isSaid).map(([name, value]) => [name, value]);
}
