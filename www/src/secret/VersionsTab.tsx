// The versions of a secret in time, and what can be done with each.

import { useState } from "react";

import { type Translate, useLanguage } from "../app/language";
import { useLacking } from "../app/rights";
import { type ActionItem, ActionMenu } from "../ui/ActionMenu";
import { Button } from "../ui/Button";
import { Time } from "../ui/Time";
import { ValueView } from "../value/ValueView";
import { CompareVersions } from "./CompareVersions";
import { ExpiryDialog } from "./ExpiryDialog";
import { MoveStageDialog } from "./MoveStageDialog";
import { StageMap } from "./StageMap";
import type { Known } from "./useKnownSecret";
import { useOrigins, type VersionOrigin } from "./useOrigins";

type Doing = { what: "value" | "stage" | "expiry"; version: string };

export function VersionsTab({ known, onChange }: { known: Known; onChange: () => void }) {
  const { t } = useLanguage();
  const [doing, setDoing] = useState<Doing>();
  const { secret, versions } = known;
  const lacking = useLacking(secret.name);
  const origins = useOrigins(secret.name, secret.update_time + versions.length);
  const isUsable = secret.state === "ENABLED";
  const close = () => setDoing(undefined);
  const start = (what: Doing["what"], version: string) => setDoing({ what, version });
  const items: ActionItem<Doing["what"]>[] = [
    { id: "stage", label: t("Move a stage here…"), refusal: lacking("moveStage") },
    { id: "expiry", label: t("Set the expiry…"), refusal: lacking("expire") },
  ];
  const actions = (id: string) => (
    <span className="row version-actions">
      <Button
        kind="quiet"
        aria-expanded={isOpen(id)}
        onPress={() => (isOpen(id) ? close() : start("value", id))}
        aria-label={t("Value of {version}", { version: id })}
      >
        {t("Value")}
      </Button>
      <ActionMenu
        side="start"
        label={t("Actions for {name}", { name: id })}
        items={items}
        onAction={(what) => start(what, id)}
      />
    </span>
  );
  const isOpen = (id: string) => doing?.what === "value" && doing.version === id;
  const details = (id: string) => {
    const version = versions.find((each) => each.id === id);
    if (!version) return null;
    const origin = origins.get(id);
    const isExpired = version.expire_time !== undefined && version.expire_time < Date.now();
    return (
      <>
        <span className="meta">
          <span>
            {origin && <>{wordsOf(origin, t)} · </>}
            <Time millis={version.create_time} />
          </span>
          {version.expire_time !== undefined && (
            <span className={isExpired ? "bad" : ""}>
              <Time millis={version.expire_time} words={isExpired ? t("expired {time}") : t("expires {time}")} />
            </span>
          )}
        </span>
        {isOpen(id) && (
          <div className="inside">
            <ValueView secret={secret} version={id} />
          </div>
        )}
      </>
    );
  };
  return (
    <>
      <section aria-labelledby="timeline">
        <h2 id="timeline" className="visually-hidden">
          {t("Versions")}
        </h2>
        <StageMap
          label={t("Versions, newest first")}
          rows={versions}
          actions={isUsable ? actions : undefined}
          details={details}
        />
        <p className="hint">
          {t("The service keeps 20 versions. A version without a stage may be removed when a new one needs its place.")}
        </p>
      </section>
      {isUsable && versions.length > 1 && <CompareVersions known={known} />}
      {doing?.what === "stage" && (
        <MoveStageDialog known={known} version={doing.version} onClose={close} onChange={onChange} />
      )}
      {doing?.what === "expiry" && (
        <ExpiryDialog name={secret.name} version={doing.version} onClose={close} onChange={onChange} />
      )}
    </>
  );
}

/** Who stored a version, and why. */
function wordsOf({ operation, by }: VersionOrigin, t: Translate): string {
  switch (operation) {
    case "CreateSecret":
      return t("Created by {name}", { name: by });
    case "CreateSecretVersion":
      return t("Added by {name}", { name: by });
    case "RotateSecret":
      return t("Rotation started by {name}", { name: by });
    case "RotateDueSecret":
      return t("Scheduled rotation");
  }
}
