// That the rotation of a secret has failed, or has not happened.

import type { Secret, Task } from "csms";

import { useLanguage } from "../app/language";
import { Badge } from "../ui/Badge";
import { healthOf } from "./health";

export function HealthMark({ secret, tasks }: { secret: Secret; tasks: ReadonlyMap<string, Task> }) {
  const { t } = useLanguage();
  const health = healthOf(secret, tasks);
  if (health === "failing") return <Badge tone="danger">{t("Rotation failed")}</Badge>;
  if (health === "overdue") return <Badge tone="warning">{t("Rotation overdue")}</Badge>;
  return null;
}
