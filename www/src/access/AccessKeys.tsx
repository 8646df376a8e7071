// The access keys of a user: made, taken out of use, deleted.

import type { IamAccessKey, IamUser } from "csms";
import { useState } from "react";

import { announce } from "../app/announce";
import { useLanguage } from "../app/language";
import { useSession } from "../app/session";
import { isUnsure } from "../app/unsure";
import { useAction } from "../app/useAction";
import { type ActionItem, ActionMenu } from "../ui/ActionMenu";
import { Button } from "../ui/Button";
import { ConfirmDialog } from "../ui/ConfirmDialog";
import { Failure } from "../ui/Failure";
import { Notice } from "../ui/Notice";
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
  const [deleting, setDeleting] = useState<string>();
  /** The keys that are accounted for, since an answer was lost: another one is of that request, and nobody has its secret key. */
  const [known, setKnown] = useState<ReadonlySet<string>>();
  const create = useAction(async () => {
    const { access_key } = await client.createAccessKeyV5({ user_id }).catch((failure: unknown) => {
      if (isUnsure(failure)) {
        setKnown((before) => before ?? new Set(keys?.map(({ access_key_id }) => access_key_id)));
        reload();
      }
      throw failure;
    });
    setKnown((before) => before && new Set(before).add(access_key.access_key_id));
    setMade({ id: access_key.access_key_id, secret: access_key.secret_access_key });
    reload();
  });
  const change = useAction(async (access_key_id: string, what: Doing) => {
    if (what === "delete") return setDeleting(access_key_id);
    await client.updateAccessKeyV5({ user_id, access_key_id, status: what });
    reload();
  });
  // Deleting what still works would come as a surprise to whoever uses it.
  const items = ({ status }: IamAccessKey): ActionItem<Doing>[] => [
    status === "active" ? { id: "inactive", label: t("Disable") } : { id: "active", label: t("Enable") },
    {
      id: "delete",
      label: t("Delete…"),
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
      {keys
        ?.filter(({ access_key_id }) => known && !known.has(access_key_id))
        .map(({ access_key_id: id }) => (
          <Notice key={id} kind="warning" title={t("The key {id} may be yours, without its secret key.", { id })}>
            <p>
              {t(
                "It was made while the answer to you was lost, so its secret key is nowhere. Disable it, delete it, and make another.",
              )}
            </p>
          </Notice>
        ))}
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
      {deleting !== undefined && (
        <ConfirmDialog
          title={t("Delete {name}", { name: deleting })}
          verb={t("Delete the access key")}
          act={async () => {
            await client.deleteAccessKeyV5({ user_id, access_key_id: deleting });
            announce(t("{name} is deleted.", { name: deleting }));
            reload();
          }}
          onClose={() => setDeleting(undefined)}
        >
          <p>{t("Whatever still signs with it is refused, and nobody can bring it back.")}</p>
        </ConfirmDialog>
      )}
      {made && <NewKeyDialog made={made} onClose={() => setMade(undefined)} />}
    </section>
  );
}
