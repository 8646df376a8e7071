// Signing in again over the page, when the service no longer accepts the sign-in. The page behind it keeps what was typed.

import { useState } from "react";

import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Notice } from "../ui/Notice";
import { useLanguage } from "./language";
import { mayLeave } from "./leaving";
import type { Renewal } from "./renewal";
import { SignInForm } from "./SignInForm";
import { goOnAs, useSession } from "./session";

export function RenewDialog({ renewal, onSignOut }: { renewal: Renewal; onSignOut: () => void }) {
  const { t } = useLanguage();
  const session = useSession();
  const [isElsewhere, setIsElsewhere] = useState(false);
  const leave = () => {
    if (!mayLeave()) return;
    renewal.refuse();
    onSignOut();
  };
  return (
    <Dialog title={t("Your sign-in has expired")} isOpen onClose={leave} isFirm>
      <p>{t("Sign in again to go on. What you typed on the page is still there.")}</p>
      {isElsewhere && (
        <Notice
          kind="danger"
          title={t("This user has no access to the project {project}.", { project: session.project.name })}
        >
          <p>{t("Sign in as somebody who has, or sign out to start over.")}</p>
        </Notice>
      )}
      <SignInForm
        former={session.identity}
        onSignIn={(next) => {
          if (goOnAs(session, next)) renewal.done();
          else setIsElsewhere(true);
        }}
      >
        <Button onPress={leave}>{t("Sign out")}</Button>
      </SignInForm>
    </Dialog>
  );
}
