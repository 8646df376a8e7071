// Which function rotates a secret: one that runs on the server, one that other secrets use, or any other by its URN.

import { formatFunctionUrn, parseFunctionUrn } from "csms";
import { useState } from "react";

import { isText, listIn, membersIn } from "../app/answer";
import { judgeable } from "../app/judgeable";
import { useLanguage } from "../app/language";
import { useSession } from "../app/session";
import { useQuery } from "../app/useQuery";
import { useSecrets } from "../secrets/useListing";
import { Field } from "../ui/Field";
import { Select } from "../ui/Select";

/** The function that comes with the server. */
const OWN = { package: "default", function: "rotate-database", version: "latest" };
const OTHER = "other";
/** Secrets whose functions are offered; any other is named by its URN. */
const LOOKED_AT = 1000;

interface Props {
  value: string;
  onChange: (urn: string) => void;
  problems: readonly string[];
}

/** The URN of the function that comes with the server, as it is called in this project. */
export function useOwnFunction(): string {
  const { project } = useSession();
  const urn = formatFunctionUrn({ ...OWN, region: project.name, project_id: project.id });
  return urn.ok ? urn.value : "";
}

const isFunction = (item: unknown): item is { func_urn: string } => isText(membersIn(item).func_urn);

/** URNs of the functions that run on the server; none where the person may not list them. */
function useLocalFunctions(): string[] {
  const { project, ask } = useSession();
  const { data } = useQuery(project.id, () =>
    ask<unknown>("GET", `/v2/${project.id}/fgs/functions`).then((answer) => listIn(answer, "functions", isFunction)),
  );
  return (data ?? []).map(({ func_urn }) => func_urn);
}

export function FunctionSelect({ value, onChange, problems }: Props) {
  const { t } = useLanguage();
  const own = useOwnFunction();
  const { secrets } = useSecrets(LOOKED_AT);
  const local = useLocalFunctions();
  const used = new Set([...local, ...(secrets ?? []).map(({ rotation_func_urn: urn }) => urn ?? "").filter(Boolean)]);
  used.delete(own);
  const known = [own, ...used].includes(value);
  const [isOther, setIsOther] = useState(!known);
  return (
    <>
      <Select
        label={t("Rotation function")}
        value={isOther || !known ? OTHER : value}
        onChange={(picked) => {
          setIsOther(picked === OTHER);
          if (picked !== OTHER) onChange(picked);
        }}
        options={[
          { value: own, label: t("The server's own (PostgreSQL, MySQL, MariaDB, TaurusDB)") },
          ...[...used].map((urn) => ({
            value: urn,
            label: local.includes(urn) ? t("{function}, on this server", { function: nameOf(urn) }) : urn,
          })),
          { value: OTHER, label: t("Another, by its URN") },
        ]}
      />
      {(isOther || !known) && (
        <Field
          label={t("Rotation function (URN)")}
          isCode
          value={value}
          onChange={onChange}
          problems={problems}
          hint={t("Such as {urn}.", { urn: own })}
        />
      )}
    </>
  );
}

/** The function in a URN as people call it, `package/function`; the URN where it is not one. */
function nameOf(urn: string): string {
  const parsed = parseFunctionUrn(judgeable(urn));
  return parsed.ok ? `${parsed.value.package}/${parsed.value.function}` : urn;
}
