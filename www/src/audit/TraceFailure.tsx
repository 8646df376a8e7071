// Why a few records of the audit trail are not shown beside something else.

import { isForbidden } from "../app/forbidden";
import { useLanguage } from "../app/language";
import { Failure } from "../ui/Failure";

export function TraceFailure({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const { t } = useLanguage();
  if (isForbidden(error)) return <p className="muted">{t("You may not read the audit trail.")}</p>;
  return <Failure error={error} onRetry={onRetry} />;
}
