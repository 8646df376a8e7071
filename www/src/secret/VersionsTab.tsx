// The versions of a secret in time, and what can be done with each.

import { useState } from "react";

import { useLanguage } from "../app/language";
import { useLacking } from "../app/rights";
import { Button } from "../ui/Button";
import { Time } from "../ui/Time";
import { ValueView } from "../value/ValueView";
import { CompareVersions } from "./CompareVersions";
import { ExpiryDialog } from "./ExpiryDialog";
import { MoveStageDialog } from "./MoveStageDialog";
import { StageMap } from "./StageMap";
import type { Known } from "./useKnownSecret";

type Doing = { what: "value" | "stage" | "expiry"; version: string };

export function VersionsTab({ known, onChange }: { known: Known; onChange: () => void }) {
  const { t } = useLanguage();
  const [doing, setDoing] = useState<Doing>();
  const { secret, versions } = known;
  const lacking = useLacking(secret.name);
  const missing = [lacking("moveStage"), lacking("expire")].filter(Boolean).join(" ");
  const isUsable = secret.state === "ENABLED";
  const close = () => setDoing(undefined);
  const start = (what: Doing["what"], version: string) => setDoing({ what, version });
  const details = (id: string) => {
    const version = versions.find((each) => each.id === id);
    if (!version) return null;
    const isOpen = doing?.what === "value" && doing.version === id;
    return (
      <>
        <span className="meta">
          <Time millis={version.create_time} />
          {version.expire_time !== undefined && (
            <span className={version.expire_time < Date.now() ? "bad" : ""}>
              {version.expire_time < Date.now() ? t("expired") : t("expires")} <Time millis={version.expire_time} />
            </span>
          )}
        </span>
        {isUsable && (
          <span className="row version-actions">
            <Button
              kind="quiet"
              aria-expanded={isOpen}
              onPress={() => (isOpen ? close() : start("value", id))}
              aria-label={t("Value of {version}", { version: id })}
            >
              {t("Value")}
            </Button>
            <Button
              kind="quiet"
              isDisabled={lacking("moveStage") !== undefined}
              onPress={() => start("stage", id)}
              aria-label={t("Move a stage to {version}", { version: id })}
            >
              {t("Stage…")}
            </Button>
            <Button
              kind="quiet"
              isDisabled={lacking("expire") !== undefined}
              onPress={() => start("expiry", id)}
              aria-label={t("Set the expiry of {version}", { version: id })}
            >
              {t("Expiry…")}
            </Button>
          </span>
        )}
        {isOpen && (
          <div className="inside">
            <ValueView name={secret.name} version={id} />
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
        <StageMap label={t("Versions, newest first")} rows={versions} details={details} />
        {missing && <p className="hint">{missing}</p>}
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
