// One user: access keys, password and policies.

import { useLanguage } from "../app/language";
import { Badge } from "../ui/Badge";
import { Failure } from "../ui/Failure";
import { OnOff } from "../ui/OnOff";
import { AccessKeys } from "./AccessKeys";
import { AttachedPolicies } from "./AttachedPolicies";
import { Password } from "./Password";
import { useUser } from "./users";

export function UserPage({ id }: { id: string }) {
  const { t } = useLanguage();
  const { data: user, error, isLoading, reload } = useUser(id);
  return (
    <div className="page">
      <a className="back" href="#/users">
        ← {t("Users")}
      </a>
      <header className="page-head">
        <h1 className="code">{user?.user_name ?? ""}</h1>
        {user && !user.enabled && <OnOff isOn={false} />}
        {user?.is_root_user && <Badge tone="accent">{t("first user")}</Badge>}
      </header>
      {user?.description && <p className="muted">{user.description}</p>}
      <Failure error={error} onRetry={reload} />
      {isLoading && !user && <p className="muted">{t("Loading…")}</p>}
      {user && (
        <div className="columns">
          <AccessKeys user={user} />
          <div className="sections">
            <AttachedPolicies user={user} />
            <Password user={user} />
          </div>
        </div>
      )}
    </div>
  );
}
