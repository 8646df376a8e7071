// Who read and changed the secret last, as the audit trail has it.

import { useLanguage } from "../app/language";
import { withParameters } from "../app/route";
import { useSession } from "../app/session";
import { useQuery } from "../app/useQuery";
import { TraceFailure } from "../audit/TraceFailure";
import { saidBy, shortened, whoDid } from "../audit/traces";
import { Badge } from "../ui/Badge";
import { Time } from "../ui/Time";

const SHOWN = 8;

export function ActivitySection({ name, stamp }: { name: string; stamp: number }) {
  const { t } = useLanguage();
  const { client } = useSession();
  const { data, error, reload } = useQuery(`${name}/${stamp}`, async (signal) => {
    const request = { resource_name: name, limit: SHOWN, from: 0, to: Date.now() + 60_000 };
    return (await client.listTraces(request, { signal })).traces;
  });
  return (
    <section aria-labelledby="activity">
      <header className="row spread">
        <h2 id="activity">{t("Who read and changed it")}</h2>
        <a href={withParameters("#/audit", { resource: name })}>{t("All records")}</a>
      </header>
      {error !== undefined && <TraceFailure error={error} onRetry={reload} />}
      {!data && error === undefined && <p className="muted">{t("Loading…")}</p>}
      {data?.length === 0 && <p className="muted">{t("No record matches.")}</p>}
      {data && data.length > 0 && (
        <ul className="lines">
          {data.map((trace) => {
            const { version, outcome } = saidBy(trace);
            return (
              <li key={trace.trace_id}>
                <span>
                  {trace.trace_name}
                  {version && <code> {version}</code>}{" "}
                  {trace.trace_rating !== "normal" && <Badge tone="danger">{outcome}</Badge>}
                </span>
                <span className="hint">
                  {shortened(whoDid(trace, t))} · <Time millis={trace.time} />
                </span>
              </li>
            );
          })}
        </ul>
      )}
    </section>
  );
}
