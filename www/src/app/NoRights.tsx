// What somebody sees to whom nothing is allowed yet: whom to ask, and in which words.

import { CopyName } from "../ui/CopyText";
import { Empty } from "../ui/Empty";
import { useLanguage } from "./language";
import { useSession } from "./session";

export function NoRights() {
  const { t } = useLanguage();
  const { identity, project } = useSession();
  const request = t("Please attach the policy {policy} to {name} (project {project}).", {
    policy: "CSMS ReadOnlyAccess",
    name: identity.name,
    project: project.name,
  });
  return (
    <Empty title={t("Nothing here is allowed to you yet")}>
      <p>{t("What no policy allows is denied. An administrator can attach one to your user; you could write:")}</p>
      <blockquote className="shown">{request}</blockquote>
      <CopyName label={t("Copy the sentence")} text={request} />
    </Empty>
  );
}
