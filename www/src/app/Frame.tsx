// What stands around every page: where one is, in which project, and the way out.

import { Suspense, useEffect, useRef } from "react";

import { Button } from "../ui/Button";
import { Select } from "../ui/Select";
import { Announcements } from "./announce";
import { Logo } from "./Logo";
import { useLanguage } from "./language";
import { mayLeave } from "./leaving";
import { PartBoundary } from "./loadable";
import { Page } from "./Page";
import { Preferences } from "./Preferences";
import { type Route, useRoute } from "./route";
import { type Session, useSession } from "./session";

const PLACES = [
  { label: "Secrets", href: "#/", pages: ["secrets", "secret", "create"] },
  { label: "Rotations", href: "#/tasks", pages: ["tasks"] },
  { label: "Events", href: "#/events", pages: ["events"] },
  { label: "Keys", href: "#/keys", pages: ["keys"] },
  { label: "Users", href: "#/users", pages: ["users", "user"] },
  { label: "Policies", href: "#/policies", pages: ["policies"] },
  { label: "Audit", href: "#/audit", pages: ["audit"] },
] satisfies { label: string; href: string; pages: Route["page"][] }[];

export function Frame({ onEnter, onSignOut }: { onEnter: (session: Session) => void; onSignOut: () => void }) {
  const { t } = useLanguage();
  const session = useSession();
  const route = useRoute();
  const main = useRef<HTMLElement>(null);
  const place = route.page === "secret" ? `${route.name}/${route.tab}` : route.page === "user" ? route.id : route.page;
  const former = useRef(place);
  useEffect(() => {
    // A new page is read from its beginning, also by screen readers; the first one after signing in too.
    if (former.current !== place) scrollTo(0, 0);
    former.current = place;
    main.current?.focus({ preventScroll: true });
  }, [place]);
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
        <nav aria-label={t("Console")}>
          {PLACES.map(({ label, href, pages }) => (
            <a key={href} href={href} aria-current={(pages as string[]).includes(route.page) ? "page" : undefined}>
              {t(label)}
            </a>
          ))}
        </nav>
        <div className="bar-end">
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
          <Preferences />
          <Button
            kind="quiet"
            onPress={() => mayLeave() && onSignOut()}
            aria-label={t("Sign out {name}", { name: session.name })}
          >
            {t("Sign out")}
          </Button>
        </div>
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        <PartBoundary place={place}>
          <Suspense fallback={<p className="muted">{t("Loading…")}</p>}>
            <Page route={route} />
          </Suspense>
        </PartBoundary>
      </main>
      <Announcements />
    </div>
  );
}
