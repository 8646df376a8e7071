// Keys of the key service: what protects the values of secrets.

import type { KeyDetails } from "csms";
import { useState } from "react";

import { useLanguage } from "../app/language";
import { MissingRights, useDenied } from "../app/MissingRights";
import { useSession } from "../app/session";
import { useAction } from "../app/useAction";
import { type ActionItem, ActionMenu } from "../ui/ActionMenu";
import { Badge } from "../ui/Badge";
import { Button } from "../ui/Button";
import { Empty } from "../ui/Empty";
import { Failure } from "../ui/Failure";
import { ListTable } from "../ui/ListTable";
import { Time } from "../ui/Time";
import { DeleteKeyDialog } from "./DeleteKeyDialog";
import { DisableKeyDialog } from "./DisableKeyDialog";
import { KeyDialog } from "./KeyDialog";
import { KeyStateBadge } from "./KeyStateBadge";
import { isDefault, useKeys } from "./useKeys";

type Doing = "edit" | "disable" | "enable" | "delete" | "cancel";

/** What the page offers. */
const ACTIONS = [
  "kms:cmk:create",
  "kms:cmk:enable",
  "kms:cmk:disable",
  "kms:cmk:scheduleKeyDeletion",
  "kms:cmk:cancelKeyDeletion",
];

export function KeysPage() {
  const { t } = useLanguage();
  const denied = useDenied(ACTIONS);
  const { client } = useSession();
  const { data: keys, error, isLoading, reload } = useKeys();
  const [isNew, setIsNew] = useState(false);
  const [open, setOpen] = useState<{ key: KeyDetails; what: Doing }>();
  const atOnce = useAction(async (key: KeyDetails, what: "enable" | "cancel") => {
    await (what === "enable" ? client.enableKey(keyRequest(key)) : client.cancelKeyDeletion(keyRequest(key)));
    reload();
  });
  const start = (key: KeyDetails, what: Doing) => {
    if (what === "enable" || what === "cancel") void atOnce.run(key, what);
    else setOpen({ key, what });
  };
  const dialog = { onClose: () => setOpen(undefined), onChange: reload };
  const own = keys?.filter((key) => !isDefault(key)) ?? [];
  return (
    <div className="page">
      <header className="page-head">
        <h1>{t("KMS keys")}</h1>
        <span className="count" role="status">
          {keys ? keys.length : isLoading ? t("Loading…") : ""}
        </span>
        <span className="grow" />
        <Button kind="primary" isDisabled={denied.has("kms:cmk:create")} onPress={() => setIsNew(true)}>
          {t("New key")}
        </Button>
      </header>
      <MissingRights denied={denied} />
      <Failure error={error} onRetry={reload} />
      <Failure error={atOnce.error} />
      {keys && keys.length > 0 && <KeyTable keys={keys} onAction={start} />}
      {keys && own.length === 0 && (
        <Empty title={t("Keys of your own")}>
          <p>
            {t(
              "Every value is encrypted with a key. Without another choice it is the service's own one, csms/default, which is made with the first secret.",
            )}
          </p>
          <ol>
            <li>{t("Create a key for a team or an application.")}</li>
            <li>{t("Choose it when you create a secret, or when you edit one.")}</li>
            <li>
              {t(
                "Whoever reads the secret needs the right to that key too; disabling the key makes all its values unreadable at once.",
              )}
            </li>
          </ol>
        </Empty>
      )}
      {isNew && <KeyDialog keyInfo={undefined} onClose={() => setIsNew(false)} onChange={reload} />}
      {open?.what === "edit" && <KeyDialog keyInfo={open.key} {...dialog} />}
      {open?.what === "disable" && <DisableKeyDialog keyInfo={open.key} {...dialog} />}
      {open?.what === "delete" && <DeleteKeyDialog keyInfo={open.key} {...dialog} />}
    </div>
  );
}

const keyRequest = ({ key_id }: KeyDetails) => ({ key_id });

function KeyTable({
  keys,
  onAction,
}: {
  keys: readonly KeyDetails[];
  onAction: (key: KeyDetails, what: Doing) => void;
}) {
  const { t } = useLanguage();
  const items = ({ key_state: state }: KeyDetails): ActionItem<Doing>[] => [
    { id: "edit", label: t("Edit…") },
    state === "4"
      ? { id: "cancel", label: t("Cancel the deletion") }
      : state === "3"
        ? { id: "enable", label: t("Enable") }
        : { id: "disable", label: t("Disable…") },
    {
      id: "delete",
      label: t("Delete…"),
      ...(state === "4" && { refusal: t("It is scheduled for deletion already.") }),
    },
  ];
  return (
    <ListTable
      label={t("KMS keys")}
      columns={[{ title: t("Alias") }, { title: t("State") }, { title: t("Created"), isWideOnly: true }]}
      hasActions
    >
      {keys.map((key) => (
        <tr key={key.key_id}>
          <th scope="row">
            <div className="stack">
              <span className="row">
                <strong className="code">{key.key_alias}</strong>
                {isDefault(key) && <Badge tone="accent">{t("default")}</Badge>}
              </span>
              {isDefault(key) && <span className="muted">{t("Built in: it cannot be changed.")}</span>}
              {key.key_description && <span className="muted">{key.key_description}</span>}
              <code className="hint wide-only">{key.key_id}</code>
            </div>
          </th>
          <td>
            <KeyStateBadge state={key.key_state} />
            {key.scheduled_deletion_date && (
              <span className="description">
                <Time millis={Number(key.scheduled_deletion_date)} words={t("deleted {time}")} />
              </span>
            )}
          </td>
          <td className="wide-only">
            <Time millis={Number(key.creation_date)} />
          </td>
          <td className="row-end">
            {!isDefault(key) && (
              <ActionMenu
                label={t("Actions for {name}", { name: key.key_alias })}
                items={items(key)}
                onAction={(what) => onAction(key, what)}
              />
            )}
          </td>
        </tr>
      ))}
    </ListTable>
  );
}
