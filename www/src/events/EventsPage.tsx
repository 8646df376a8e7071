// Events: what is told to whom when something happens to the secrets that subscribe.

import type { SecretEvent } from "csms";
import { useState } from "react";

import { announce } from "../app/announce";
import { useLanguage } from "../app/language";
import { MissingRights, useDenied } from "../app/MissingRights";
import { useSession } from "../app/session";
import { ActionMenu } from "../ui/ActionMenu";
import { Button } from "../ui/Button";
import { ConfirmDialog } from "../ui/ConfirmDialog";
import { Empty } from "../ui/Empty";
import { Failure } from "../ui/Failure";
import { ListTable } from "../ui/ListTable";
import { OnOff } from "../ui/OnOff";
import { EventDialog } from "./EventDialog";
import { typeWords } from "./eventTypes";
import { RecordList } from "./RecordList";
import { useEvents } from "./useEvents";

/** What the page offers. */
const ACTIONS = ["csms:event:create", "csms:event:update", "csms:event:delete"];

export function EventsPage() {
  const { t } = useLanguage();
  const denied = useDenied(ACTIONS);
  const { client } = useSession();
  const { data, error, isLoading, reload } = useEvents();
  const [editing, setEditing] = useState<SecretEvent | "new">();
  const [deleting, setDeleting] = useState<string>();
  return (
    <div className="page">
      <header className="page-head">
        <h1>{t("Events")}</h1>
        <span className="count" role="status">
          {data ? data.length : isLoading ? t("Loading…") : ""}
        </span>
        <span className="grow" />
        <Button kind="primary" isDisabled={denied.has("csms:event:create")} onPress={() => setEditing("new")}>
          {t("New event")}
        </Button>
      </header>
      <MissingRights denied={denied} />
      <Failure error={error} onRetry={reload} />
      {data?.length === 0 && (
        <Empty title={t("Get notified when something happens")}>
          <p>{t("An event names what to report, such as a failed rotation, and the topic to notify.")}</p>
          <ol>
            <li>{t("Create an event with the topic of those who should know.")}</li>
            <li>{t("Choose it when you create a secret, or when you edit one.")}</li>
            <li>{t("Notifications, delivered or not, are listed here.")}</li>
          </ol>
        </Empty>
      )}
      {data && data.length > 0 && (
        <ListTable
          label={t("Events")}
          columns={[{ title: t("Name") }, { title: t("Topic"), isWideOnly: true }, { title: t("State") }]}
          hasActions
        >
          {data.map((event) => (
            <tr key={event.event_id}>
              <th scope="row">
                <div className="stack">
                  <strong className="code">{event.name}</strong>
                  <span className="muted">{typeWords(event.event_types, t)}</span>
                </div>
              </th>
              <td className="wide-only">{event.notification.target_name}</td>
              <td>
                <OnOff isOn={event.state === "ENABLED"} />
              </td>
              <td className="row-end">
                <ActionMenu
                  label={t("Actions for {name}", { name: event.name })}
                  items={[
                    { id: "edit", label: t("Edit…") },
                    { id: "delete", label: t("Delete…") },
                  ]}
                  onAction={(what) => (what === "edit" ? setEditing(event) : setDeleting(event.name))}
                />
              </td>
            </tr>
          ))}
        </ListTable>
      )}
      <RecordList />
      {deleting !== undefined && (
        <ConfirmDialog
          title={t("Delete {name}", { name: deleting })}
          verb={t("Delete the event")}
          act={async () => {
            await client.deleteSecretEvent({ event_name: deleting });
            announce(t("{name} is deleted.", { name: deleting }));
            reload();
          }}
          onClose={() => setDeleting(undefined)}
        >
          <p>{t("Secrets that subscribe to it no longer notify anybody. This cannot be undone.")}</p>
        </ConfirmDialog>
      )}
      {editing && (
        <EventDialog
          event={editing === "new" ? undefined : editing}
          onClose={() => setEditing(undefined)}
          onChange={reload}
        />
      )}
    </div>
  );
}
