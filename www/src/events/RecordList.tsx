// What was told lately, and whether it arrived.

import { useLanguage } from "../app/language";
import { useSession } from "../app/session";
import { useQuery } from "../app/useQuery";
import { Badge, type Tone } from "../ui/Badge";
import { Failure } from "../ui/Failure";
import { Time } from "../ui/Time";
import { EVENT_TYPES } from "./eventTypes";

const STATUS: Record<string, [text: string, tone: Tone]> = {
  SUCCESS: ["Delivered", "good"],
  FAIL: ["Not delivered", "danger"],
  INVALID: ["Wrong topic", "warning"],
};

export function RecordList() {
  const { t } = useLanguage();
  const { client } = useSession();
  const { data, error, reload } = useQuery("records", (signal) =>
    client.listNotificationRecords({ limit: 50 }, { signal }),
  );
  if (error !== undefined) return <Failure error={error} onRetry={reload} />;
  if (!data) return <p className="muted">{t("Loading…")}</p>;
  if (data.records.length === 0) return null;
  return (
    <section aria-labelledby="records">
      <h2 id="records">{t("Recent notifications")}</h2>
      <ul className="tasks">
        {data.records.map((record) => {
          const [text, tone] = STATUS[record.notification_status] ?? [record.notification_status, "plain" as const];
          return (
            <li key={`${record.event_name}-${record.secret_name}-${record.create_time}-${record.trigger_event_type}`}>
              <div className="row">
                <Badge tone={tone}>{t(text)}</Badge>
                <span>{t(EVENT_TYPES[record.trigger_event_type])}</span>
                <code>{record.secret_name}</code>
                <Time millis={record.create_time} />
              </div>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
