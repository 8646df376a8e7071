// How a program reads the secret, in the language of one's choice.

import { useState } from "react";

import { useLanguage } from "../app/language";
import { remember, remembered } from "../app/remembered";
import { useSession } from "../app/session";
import { CopyName } from "../ui/CopyText";
import { Select } from "../ui/Select";
import { snippets } from "./snippets";

const KEY = "csms.snippet";

export function CodeSection({ name }: { name: string }) {
  const { t } = useLanguage();
  const { project } = useSession();
  const all = snippets({ endpoint: location.origin, project: project.id, name }, t);
  const [chosen, setChosen] = useState(() => remembered(KEY) ?? "exec");
  const snippet = all.find(({ id }) => id === chosen) ?? all[0];
  if (!snippet) return null;
  return (
    <section aria-labelledby="code">
      <header className="row spread">
        <h2 id="code">{t("Read it in a program")}</h2>
        <span className="row">
          <Select
            label={t("Way to read it")}
            isLabelHidden
            value={snippet.id}
            onChange={(id) => {
              remember(KEY, id);
              setChosen(id);
            }}
            options={all.map(({ id, title }) => ({ value: id, label: title }))}
          />
          <CopyName label={t("Copy the code")} text={snippet.code} />
        </span>
      </header>
      <pre className="shown snippet" tabIndex={0} aria-label={t("Code")}>
        {snippet.code}
      </pre>
    </section>
  );
}
