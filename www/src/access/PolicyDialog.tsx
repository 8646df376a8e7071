// Makes a policy, or looks at one and changes what it says. The service judges the document, also before it is saved; here
// it only has to be JSON.

import { CsmsError, type IamPolicy } from "csms";
import { useEffect, useState } from "react";

import { announce } from "../app/announce";
import { useLanguage } from "../app/language";
import { useSession } from "../app/session";
import { useAction } from "../app/useAction";
import { useQuery } from "../app/useQuery";
import { MovedNotice } from "../secret/MovedNotice";
import { Button } from "../ui/Button";
import { CancelButton, Dialog } from "../ui/Dialog";
import { Failure } from "../ui/Failure";
import { Field } from "../ui/Field";
import { Form } from "../ui/Form";
import { Select } from "../ui/Select";
import { indented } from "../value/json";
import { jsonMistake } from "../value/jsonMistake";
import { PolicyTest } from "./PolicyTest";
import { knownActions, withAction } from "./policyCheck";

interface Props {
  policy: IamPolicy | undefined;
  onClose: () => void;
  onChange: () => void;
}

const EXAMPLE = {
  Version: "5.0",
  Statement: [
    { Effect: "Allow", Action: ["csms:secret:get*", "csms:secret:list*"], Resource: ["csms:*:*:secretName:team-a-*"] },
  ],
};

const TOO_MANY_VERSIONS = "PAP5.0028";

export function PolicyDialog({ policy, onClose, onChange }: Props) {
  const { t } = useLanguage();
  const session = useSession();
  const { client } = session;
  const [name, setName] = useState(policy?.policy_name ?? "");
  const [description, setDescription] = useState("");
  const [text, setText] = useState(policy ? "" : JSON.stringify(EXAMPLE, null, 2));
  const { policy_id = "", default_version_id: version_id = "" } = policy ?? {};
  const { data: former, error: unread } = useQuery(policy_id, async (signal) => {
    if (policy_id === "") return "";
    const { policy_version } = await client.getPolicyVersionV5({ policy_id, version_id }, { signal });
    return indented(policy_version.document ?? "{}");
  });
  useEffect(() => {
    if (former) setText(former);
  }, [former]);
  const isSystem = policy?.policy_type === "system";
  const mistake = policy && !former ? undefined : jsonMistake(text);
  /** Why the action that was chosen is not added to this text. */
  const [unadded, setUnadded] = useState<{ text: string; why: string }>();
  const { data: actions = [] } = useQuery("actions", () => knownActions(session));
  const { run, isRunning, error } = useAction(async () => {
    if (policy) {
      if (!(await replace())) return;
    } else
      await client.createPolicyV5({ policy_name: name, policy_document: text, ...(description && { description }) });
    announce(t("The policy {name} is saved.", { name: policy?.policy_name ?? name }));
    onChange();
    onClose();
  });
  /** The version that counts, as the person knows it. */
  const [known, setKnown] = useState(version_id);
  /** Stores another version; `false` if somebody else did so since the dialog was opened. */
  const replace = async () => {
    // The API stores a version whatever counts now, so the versions are read just before.
    const { versions } = await client.listPolicyVersionsV5({ policy_id });
    const now = versions.find(({ is_default }) => is_default)?.version_id ?? known;
    if (now !== known) {
      setKnown(now);
      return false;
    }
    const store = () => client.createPolicyVersionV5({ policy_id, policy_document: text, set_as_default: true });
    await store().catch(async (error: unknown) => {
      const [oldest] = versions
        .filter((each) => !each.is_default)
        .sort((one, other) => numberOf(one) - numberOf(other));
      if (!(error instanceof CsmsError && error.serviceCode === TOO_MANY_VERSIONS) || !oldest) throw error;
      // A policy keeps five; the oldest that does not count makes room for one that the service takes.
      await client.deletePolicyVersionV5({ policy_id, version_id: oldest.version_id });
      await store();
    });
    return true;
  };
  const add = (action: string) => {
    if (action === "") return;
    const added = withAction(text, action);
    if (added === undefined) setUnadded({ text, why: t("The last statement has no list of actions to add one to.") });
    else if (added === text) setUnadded({ text, why: t("The last statement has this action already.") });
    else setText(added);
  };
  return (
    <Dialog title={policy ? policy.policy_name : t("New policy")} isOpen onClose={onClose} isWide>
      <Form isBusy={isRunning} onSubmit={() => void (mistake === undefined && run())}>
        {!policy && (
          <>
            <Field label={t("Name")} value={name} onChange={setName} />
            <Field label={t("Description")} mayHaveLines value={description} onChange={setDescription} />
          </>
        )}
        <Failure error={unread} />
        <Field
          label={t("What it says (JSON)")}
          isCode
          rows={16}
          value={text}
          onChange={setText}
          isReadOnly={isSystem}
          problems={
            mistake
              ? [t("Not JSON: look at line {line}, column {column}.", { line: mistake.line, column: mistake.column })]
              : []
          }
          hint={
            isSystem
              ? t("It comes with the service and is never changed.")
              : t("Statements with Effect, Action, Resource and Condition; * and ? stand for anything.")
          }
        />
        {!isSystem && actions.length > 0 && (
          <Select
            label={t("Add an action to the last statement")}
            value=""
            onChange={add}
            options={[
              { value: "", label: t("Choose an action…") },
              ...actions.map((action) => ({ value: action, label: action })),
            ]}
          />
        )}
        {unadded?.text === text && (
          <p className="problem" role="status">
            {unadded.why}
          </p>
        )}
        <PolicyTest text={text} isDisabled={mistake !== undefined || text === ""} />
        {known !== version_id && <MovedNotice title={t("The policy was changed elsewhere after you began.")} />}
        <Failure error={error} />
        {policy && !isSystem && (
          <p className="hint">
            {t("It counts from the next request on. Users that have it: {count}.", { count: policy.attachment_count })}
          </p>
        )}
        <div className="row actions sticky">
          {!isSystem && (
            <Button
              kind="primary"
              type="submit"
              isPending={isRunning}
              isDisabled={
                mistake !== undefined || name === "" || text === "" || (policy !== undefined && text === former)
              }
            >
              {policy ? t("Save") : t("Create policy")}
            </Button>
          )}
          <CancelButton>{isSystem ? t("Close") : t("Cancel")}</CancelButton>
        </div>
      </Form>
    </Dialog>
  );
}

/** `v12` is 12. */
const numberOf = ({ version_id }: { version_id: string }) => Number(version_id.slice(1));
