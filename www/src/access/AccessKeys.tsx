// The access keys of a user: made, taken out of use, deleted.

import type { IamAccessKey, IamUser } from "csms";
import { useState } from "react";

import { useLanguage } from "../app/language";
import { useSession } from "../app/session";
import { useAction } from "../app/useAction";
import { type ActionItem, ActionMenu } from "../ui/ActionMenu";
import { Button } from "../ui/Button";
import { Failure } from "../ui/Failure";
import { OnOff } from "../ui/OnOff";
import { Time } from "../ui/Time";
import { type MadeKey, NewKeyDialog } from "./NewKeyDialog";
import { millisOf, useAccessKeys } from "./users";

type Doing = "active" | "inactive" | "delete";

export function AccessKeys({ user: { user_id } }: { user: Pick<IamUser, "user_id"> }) {
  const { t } = useLanguage();
  const { client } = useSession();
  const { data: keys, error, reload } = useAccessKeys(user_id);
  const [made, setMade] = useState<MadeKey>();
  const create = useAction(async () => {
    const { access_key } = await client.createAccessKeyV5({ user_id });
    setMade({ id: access_key.access_key_id, secret: access_key.secret_access_key });
    reload();
  });
  const change = useAction(async (access_key_id: string, what: Doing) => {
    if (what === "delete") await client.deleteAccessKeyV5({ user_id, access_key_id });
    else await client.updateAccessKeyV5({ user_id, access_key_id, status: what });
    reload();
  });
  // Deleting what still works would come as a surprise to whoever uses it.
  const items = ({ status }: IamAccessKey): ActionItem<Doing>[] => [
    status === "active" ? { id: "inactive", label: t("Disable") } : { id: "active", label: t("Enable") },
    {
      id: "delete",
      label: t("Delete"),
      ...(status === "active" && { refusal: t("Disable it first, and see that nothing fails.") }),
    },
  ];
  return (
    <section aria-labelledby="access-keys">
      <header className="row spread">
        <h2 id="access-keys">{t("Access keys")}</h2>
        <Button onPress={() => void create.run()} isPending={create.isRunning}>
          {t("New access key")}
        </Button>
      </header>
      <Failure error={error ?? create.error ?? change.error} onRetry={reload} />
      {!keys && error === undefined && <p className="muted">{t("Loading…")}</p>}
      {keys?.length === 0 && (
        <p className="muted">{t("No access key yet. Programs, and this console, sign requests with one.")}</p>
      )}
      {keys && keys.length > 0 && (
        <ul className="tasks">
          {keys.map((key) => (
            <li key={key.access_key_id}>
              <div className="line-with-menu">
                <span className="row">
                  <code>{key.access_key_id}</code>
                  <OnOff isOn={key.status === "active"} />
                  <Time millis={millisOf(key.created_at)} words={t("created {time}")} />
                </span>
                <ActionMenu
                  label={t("Actions for {name}", { name: key.access_key_id })}
                  items={items(key)}
                  onAction={(what) => void change.run(key.access_key_id, what)}
                />
              </div>
            </li>
          ))}
        </ul>
      )}
      <p className="hint">
        {t(
          "To change keys without a gap: make a second one, use it everywhere, disable the first, and delete it later.",
        )}
      </p>
      {made && <NewKeyDialog made={made} onClose={() => setMade(undefined)} />}
    </section>
  );
}
