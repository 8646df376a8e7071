// Which rights the person lacks for what a page offers, before anything is clicked.

import { useLanguage } from "./language";
import { useSession } from "./session";
import { useQuery } from "./useQuery";

export function MissingRights({ actions }: { actions: readonly string[] }) {
  const { t } = useLanguage();
  const { client, identity } = useSession();
  const { data } = useQuery(`${identity.name}/${actions.join()}`, (signal) =>
    client.checkPermissions({ actions: [...actions] }, { signal }),
  );
  if (!data || data.denied.length === 0) return null;
  return (
    <p className="hint" role="note">
      {t("Rights that you do not have for everything here:")} <code>{data.denied.join(", ")}</code>
    </p>
  );
}
