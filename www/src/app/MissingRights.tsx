// Which rights the person lacks for what a page offers, before anything is clicked.

import { Notice } from "../ui/Notice";
import { useLanguage } from "./language";
import { useSession } from "./session";
import { useQuery } from "./useQuery";

/** Those of some actions that the person may not do; none until the service has said so. */
export function useDenied(actions: readonly string[]): ReadonlySet<string> {
  const { client, identity } = useSession();
  const { data } = useQuery(`${identity.name}/${actions.join()}`, (signal) =>
    client.checkPermissions({ actions: [...actions] }, { signal }),
  );
  return new Set(data?.denied);
}

export function MissingRights({ denied }: { denied: ReadonlySet<string> }) {
  const { t } = useLanguage();
  if (denied.size === 0) return null;
  return (
    <p className="hint" role="note">
      {t("Rights that you do not have for everything here:")} <code>{[...denied].join(", ")}</code>
    </p>
  );
}

/** Says above a form that it cannot be sent, before anything is typed into it. */
export function NeedsRight({ action }: { action: string }) {
  const { t } = useLanguage();
  if (useDenied([action]).size === 0) return null;
  return (
    <div className="page-notice">
      <Notice kind="warning" title={t("You lack the right {action}.", { action })}>
        <p>{t("Nothing of this page can be stored. Ask an administrator for a policy that allows it.")}</p>
      </Notice>
    </div>
  );
}
