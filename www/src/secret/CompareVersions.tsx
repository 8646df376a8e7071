// The difference of two versions, read when it is asked for and forgotten when others are chosen.

import { useRef, useState } from "react";

import { useLanguage } from "../app/language";
import { useSession } from "../app/session";
import { useAction } from "../app/useAction";
import { Button } from "../ui/Button";
import { Failure } from "../ui/Failure";
import { Select } from "../ui/Select";
import { DiffTable } from "../value/DiffTable";
import { type Stored, storedOf } from "../value/value";
import type { Known } from "./useKnownSecret";

export function CompareVersions({ known: { secret, versions } }: { known: Known }) {
  const { t } = useLanguage();
  const { client } = useSession();
  const [older, setOlder] = useState(versions[1]?.id ?? "");
  const [newer, setNewer] = useState(versions[0]?.id ?? "");
  const [compared, setCompared] = useState<{ before: Stored; after: Stored; labels: [string, string] }>();
  // An answer counts only for what is chosen when it comes.
  const chosen = useRef("");
  chosen.current = `${older} ${newer}`;
  const options = versions.map(({ id }) => ({ value: id, label: id }));
  const read = async (version: string) =>
    storedOf((await client.showSecretVersion({ secret_name: secret.name, version_id: version })).version);
  const { run, isRunning, error } = useAction(async () => {
    const asked = `${older} ${newer}`;
    const [before, after] = await Promise.all([read(older), read(newer)]);
    if (chosen.current === asked) setCompared({ before, after, labels: [older, newer] });
  });
  const choose = (set: (version: string) => void) => (version: string) => {
    setCompared(undefined);
    set(version);
  };
  return (
    <section aria-labelledby="compare">
      <h2 id="compare">{t("Compare two versions")}</h2>
      <div className="row bottom">
        <Select label={t("Before")} value={older} onChange={choose(setOlder)} options={options} />
        <Select label={t("After")} value={newer} onChange={choose(setNewer)} options={options} />
        {compared ? (
          <Button onPress={() => setCompared(undefined)}>{t("Close")}</Button>
        ) : (
          <Button onPress={() => void run()} isPending={isRunning} isDisabled={older === newer}>
            {t("Compare")}
          </Button>
        )}
      </div>
      <Failure error={error} />
      {compared && <DiffTable {...compared} />}
    </section>
  );
}
