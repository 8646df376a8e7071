// Policies: what users to whom they are attached may do.

import type { IamPolicy } from "csms";
import { useState } from "react";

import { announce } from "../app/announce";
import { useLanguage } from "../app/language";
import { MissingRights, useDenied } from "../app/MissingRights";
import { useSession } from "../app/session";
import { type ActionItem, ActionMenu } from "../ui/ActionMenu";
import { Badge } from "../ui/Badge";
import { Button } from "../ui/Button";
import { ConfirmDialog } from "../ui/ConfirmDialog";
import { Empty } from "../ui/Empty";
import { Failure } from "../ui/Failure";
import { ListTable } from "../ui/ListTable";
import { PolicyDialog } from "./PolicyDialog";
import { systemWords } from "./systemPolicies";
import { usePolicies } from "./users";

type Doing = "open" | "delete";

/** What the page offers. */
const ACTIONS = ["iam:policies:createV5", "iam:policies:createVersionV5", "iam:policies:deleteV5"];

export function PoliciesPage() {
  const { t } = useLanguage();
  const denied = useDenied(ACTIONS);
  const { data: policies, error, isLoading, reload } = usePolicies();
  const [open, setOpen] = useState<{ what: "new" | Doing; policy?: IamPolicy }>();
  const close = () => setOpen(undefined);
  return (
    <div className="page">
      <header className="page-head">
        <h1>{t("Policies")}</h1>
        <span className="count" role="status">
          {policies ? policies.length : isLoading ? t("Loading…") : ""}
        </span>
        <span className="grow" />
        <Button
          kind="primary"
          isDisabled={denied.has("iam:policies:createV5")}
          onPress={() => setOpen({ what: "new" })}
        >
          {t("New policy")}
        </Button>
      </header>
      <MissingRights denied={denied} />
      <Failure error={error} onRetry={reload} />
      {policies && policies.length > 0 && (
        <PolicyTable policies={policies} onAction={(policy, what) => setOpen({ what, policy })} />
      )}
      <p className="hint">{t("The first user needs no policy: it may do everything.")}</p>
      {policies?.every(({ policy_type }) => policy_type === "system") && (
        <Empty title={t("Allow just what is needed")}>
          <p>
            {t(
              "What no policy allows is denied, and a denial wins. Those above come with the service; one of your own can be about some secrets only.",
            )}
          </p>
        </Empty>
      )}
      {open?.what === "new" && <PolicyDialog policy={undefined} onClose={close} onChange={reload} />}
      {open?.what === "open" && <PolicyDialog policy={open.policy} onClose={close} onChange={reload} />}
      {open?.what === "delete" && open.policy && (
        <DeletePolicyDialog policy={open.policy} onClose={close} onChange={reload} />
      )}
    </div>
  );
}

function PolicyTable({
  policies,
  onAction,
}: {
  policies: readonly IamPolicy[];
  onAction: (policy: IamPolicy, what: Doing) => void;
}) {
  const { t } = useLanguage();
  const items = (policy: IamPolicy): ActionItem<Doing>[] => {
    const refusal =
      policy.policy_type === "system"
        ? t("It comes with the service.")
        : policy.attachment_count > 0
          ? t("It is attached; detach it first.")
          : undefined;
    return [
      { id: "open", label: policy.policy_type === "system" ? t("Look at it…") : t("Edit…") },
      { id: "delete", label: t("Delete…"), refusal },
    ];
  };
  return (
    <ListTable
      label={t("Policies")}
      columns={[{ title: t("Name") }, { title: t("Type"), isWideOnly: true }, { title: t("Users") }]}
      hasActions
    >
      {policies.map((policy) => (
        <tr key={policy.policy_id}>
          <th scope="row">
            <div className="stack">
              <span>
                <Button kind="link" onPress={() => onAction(policy, "open")}>
                  {policy.policy_name}
                </Button>
              </span>
              {policy.description && (
                <span className="muted">
                  {policy.policy_type === "system" ? systemWords(policy.description, t) : policy.description}
                </span>
              )}
            </div>
          </th>
          <td className="wide-only">
            <Badge tone={policy.policy_type === "system" ? "plain" : "accent"}>
              {policy.policy_type === "system" ? t("Built in") : t("Your own")}
            </Badge>
          </td>
          <td>{policy.attachment_count}</td>
          <td className="row-end">
            <ActionMenu
              label={t("Actions for {name}", { name: policy.policy_name })}
              items={items(policy)}
              onAction={(what) => onAction(policy, what)}
            />
          </td>
        </tr>
      ))}
    </ListTable>
  );
}

function DeletePolicyDialog({
  policy,
  onClose,
  onChange,
}: {
  policy: IamPolicy;
  onClose: () => void;
  onChange: () => void;
}) {
  const { t } = useLanguage();
  const { client } = useSession();
  return (
    <ConfirmDialog
      title={t("Delete {name}", { name: policy.policy_name })}
      verb={t("Delete the policy")}
      act={async () => {
        await client.deletePolicyV5({ policy_id: policy.policy_id });
        announce(t("{name} is deleted.", { name: policy.policy_name }));
        onChange();
      }}
      onClose={onClose}
    >
      <p>{t("It is attached to nobody, so nobody may do less afterwards. This cannot be undone.")}</p>
    </ConfirmDialog>
  );
}
