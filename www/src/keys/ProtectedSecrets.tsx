// The secrets that use a key: what a change of the key is about to reach.

import { useLanguage } from "../app/language";
import { secretPath } from "../app/route";
import { useSession } from "../app/session";
import { useQuery } from "../app/useQuery";
import { Failure } from "../ui/Failure";

/** Most names to show. */
const SHOWN = 8;

export function ProtectedSecrets({ id }: { id: string }) {
  const { t, language } = useLanguage();
  const { client } = useSession();
  const { data: names, error } = useQuery(id, async (signal) => {
    const found: string[] = [];
    for await (const secret of client.secrets({ limit: 1000 }, { signal })) {
      if (secret.kms_key_id === id) found.push(secret.name);
    }
    return found;
  });
  if (error !== undefined) return <Failure error={error} />;
  if (!names) return <p className="muted">{t("Loading…")}</p>;
  if (names.length === 0)
    return <p>{t("No secret is set to use this key. Earlier versions may still be encrypted with it.")}</p>;
  return (
    <div>
      <p>{t("Secrets that use it: {count}", { count: names.length.toLocaleString(language) })}</p>
      <ul className="names">
        {names.slice(0, SHOWN).map((name) => (
          <li key={name}>
            <a className="code" href={secretPath(name)}>
              {name}
            </a>
          </li>
        ))}
        {names.length > SHOWN && <li aria-hidden="true">…</li>}
      </ul>
    </div>
  );
}
