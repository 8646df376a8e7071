// What stands around every page: where one is, in which project, and whose account it is.

import { Suspense, useEffect, useRef, useState } from "react";

import { Button } from "../ui/Button";
import { Panel } from "../ui/Panel";
import { Select } from "../ui/Select";
import { AccountMenu } from "./AccountMenu";
import { Announcements } from "./announce";
import { isComposing } from "./composing";
import { Logo } from "./Logo";
import { useLanguage } from "./language";
import { mayLeave } from "./leaving";
import { loadable, PartBoundary } from "./loadable";
import { Page } from "./Page";
import { RenewDialog } from "./RenewDialog";
import { useRenewal } from "./renewal";
import { formerScroll, type Route, useRoute } from "./route";
import { type Session, useSession } from "./session";
import { Warnings } from "./warnings";

const Palette = loadable(async () => (await import("./Palette")).Palette);

export const PLACES = [
  { label: "Overview", href: "#/overview", pages: ["overview"] },
  { label: "Secrets", href: "#/", pages: ["secrets", "secret", "create", "import"] },
  { label: "Rotations", href: "#/tasks", pages: ["tasks"] },
  { label: "Events", href: "#/events", pages: ["events"] },
  { label: "Keys", href: "#/keys", pages: ["keys"] },
  { label: "Users", href: "#/users", pages: ["users", "user"] },
  { label: "Policies", href: "#/policies", pages: ["policies"] },
  { label: "Audit", href: "#/audit", pages: ["audit"] },
] satisfies { label: string; href: string; pages: Route["page"][] }[];

/** The keys that open the palette, as keyboards of this system name them. */
const SHORTCUT = /^(Mac|iP)/.test(navigator.platform) ? "⌘ K" : "Ctrl K";

interface Props {
  onEnter: (session: Session) => void;
  onSignOut: () => void;
}

export function Frame({ onEnter, onSignOut }: Props) {
  const { t } = useLanguage();
  const session = useSession();
  const route = useRoute();
  const renewal = useRenewal();
  const [isSearching, setIsSearching] = useState(false);
  /** Whether a dialog that has to be answered first is open. */
  const isHeld = useRef(false);
  isHeld.current = renewal !== undefined;
  const main = useRef<HTMLElement>(null);
  const place = route.page === "secret" ? `${route.name}/${route.tab}` : route.page === "user" ? route.id : route.page;
  const former = useRef(place);
  useEffect(() => {
    // A new page is read from its beginning, also by screen readers; one that is returned to, from where it was left.
    if (former.current !== place) scrollTo(0, formerScroll());
    former.current = place;
    main.current?.focus({ preventScroll: true });
  }, [place]);
  useEffect(() => {
    const open = (event: KeyboardEvent) => {
      if (isComposing(event)) return;
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey) return;
      event.preventDefault();
      if (!isHeld.current) setIsSearching(true);
    };
    addEventListener("keydown", open);
    return () => removeEventListener("keydown", open);
  }, []);
  return (
    <div className="frame">
      {/* biome-ignore lint/a11y/useValidAnchor: it leads to a place on this page, which is not an address of the console */}
      <a className="skip" href="#main" onClick={(event) => (event.preventDefault(), main.current?.focus())}>
        {t("Skip to the content")}
      </a>
      <header className="bar">
        <a href="#/" className="home" aria-label={t("csms, all secrets")}>
          <Logo />
        </a>
        <nav className="wide-nav" aria-label={t("Console")}>
          <Places page={route.page} />
        </nav>
        <div className="narrow-nav">
          <Panel
            label={t("Pages of the console")}
            className="places"
            side="start"
            button={<Button aria-label={t("Pages of the console")}>☰</Button>}
          >
            {(close) => <Places page={route.page} onChoose={close} />}
          </Panel>
        </div>
        <div className="bar-end">
          <Button kind="quiet" onPress={() => setIsSearching(true)}>
            <svg className="narrow-only" viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
              <path
                d="M8.5 3a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M12.5 12.5 17 17"
                fill="none"
                stroke="currentColor"
                strokeWidth="1.6"
                strokeLinecap="round"
              />
            </svg>
            <span className="go-to">{t("Go to…")}</span>
            <kbd>{SHORTCUT}</kbd>
          </Button>
          {session.projects.length > 1 ? (
            <Select
              label={t("Project")}
              isLabelHidden
              value={session.project.id}
              onChange={(id) => {
                const project = session.projects.find((candidate) => candidate.id === id);
                if (project && mayLeave()) onEnter(session.enter(project));
              }}
              options={session.projects.map(({ id, name }) => ({ value: id, label: name }))}
            />
          ) : (
            <span className="hint project" title={t("Project")}>
              {session.project.name}
            </span>
          )}
          <AccountMenu onSignOut={() => mayLeave() && onSignOut()} />
        </div>
      </header>
      <Warnings />
      <main id="main" ref={main} tabIndex={-1}>
        <PartBoundary place={place}>
          <Suspense fallback={<p className="page muted">{t("Loading…")}</p>}>
            <Page route={route} />
          </Suspense>
        </PartBoundary>
      </main>
      <Announcements />
      {isSearching && !renewal && (
        <PartBoundary place={place}>
          <Suspense fallback={null}>
            <Palette onClose={() => setIsSearching(false)} />
          </Suspense>
        </PartBoundary>
      )}
      {renewal && <RenewDialog renewal={renewal} onSignOut={onSignOut} />}
    </div>
  );
}

function Places({ page, onChoose }: { page: Route["page"]; onChoose?: () => void }) {
  const { t } = useLanguage();
  return PLACES.map(({ label, href, pages }) => (
    <a key={href} href={href} onClick={onChoose} aria-current={(pages as string[]).includes(page) ? "page" : undefined}>
      {t(label)}
    </a>
  ));
}
