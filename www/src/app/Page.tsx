// The page of a route. All but the first one are loaded when they are opened.

import { useEffect } from "react";

import { SecretsPage } from "../secrets/SecretsPage";
import { useLanguage } from "./language";
import { loadAll, loadable } from "./loadable";
import { NeedsRight } from "./MissingRights";
import type { Route } from "./route";

const CreatePage = loadable(async () => (await import("../secrets/CreatePage")).CreatePage);
const SecretPage = loadable(async () => (await import("../secret/SecretPage")).SecretPage);
const TasksPage = loadable(async () => (await import("../rotation/TasksPage")).TasksPage);
const EventsPage = loadable(async () => (await import("../events/EventsPage")).EventsPage);
const KeysPage = loadable(async () => (await import("../keys/KeysPage")).KeysPage);
const UsersPage = loadable(async () => (await import("../access/UsersPage")).UsersPage);
const UserPage = loadable(async () => (await import("../access/UserPage")).UserPage);
const PoliciesPage = loadable(async () => (await import("../access/PoliciesPage")).PoliciesPage);
const OverviewPage = loadable(async () => (await import("../overview/OverviewPage")).OverviewPage);
const ImportPage = loadable(async () => (await import("../secrets/ImportPage")).ImportPage);
const AccountPage = loadable(async () => (await import("../access/AccountPage")).AccountPage);
const AuditPage = loadable(async () => (await import("../audit/AuditPage")).AuditPage);

/** All components, in development only. */
const ComponentsPage = import.meta.env.DEV
  ? loadable(async () => (await import("../ui/ComponentsPage")).ComponentsPage)
  : undefined;

const TITLES: Record<Exclude<Route["page"], "secret">, string> = {
  overview: "Overview",
  secrets: "Secrets",
  import: "Import secrets",
  account: "Your account",
  components: "Not found",
  create: "New secret",
  tasks: "Rotations",
  events: "Events",
  keys: "KMS keys",
  users: "Users",
  user: "User",
  policies: "Policies",
  audit: "Audit",
  missing: "Not found",
};

export function Page({ route }: { route: Route }) {
  const { t } = useLanguage();
  useEffect(() => void loadAll(), []);
  useEffect(() => {
    document.title = `${route.page === "secret" ? route.name : t(TITLES[route.page])} · csms`;
  }, [route, t]);
  switch (route.page) {
    case "secrets":
      return <SecretsPage />;
    case "overview":
      return <OverviewPage />;
    case "import":
      return (
        <>
          <NeedsRight action="csms:secret:create" />
          <ImportPage />
        </>
      );
    case "account":
      return <AccountPage />;
    case "create":
      return (
        <>
          <NeedsRight action="csms:secret:create" />
          <CreatePage />
        </>
      );
    case "secret":
      return <SecretPage key={route.name} name={route.name} tab={route.tab} />;
    case "tasks":
      return <TasksPage />;
    case "events":
      return <EventsPage />;
    case "keys":
      return <KeysPage />;
    case "users":
      return <UsersPage />;
    case "user":
      return <UserPage key={route.id} id={route.id} />;
    case "policies":
      return <PoliciesPage />;
    case "audit":
      return <AuditPage />;
    default:
      if (route.page === "components" && ComponentsPage) return <ComponentsPage />;
      return (
        <div className="page">
          <h1>{t("There is no such page.")}</h1>
          <a href="#/">{t("All secrets")}</a>
        </div>
      );
  }
}
