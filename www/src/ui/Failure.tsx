// An error as a person needs it: what happened, what to do, what to tell the operator.

import { CsmsError } from "csms";

import { explain } from "../app/explain";
import { isForbidden } from "../app/forbidden";
import { useLanguage } from "../app/language";
import { Button } from "./Button";
import { Notice } from "./Notice";

/** Whether something is not there, is not allowed, or cannot be, so that trying again cannot help. */
const isFinal = (error: unknown) => error instanceof CsmsError && [400, 403, 404].includes(error.status ?? 0);

export function Failure({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const { t } = useLanguage();
  if (error === undefined) return null;
  const { what, next, requestId, detail } = explain(error, t);
  return (
    // A page that is not for everybody has not failed; what somebody pressed has.
    <Notice kind={onRetry && isForbidden(error) ? "info" : "danger"} title={what}>
      <p>{next}</p>
      {detail && (
        <p className="hint">
          <code className="wrap">{detail}</code>
        </p>
      )}
      {requestId && (
        <p className="hint">
          {t("Request")} <code>{requestId}</code>
        </p>
      )}
      {onRetry && !isFinal(error) && (
        <div className="row actions">
          <Button onPress={onRetry}>{t("Try again")}</Button>
        </div>
      )}
    </Notice>
  );
}
