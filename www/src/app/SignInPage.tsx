// Sign in with an access key, which never leaves the page, or with a name and password.

import { type FormEvent, useEffect, useState } from "react";

import { Button } from "../ui/Button";
import { Choice } from "../ui/Choice";
import { Failure } from "../ui/Failure";
import { Field } from "../ui/Field";
import { SecretInput } from "../ui/SecretInput";
import { Logo } from "./Logo";
import { useLanguage } from "./language";
import { Preferences } from "./Preferences";
import { type Session, type SignIn, signIn } from "./session";
import { useAction } from "./useAction";

export function SignInPage({ onSignIn }: { onSignIn: (session: Session) => void }) {
  const { t } = useLanguage();
  const [way, setWay] = useState<SignIn["way"]>("key");
  const [name, setName] = useState("");
  const [domain, setDomain] = useState("");
  const [secret, setSecret] = useState("");
  const { run, isRunning, error, forget } = useAction(async () => {
    const typed: SignIn =
      way === "key"
        ? { way, accessKey: name.trim(), secretKey: secret.trim() }
        : { way, domain: domain.trim(), user: name.trim(), password: secret };
    onSignIn(await signIn(typed));
  });
  useEffect(() => {
    document.title = `${t("Sign in")} · csms`;
  }, [t]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void run();
  };
  const choose = (chosen: SignIn["way"]) => {
    forget();
    setSecret("");
    setWay(chosen);
  };
  return (
    <div className="sign-in">
      <header>
        <Logo />
        <Preferences />
      </header>
      <main>
        <form onSubmit={submit}>
          <h1>{t("Sign in")}</h1>
          <Choice
            label={t("With")}
            isLabelHidden
            value={way}
            onChange={choose}
            options={[
              { value: "key", label: t("Access key") },
              { value: "password", label: t("Name and password") },
            ]}
          />
          {way === "password" && <Field label={t("Account (may be left out)")} value={domain} onChange={setDomain} />}
          <Field
            label={way === "key" ? t("Access key (AK)") : t("User name")}
            value={name}
            onChange={setName}
            autoComplete="username"
            isCode={way === "key"}
          />
          <SecretInput
            key={way}
            label={way === "key" ? t("Secret key (SK)") : t("Password")}
            onInput={setSecret}
            autoComplete={way === "key" ? "off" : "current-password"}
          />
          <p className="hint">
            {way === "key"
              ? t("Both stay in the memory of this page. Requests are signed here; the secret key is never sent.")
              : t("The password is sent once, for a token that this page keeps in its memory.")}
          </p>
          <Button kind="primary" type="submit" isDisabled={name.trim() === "" || secret === ""} isPending={isRunning}>
            {isRunning ? t("Signing in…") : t("Sign in")}
          </Button>
          <Failure error={error} />
          <p className="hint sign-in-help">
            {t("On the first start the server writes both into the file {file} of its data directory.", {
              file: "credentials.json",
            })}
          </p>
        </form>
      </main>
    </div>
  );
}
