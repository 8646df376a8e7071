// What somebody sees who may not list secrets: a way to a secret by its name, and whom to ask for more, in which words.

import { useState } from "react";
import { Button } from "../ui/Button";
import { CopyName } from "../ui/CopyText";
import { Empty } from "../ui/Empty";
import { Field } from "../ui/Field";
import { useLanguage } from "./language";
import { go, secretPath } from "./route";
import { useSession } from "./session";

export function NoRights() {
  const { t } = useLanguage();
  const { identity, project } = useSession();
  const [name, setName] = useState("");
  const request = t("Please allow {name} the secrets that I need (project {project}). Their names are:", {
    name: identity.name,
    project: project.name,
  });
  return (
    <Empty title={t("You may not list the secrets")}>
      <form
        className="row bottom"
        onSubmit={(event) => {
          event.preventDefault();
          if (name.trim() !== "") go(secretPath(name.trim()));
        }}
      >
        <Field label={t("Open a secret by its name")} isCode value={name} onChange={setName} />
        <Button kind="primary" type="submit" isDisabled={name.trim() === ""}>
          {t("Open")}
        </Button>
      </form>
      <p>
        {t("Those that a policy allows to you open by their names. An administrator can allow more; you could write:")}
      </p>
      <blockquote className="shown">{request}</blockquote>
      <CopyName label={t("Copy the sentence")} text={request} />
    </Empty>
  );
}
