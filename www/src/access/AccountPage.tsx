// The account of the person who is signed in: own password, own access keys.

import { useState } from "react";

import { announce } from "../app/announce";
import { useLanguage } from "../app/language";
import { useDirty } from "../app/leaving";
import { useSession } from "../app/session";
import { useAction } from "../app/useAction";
import { Button } from "../ui/Button";
import { Facts } from "../ui/Facts";
import { Failure } from "../ui/Failure";
import { Form } from "../ui/Form";
import { Notice } from "../ui/Notice";
import { SecretInput } from "../ui/SecretInput";
import { AccessKeys } from "./AccessKeys";
import { useOwnUser } from "./useOwnUser";

/** Characters that a password needs. */
const LEAST = 8;

export function AccountPage() {
  const { t } = useLanguage();
  const { identity, project } = useSession();
  const { data: user, isLoading } = useOwnUser();
  const userId = user?.user_id ?? identity.userId;
  return (
    <div className="page">
      <header className="page-head">
        <h1>{t("Your account")}</h1>
      </header>
      <div className="columns">
        <div className="sections">
          <Facts
            facts={[
              [t("Signed in with"), identity.way === "key" ? t("Access key") : t("Name and password")],
              [t("Name"), <code key="name">{user?.user_name ?? identity.name}</code>],
              ...(userId ? [[t("Identifier"), <code key="id">{userId}</code>] as const] : []),
              [t("Project"), project.name],
            ]}
          />
          <OwnPassword />
        </div>
        {userId ? (
          <AccessKeys user={{ user_id: userId }} />
        ) : isLoading ? (
          <p className="muted">{t("Loading…")}</p>
        ) : (
          <Notice title={t("Your access keys cannot be shown.")}>
            <p>{t("You may not ask which user you are. An administrator can give you further access keys.")}</p>
          </Notice>
        )}
      </div>
    </div>
  );
}

/** Changes the own password, which takes the one there is. */
function OwnPassword() {
  const { t } = useLanguage();
  const { client } = useSession();
  const [former, setFormer] = useState("");
  const [password, setPassword] = useState("");
  const [repeated, setRepeated] = useState("");
  // Fields hold their own text, so emptied ones are new ones.
  const [fields, setFields] = useState(0);
  const { run, isRunning, error } = useAction(async () => {
    await client.updateUserPassword({ old_password: former, password });
    for (const set of [setFormer, setPassword, setRepeated]) set("");
    setFields(fields + 1);
    announce(t("Your password is changed."));
  });
  useDirty(former !== "" || password !== "" || repeated !== "");
  const isRepeated = password === repeated;
  return (
    <section aria-labelledby="own-password">
      <h2 id="own-password">{t("Change your password")}</h2>
      <Form key={fields} onSubmit={run} isBusy={isRunning}>
        <SecretInput label={t("Current password")} onInput={setFormer} autoComplete="current-password" />
        <SecretInput
          label={t("New password")}
          onInput={setPassword}
          autoComplete="new-password"
          hint={t("At least {count} characters.", { count: LEAST })}
        />
        <SecretInput
          label={t("New password once more")}
          onInput={setRepeated}
          autoComplete="new-password"
          problems={repeated !== "" && !isRepeated ? [t("The two passwords differ.")] : []}
        />
        <Failure error={error} />
        <div className="row">
          <Button
            type="submit"
            kind="primary"
            isPending={isRunning}
            isDisabled={former === "" || password.length < LEAST || !isRepeated}
          >
            {t("Change the password")}
          </Button>
        </div>
      </Form>
    </section>
  );
}
