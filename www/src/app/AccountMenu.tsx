// Who is signed in, and what is theirs: language, theme, their own account, what to read, the way out.

import { Button } from "../ui/Button";
import { Panel } from "../ui/Panel";
import { useLanguage } from "./language";
import { Preferences } from "./Preferences";
import { useSession } from "./session";

export function AccountMenu({ onSignOut }: { onSignOut: () => void }) {
  const { language, t } = useLanguage();
  const { identity } = useSession();
  const { name } = identity;
  return (
    <Panel
      label={t("Account of {name}", { name })}
      className="account-menu"
      button={
        <Button kind="quiet" aria-label={t("Account of {name}", { name })}>
          <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
            <circle cx="10" cy="7" r="3.5" fill="none" stroke="currentColor" strokeWidth="1.6" />
            <path
              d="M3.5 17c.8-3.2 3.3-5 6.5-5s5.700 1.800 6.500 5"
              fill="none"
              stroke="currentColor"
              strokeWidth="1.600"
            />
          </svg>
          <span className="account-name" title={name}>
            {name}
          </span>
        </Button>
      }
    >
      {(close) => (
        <>
          <p>
            {identity.way === "key" ? t("Signed in with the access key") : t("Signed in as")}
            <br />
            <strong className="code">{name}</strong>
          </p>
          {/* biome-ignore lint/a11y/useValidAnchor: it leads to a page, and the menu closes on the way */}
          <a href="#/account" onClick={close}>
            {t("Password and access keys")}
          </a>
          <Preferences />
          {/* In a tab of their own, since leaving this page ends the session. */}
          <a href={language === "zh-CN" ? "/docs/zh/tutorial.html" : "/docs/"} target="_blank" rel="noreferrer">
            {t("Documentation")}
          </a>
          <a href="/licenses" target="_blank" rel="noreferrer">
            {t("Licences of third parties")}
          </a>
          <Button onPress={onSignOut}>{t("Sign out")}</Button>
        </>
      )}
    </Panel>
  );
}
