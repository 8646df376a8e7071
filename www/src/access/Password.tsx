// Whether a user signs in with a password; gives it one, or takes it away.

import { CsmsError, type IamUser } from "csms";
import { useState } from "react";

import { announce } from "../app/announce";
import { useLanguage } from "../app/language";
import { useDirty } from "../app/leaving";
import { useSession } from "../app/session";
import { useAction } from "../app/useAction";
import { useQuery } from "../app/useQuery";
import { Button } from "../ui/Button";
import { ConfirmDialog } from "../ui/ConfirmDialog";
import { Failure } from "../ui/Failure";
import { Form } from "../ui/Form";
import { GenerateButton } from "../ui/GenerateButton";
import { SecretInput } from "../ui/SecretInput";
import { Time } from "../ui/Time";
import { Toggle } from "../ui/Toggle";
import { millisOf } from "./users";

/** Characters that a password needs. */
const LEAST = 8;

export function Password({ user: { user_id, user_name } }: { user: IamUser }) {
  const { t } = useLanguage();
  const { client } = useSession();
  const { data, error, reload } = useQuery(user_id, async (signal) => {
    try {
      return { profile: (await client.showLoginProfileV5({ user_id }, { signal })).login_profile };
    } catch (failure) {
      if (failure instanceof CsmsError && failure.status === 404) return { profile: undefined };
      throw failure;
    }
  });
  const [password, setPassword] = useState("");
  const [isTaking, setIsTaking] = useState(false);
  const [isShown, setIsShown] = useState(false);
  // The field holds its own text, so an emptied or generated one is a new one.
  const [field, setField] = useState(0);
  const replace = (text: string) => {
    setPassword(text);
    setField((before) => before + 1);
  };
  const set = useAction(async () => {
    if (data?.profile) await client.updateLoginProfileV5({ user_id, password });
    else await client.createLoginProfileV5({ user_id, password, password_reset_required: false });
    announce(t("The password is set."));
    replace("");
    setIsShown(false);
    reload();
  });
  useDirty(password !== "");
  return (
    <section aria-labelledby="password">
      <h2 id="password">{t("Password")}</h2>
      <Failure error={error ?? set.error} onRetry={reload} />
      {data && (
        <p className="muted">
          {data.profile ? (
            <Time millis={millisOf(data.profile.created_at)} words={t("Set {time}")} />
          ) : (
            t("None: this user signs in with an access key only.")
          )}
        </p>
      )}
      <Form onSubmit={set.run} isBusy={set.isRunning}>
        <SecretInput
          key={field}
          label={data?.profile ? t("New password") : t("First password")}
          initial={password}
          isShown={isShown}
          onInput={setPassword}
          autoComplete="new-password"
          hint={t("At least {count} characters.", { count: LEAST })}
        />
        <div className="row spread">
          <Toggle isOn={isShown} onChange={setIsShown}>
            {t("Show the password")}
          </Toggle>
          <GenerateButton label={t("Generate a password for this user")} onGenerate={replace} />
        </div>
        <div className="row">
          <Button type="submit" isPending={set.isRunning} isDisabled={password.length < LEAST || !data}>
            {t("Set the password")}
          </Button>
          {data?.profile && (
            <Button kind="quiet" onPress={() => setIsTaking(true)}>
              {t("Take it away…")}
            </Button>
          )}
        </div>
      </Form>
      {isTaking && (
        <ConfirmDialog
          title={t("Take away the password of {name}", { name: user_name })}
          verb={t("Take away the password")}
          act={async () => {
            await client.deleteLoginProfileV5({ user_id });
            announce(t("The password of {name} is taken away.", { name: user_name }));
            reload();
          }}
          onClose={() => setIsTaking(false)}
        >
          <p>
            {t("{name} cannot sign in with a password until a new one is set. Access keys go on.", { name: user_name })}
          </p>
        </ConfirmDialog>
      )}
    </section>
  );
}
