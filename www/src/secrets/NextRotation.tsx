// When a secret rotates next, or why it does not.

import type { Secret } from "csms";

import { useLanguage } from "../app/language";
import { Time } from "../ui/Time";

export function NextRotation({ secret }: { secret: Secret }) {
  const { t } = useLanguage();
  if (secret.state === "PENDING_DELETE" && secret.scheduled_delete_time !== undefined) {
    return (
      <span className="bad">
        <Time millis={secret.scheduled_delete_time} words={t("deleted {time}")} />
      </span>
    );
  }
  if (secret.auto_rotation && secret.next_rotation_time !== undefined)
    return <Time millis={secret.next_rotation_time} />;
  return <span className="muted">{secret.secret_type === "COMMON" ? "—" : t("by hand")}</span>;
}
