// An error as a person needs it: what happened, what to do, what to tell the operator.

import { explain } from "../app/explain";
import { useLanguage } from "../app/language";
import { Button } from "./Button";
import { Notice } from "./Notice";

export function Failure({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const { t } = useLanguage();
  if (error === undefined) return null;
  const { what, next, requestId } = explain(error, t);
  return (
    <Notice kind="danger" title={what}>
      <p>{next}</p>
      {requestId && (
        <p className="hint">
          {t("Request")} <code>{requestId}</code>
        </p>
      )}
      {onRetry && <Button onPress={onRetry}>{t("Try again")}</Button>}
    </Notice>
  );
}
