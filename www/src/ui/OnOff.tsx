// Whether something is enabled, as a word. Only what is disabled is marked.

import { useLanguage } from "../app/language";
import { Badge } from "./Badge";

export function OnOff({ isOn }: { isOn: boolean }) {
  const { t } = useLanguage();
  return isOn ? <span className="muted">{t("Enabled")}</span> : <Badge tone="warning">{t("Disabled")}</Badge>;
}
