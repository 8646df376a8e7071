// The page before anybody is signed in.

import { useEffect } from "react";

import { Notice } from "../ui/Notice";
import { Logo } from "./Logo";
import { useLanguage } from "./language";
import { Preferences } from "./Preferences";
import { SignInForm } from "./SignInForm";
import { hasCryptography } from "./secure";
import type { Session } from "./session";

export function SignInPage({ onSignIn }: { onSignIn: (session: Session) => void }) {
  const { t } = useLanguage();
  useEffect(() => {
    document.title = `${t("Sign in")} · csms`;
  }, [t]);
  return (
    <div className="sign-in">
      <header>
        <Logo />
        <Preferences />
      </header>
      <main>
        <div className="sign-in-form">
          <h1>{t("Sign in")}</h1>
          {!hasCryptography() && (
            <Notice kind="warning" title={t("This connection is plain HTTP.")}>
              <p>
                {t(
                  "Others on the network can read what this page receives. Sealing and opening values, and clearing the clipboard, need HTTPS: put a proxy with a certificate before the server, and open the console there.",
                )}
              </p>
            </Notice>
          )}
          <SignInForm onSignIn={onSignIn} />
          <p className="hint sign-in-help">
            {t("On the first start the server writes both into the file {file} of its data directory.", {
              file: "credentials.json",
            })}
          </p>
        </div>
      </main>
    </div>
  );
}
