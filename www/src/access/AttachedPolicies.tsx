// What a user may do: the policies attached to it.

import type { IamAttachedPolicy, IamUser } from "csms";
import { useState } from "react";

import { announce } from "../app/announce";
import { useLanguage } from "../app/language";
import { useSession } from "../app/session";
import { useAction } from "../app/useAction";
import { Button } from "../ui/Button";
import { ConfirmDialog } from "../ui/ConfirmDialog";
import { Failure } from "../ui/Failure";
import { Select } from "../ui/Select";
import { useAttachedPolicies, usePolicies } from "./users";

export function AttachedPolicies({ user: { user_id, user_name, is_root_user } }: { user: IamUser }) {
  const { t } = useLanguage();
  const { client } = useSession();
  const { data: attached, error, reload } = useAttachedPolicies(user_id);
  const { data: policies } = usePolicies();
  const [chosen, setChosen] = useState("");
  const attach = useAction(async () => {
    await client.attachUserPolicyV5({ user_id, policy_id: chosen });
    setChosen("");
    reload();
  });
  const [detaching, setDetaching] = useState<IamAttachedPolicy>();
  const others = policies?.filter(({ policy_id }) => !attached?.some((each) => each.policy_id === policy_id)) ?? [];
  return (
    <section aria-labelledby="attached">
      <header className="row spread">
        <h2 id="attached">{t("Policies")}</h2>
        <a className="hint" href="#/policies">
          {t("What the policies say")}
        </a>
      </header>
      <Failure error={error ?? attach.error} onRetry={reload} />
      {is_root_user && <p className="hint">{t("The first user may do everything, whatever is attached.")}</p>}
      {!attached && error === undefined && <p className="muted">{t("Loading…")}</p>}
      {attached?.length === 0 && !is_root_user && (
        <p className="muted">{t("No policy yet, so this user may do nothing.")}</p>
      )}
      {attached && attached.length > 0 && (
        <ul className="tasks">
          {attached.map((policy) => (
            <li key={policy.policy_id}>
              <div className="row">
                <span>{policy.policy_name}</span>
                <span className="grow" />
                <Button
                  kind="quiet"
                  onPress={() => setDetaching(policy)}
                  aria-label={t("Detach {name}", { name: policy.policy_name })}
                >
                  {t("Detach…")}
                </Button>
              </div>
            </li>
          ))}
        </ul>
      )}
      {others.length > 0 && (
        <div className="row bottom">
          <Select
            label={t("Another policy")}
            value={chosen}
            onChange={setChosen}
            options={[
              { value: "", label: t("Choose…") },
              ...others.map(({ policy_id, policy_name }) => ({ value: policy_id, label: policy_name })),
            ]}
          />
          <Button onPress={() => void attach.run()} isPending={attach.isRunning} isDisabled={chosen === ""}>
            {t("Attach")}
          </Button>
        </div>
      )}
      {detaching && (
        <ConfirmDialog
          title={t("Detach {name}", { name: detaching.policy_name })}
          verb={t("Detach the policy")}
          act={async () => {
            await client.detachUserPolicyV5({ user_id, policy_id: detaching.policy_id });
            announce(t("{name} is detached.", { name: detaching.policy_name }));
            reload();
          }}
          onClose={() => setDetaching(undefined)}
        >
          <p>{t("What only this policy allows is refused to {name} from now on.", { name: user_name })}</p>
        </ConfirmDialog>
      )}
    </section>
  );
}
