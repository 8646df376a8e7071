// The fields of a sign-in: an access key, which never leaves the page, or a name and password.

import { type ReactNode, useState } from "react";

import { Button } from "../ui/Button";
import { Choice } from "../ui/Choice";
import { Failure } from "../ui/Failure";
import { Field } from "../ui/Field";
import { Form } from "../ui/Form";
import { SecretInput } from "../ui/SecretInput";
import { useLanguage } from "./language";
import { type Session, type SignIn, signIn } from "./session";
import { useAction } from "./useAction";

interface Props {
  /** Who has been signed in before; the form begins with it. */
  former?: { way: SignIn["way"]; name: string };
  onSignIn: (session: Session) => void;
  /** Further buttons. */
  children?: ReactNode;
}

export function SignInForm({ former, onSignIn, children }: Props) {
  const { t } = useLanguage();
  const [way, setWay] = useState<SignIn["way"]>(former?.way ?? "key");
  const [name, setName] = useState(former?.name ?? "");
  const [domain, setDomain] = useState("");
  const [secret, setSecret] = useState("");
  const { run, isRunning, error, forget } = useAction(async () => {
    const typed: SignIn =
      way === "key"
        ? { way, accessKey: name.trim(), secretKey: secret.trim() }
        : { way, domain: domain.trim(), user: name.trim(), password: secret };
    onSignIn(await signIn(typed));
  });
  const choose = (chosen: SignIn["way"]) => {
    forget();
    setSecret("");
    setWay(chosen);
  };
  return (
    <Form onSubmit={run} isBusy={isRunning}>
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
      <div className="row">
        <Button kind="primary" type="submit" isDisabled={name.trim() === "" || secret === ""} isPending={isRunning}>
          {isRunning ? t("Signing in…") : t("Sign in")}
        </Button>
        {children}
      </div>
      <Failure error={error} />
    </Form>
  );
}
