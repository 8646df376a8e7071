// The facts of a secret and its current value.

import { useLanguage } from "../app/language";
import { NextRotation } from "../secrets/NextRotation";
import { Facts } from "../ui/Facts";
import { Notice } from "../ui/Notice";
import { Time } from "../ui/Time";
import { ValueView } from "../value/ValueView";
import type { Known } from "./useKnownSecret";

export function OverviewTab({ known: { secret, versions } }: { known: Known }) {
  const { t } = useLanguage();
  const current = versions.find((version) => version.version_stages.includes("SYSCURRENT"));
  const none = <span className="muted">—</span>;
  return (
    <div className="columns">
      <section aria-labelledby="current-value">
        <h2 id="current-value">{t("Current value")}</h2>
        {secret.state === "PENDING_DELETE" ? (
          <Notice kind="warning" title={t("This secret is scheduled for deletion.")}>
            <p>{t("Its values cannot be read. Restore it to use it again.")}</p>
          </Notice>
        ) : current ? (
          <ValueView name={secret.name} version={current.id} />
        ) : (
          <p className="muted">{t("No version is current.")}</p>
        )}
      </section>
      <section aria-labelledby="facts">
        <h2 id="facts">{t("Details")}</h2>
        <Facts
          facts={[
            [t("Description"), secret.description || none],
            [t("Current version"), current ? <code>{current.id}</code> : none],
            [t("Next rotation"), <NextRotation key="next" secret={secret} />],
            [t("Last rotation"), <Time key="last" millis={secret.rotation_time} />],
            [t("Created"), <Time key="created" millis={secret.create_time} isExact />],
            [t("Changed"), <Time key="changed" millis={secret.update_time} isExact />],
            [t("Event"), secret.event_subscriptions.join(", ") || none],
            [t("KMS key"), <code key="kms">{secret.kms_key_id}</code>],
            [t("Identifier"), <code key="id">{secret.id}</code>],
          ]}
        />
      </section>
    </div>
  );
}
