// Users of the account: who may sign in and call the service.

import type { IamUser } from "csms";
import { useState } from "react";

import { useLanguage } from "../app/language";
import { MissingRights, useDenied } from "../app/MissingRights";
import { userPath } from "../app/route";
import { useSession } from "../app/session";
import { useAction } from "../app/useAction";
import { type ActionItem, ActionMenu } from "../ui/ActionMenu";
import { Badge } from "../ui/Badge";
import { Button } from "../ui/Button";
import { Empty } from "../ui/Empty";
import { Failure } from "../ui/Failure";
import { ListTable } from "../ui/ListTable";
import { OnOff } from "../ui/OnOff";
import { Time } from "../ui/Time";
import { DeleteUserDialog } from "./DeleteUserDialog";
import { UserDialog } from "./UserDialog";
import { millisOf, useUsers } from "./users";

type Doing = "edit" | "disable" | "enable" | "delete";

/** What the page offers. */
const ACTIONS = ["iam:users:createUserV5", "iam:users:updateUserV5", "iam:users:deleteUserV5"];

export function UsersPage() {
  const { t } = useLanguage();
  const denied = useDenied(ACTIONS);
  const { client } = useSession();
  const { data: users, error, isLoading, reload } = useUsers();
  const [open, setOpen] = useState<{ what: "new" | "edit" | "delete"; user?: IamUser }>();
  const close = () => setOpen(undefined);
  const enable = useAction(async ({ user_id }: IamUser, enabled: boolean) => {
    await client.updateUserV5({ user_id, enabled });
    reload();
  });
  const start = (user: IamUser, what: Doing) => {
    if (what === "enable" || what === "disable") void enable.run(user, what === "enable");
    else setOpen({ what, user });
  };
  return (
    <div className="page">
      <header className="page-head">
        <h1>{t("Users")}</h1>
        <span className="count" role="status">
          {users ? users.length : isLoading ? t("Loading…") : ""}
        </span>
        <span className="grow" />
        <Button
          kind="primary"
          isDisabled={denied.has("iam:users:createUserV5")}
          onPress={() => setOpen({ what: "new" })}
        >
          {t("New user")}
        </Button>
      </header>
      <MissingRights denied={denied} />
      <Failure error={error} onRetry={reload} />
      <Failure error={enable.error} />
      {users && users.length > 0 && <UserTable users={users} onAction={start} />}
      {users && users.length < 2 && (
        <Empty title={t("Give everybody a user of their own")}>
          <p>
            {t(
              "A user has access keys for programs, perhaps a password for this console, and policies that say what is allowed. A new user may do nothing.",
            )}
          </p>
          <ol>
            <li>{t("Create a user for a person or a program.")}</li>
            <li>{t("Attach a policy, such as {policy}.", { policy: "CSMS ReadOnlyAccess" })}</li>
            <li>{t("Make an access key, and hand it over where nobody else sees it.")}</li>
          </ol>
        </Empty>
      )}
      {open?.what === "new" && <UserDialog user={undefined} onClose={close} onChange={reload} />}
      {open?.what === "edit" && <UserDialog user={open.user} onClose={close} onChange={reload} />}
      {open?.what === "delete" && open.user && <DeleteUserDialog user={open.user} onClose={close} onChange={reload} />}
    </div>
  );
}

function UserTable({ users, onAction }: { users: readonly IamUser[]; onAction: (user: IamUser, what: Doing) => void }) {
  const { t } = useLanguage();
  const items = (user: IamUser): ActionItem<Doing>[] => {
    const refusal = user.is_root_user ? { refusal: t("The first user always stays.") } : {};
    return [
      { id: "edit", label: t("Edit…") },
      user.enabled ? { id: "disable", label: t("Disable"), ...refusal } : { id: "enable", label: t("Enable") },
      { id: "delete", label: t("Delete…"), ...refusal },
    ];
  };
  return (
    <ListTable
      label={t("Users")}
      columns={[{ title: t("Name") }, { title: t("State") }, { title: t("Created"), isWideOnly: true }]}
      hasActions
    >
      {users.map((user) => (
        <tr key={user.user_id}>
          <th scope="row">
            <div className="stack">
              <span className="row">
                <a className="code strong" href={userPath(user.user_id)}>
                  {user.user_name}
                </a>
                {user.is_root_user && <Badge tone="accent">{t("first user")}</Badge>}
              </span>
              {user.description && <span className="description">{user.description}</span>}
            </div>
          </th>
          <td>
            <OnOff isOn={user.enabled} />
          </td>
          <td className="wide-only">
            <Time millis={millisOf(user.created_at)} />
          </td>
          <td className="row-end">
            <ActionMenu
              label={t("Actions for {name}", { name: user.user_name })}
              items={items(user)}
              onAction={(what) => onAction(user, what)}
            />
          </td>
        </tr>
      ))}
    </ListTable>
  );
}
