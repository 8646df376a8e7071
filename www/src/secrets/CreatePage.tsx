// A new secret with its first value. The rules of the service judge it while it is typed.

import { CsmsError, formatRotationConfig, type SecretType, validateCreateSecret } from "csms";
import { useEffect, useState } from "react";
import { flushSync } from "react-dom";

import { announce } from "../app/announce";
import { judgeable, judged } from "../app/judgeable";
import { useLanguage } from "../app/language";
import { useDirty } from "../app/leaving";
import { onward, secretPath } from "../app/route";
import { useSession } from "../app/session";
import { useAction } from "../app/useAction";
import { EventSelect } from "../events/EventSelect";
import { KeySelect } from "../keys/KeySelect";
import { AccountFields } from "../rotation/AccountFields";
import { accountValue, ENGINES, inEngine, missingIn, newAccount } from "../rotation/account";
import { DryRunView } from "../rotation/DryRunView";
import { type DryRunReport, dryRun } from "../rotation/dryRun";
import { useOwnFunction } from "../rotation/FunctionSelect";
import { NO_ROTATION, type RotationDraft, RotationFields } from "../rotation/RotationFields";
import { Button } from "../ui/Button";
import { Choice } from "../ui/Choice";
import { Failure } from "../ui/Failure";
import { Field } from "../ui/Field";
import { Form } from "../ui/Form";
import { Notice } from "../ui/Notice";
import { contentOf, emptyDraft, leftOut, rowProblems, storedOfDraft, typedIn } from "../value/draft";
import { SealingFields } from "../value/SealingFields";
import { NO_SEALING, purposeOf, sealed, sealingProblem, usableFor } from "../value/sealing";
import { useLeavingOut, VIEWS } from "../value/useLeavingOut";
import { useValueLimit } from "../value/useValueLimit";
import { ValueEditor } from "../value/ValueEditor";
import { useProblems } from "./useProblems";

export function CreatePage() {
  const { t, language } = useLanguage();
  const session = useSession();
  const { client, project } = session;
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [key, setKey] = useState("");
  const [event, setEvent] = useState("");
  const [type, setType] = useState<SecretType>("COMMON");
  const [rotation, setRotation] = useState(NO_ROTATION);
  const own = useOwnFunction();
  const [draft, setDraft] = useState(emptyDraft);
  const [beginning] = useState(draft);
  const [account, setAccount] = useState(newAccount(ENGINES[0]));
  const [isAccount, setIsAccount] = useState(true);
  /** What was typed when the secret was stored, though its login does not work yet. */
  const [kept, setKept] = useState<string>();
  const isStored = kept !== undefined;
  const [report, setReport] = useState<DryRunReport>();
  const [sealing, setSealing] = useState(NO_SEALING);
  const usable = usableFor(type, sealing);
  const about = {
    name,
    ...(description && { description }),
    ...(key && { kms_key_id: key }),
    ...(event && { event_subscriptions: [event] }),
    ...(type !== "COMMON" && {
      secret_type: type,
      ...rotationOf({ ...rotation, functionUrn: rotation.functionUrn || own }),
    }),
  };
  const maxValueBytes = useValueLimit();
  const hasFields = type !== "COMMON" && isAccount;
  const stored = hasFields ? { secret_string: accountValue(account) } : storedOfDraft(draft);
  const missing = hasFields ? missingIn(account) : [];
  const result = judged({ ...about, ...stored }, (request) =>
    validateCreateSecret(request, { language, maxValueBytes }),
  );
  const problems = useProblems(result);
  const [isSubmitted, setIsSubmitted] = useState(false);
  const unsealable = sealingProblem(usable);
  // Which engine the fields are for is a choice that loses nothing.
  const login = JSON.stringify(inEngine(account, ENGINES[0]));
  const keys = [sealing.passphrase, sealing.repeated, sealing.jwk];
  const typed = JSON.stringify([name, description, key, event, rotation, contentOf(draft), login, keys]);
  const [begun] = useState(typed);
  const mayLeaveOut = useLeavingOut();
  const left = (hasFields ? typedIn : leftOut)(draft, beginning).map((view) => VIEWS[view]);
  if (!hasFields && login !== JSON.stringify(newAccount(ENGINES[0]))) left.push("Field by field");
  const keep = async (request: typeof about) => {
    const value = await sealed(stored, { name, purpose: purposeOf(type, project.id) }, usable, maxValueBytes);
    if (isStored) await client.createSecretVersion({ secret_name: name, ...value });
    else await client.createSecret({ ...request, ...value });
    flushSync(() => setKept(typed));
  };
  const turnOn = () =>
    client.updateSecret({ secret_name: name, auto_rotation: true, rotation_period: rotation.period });
  const done = (leadOn: ReturnType<typeof onward>) => {
    announce(t("The secret {name} is created.", { name }));
    leadOn(secretPath(name));
  };
  const create = useAction(async () => {
    const leadOn = onward();
    const wasStored = isStored;
    await keep(about);
    if (wasStored && rotation.isAutomatic) await turnOn();
    done(leadOn);
  });
  // The function connects to what is stored only, so the secret is stored first, with its schedule off.
  const attempt = useAction(async () => {
    setReport(undefined);
    const leadOn = onward();
    const { rotation_period: _, ...rest } = about as typeof about & { rotation_period?: string };
    await keep({ ...rest, auto_rotation: false } as typeof about);
    const { secret } = await client.showSecret({ secret_name: name });
    const found = await dryRun(session, secret);
    setReport(found);
    if (!found.would_succeed) return;
    if (rotation.isAutomatic) await turnOn();
    done(leadOn);
  });
  const error = create.error ?? attempt.error;
  const isTaken = error instanceof CsmsError && error.code === "CSMS.0101";
  useDirty(typed !== (kept ?? begun));
  useEffect(() => {
    if (isTaken) document.querySelector<HTMLElement>("[name=secret-name]")?.focus();
  }, [isTaken]);
  const isReady =
    problems.isClean && !unsealable && missing.length === 0 && (hasFields || rowProblems(draft).size === 0);
  const start = (how: typeof create) => {
    problems.showAll();
    setIsSubmitted(true);
    create.forget();
    attempt.forget();
    if (isReady) {
      if (mayLeaveOut(left)) void how.run();
    } else requestAnimationFrame(() => document.querySelector<HTMLElement>("[aria-invalid=true]")?.focus());
  };
  const value = draft.shape === "binary" ? "secret_binary" : "secret_string";
  return (
    <Form
      className="page narrow"
      onSubmit={() => start(create)}
      isBusy={create.isRunning || attempt.isRunning}
      noValidate
    >
      <header className="page-head">
        <h1>{t("New secret")}</h1>
      </header>
      <Field
        label={t("Name")}
        isCode
        value={name}
        onChange={(text) => (setName(text), problems.touch("name"))}
        name="secret-name"
        isDisabled={isStored}
        problems={isTaken ? [t("A secret of this name exists.")] : problems.of("name")}
        hint={t("Programs ask for this name. It cannot be changed.")}
      />
      {isTaken && (
        <p className="hint">
          <a href={secretPath(name)}>{t("Open the secret {name}", { name })}</a>
        </p>
      )}
      <Field
        label={t("Description")}
        mayHaveLines
        value={description}
        onChange={(text) => (setDescription(text), problems.touch("description"))}
        problems={problems.of("description")}
      />
      <Choice<SecretType>
        label={t("Type")}
        value={type}
        onChange={(chosen) => {
          setType(chosen);
          const fits = ENGINES.filter((each) => each.type === chosen);
          const engine = fits.find(({ id }) => id === account.engine) ?? fits[0];
          if (engine) setAccount((before) => inEngine(before, engine));
        }}
        options={[
          { value: "COMMON", label: t("Common"), hint: t("Anything. You store new versions yourself.") },
          {
            value: "RDS-FG",
            label: t("Database account"),
            hint: t("A login whose password a function changes, on a schedule or when you say so."),
          },
          {
            value: "GaussDB-FG",
            label: t("TaurusDB account"),
            hint: t("The same for TaurusDB, formerly GaussDB for MySQL."),
          },
        ]}
      />
      {type !== "COMMON" && (
        <Choice<"fields" | "text">
          label={t("How to write the login")}
          isLabelHidden
          value={isAccount ? "fields" : "text"}
          onChange={(chosen) => setIsAccount(chosen === "fields")}
          options={[
            { value: "fields", label: t("Field by field") },
            { value: "text", label: t("As keys or text") },
          ]}
        />
      )}
      {hasFields ? (
        <AccountFields
          account={account}
          missing={isSubmitted ? missing : []}
          onChange={(change) => {
            const engine = ENGINES.find(({ id }) => id === change.engine);
            if (engine) setType(engine.type);
            setAccount((before) => ({ ...before, ...change }));
          }}
        />
      ) : (
        <ValueEditor
          draft={draft}
          isSubmitted={isSubmitted}
          onChange={(change) => {
            setDraft(change);
            problems.touch(value);
          }}
          problems={[...problems.of(value), ...problems.of("")]}
        />
      )}
      {type !== "COMMON" && (
        <RotationFields
          isNew
          draft={{ ...rotation, functionUrn: rotation.functionUrn || own }}
          problemsOf={problems.of}
          onChange={(change) => {
            setRotation((before) => ({ ...before, ...change }));
            if ("functionUrn" in change) problems.touch("rotation_func_urn");
            if ("instance" in change) problems.touch("rotation_config");
            if ("period" in change) problems.touch("rotation_period");
          }}
        />
      )}
      <KeySelect
        isNew
        value={key}
        onChange={(id) => (setKey(id), problems.touch("kms_key_id"))}
        problems={problems.of("kms_key_id")}
        hint={t("Encrypts the values. Whoever reads them needs the right to this key too.")}
      />
      <EventSelect
        value={event}
        onChange={(chosen) => (setEvent(chosen), problems.touch("event_subscriptions"))}
        problems={problems.of("event_subscriptions")}
      />
      <SealingFields
        type={type}
        sealing={usable}
        onChange={setSealing}
        problem={isSubmitted ? unsealable : undefined}
      />
      {!isTaken && <Failure error={error} />}
      <div aria-live="polite">{report && <DryRunView report={report} />}</div>
      {isStored && (
        <Notice kind="warning" title={t("The secret is stored, with its schedule off.")}>
          <p>{t("Change the login and try again; each attempt stores a new version.")}</p>
        </Notice>
      )}
      <div className="row actions sticky">
        <Button kind="primary" type="submit" isPending={create.isRunning}>
          {isStored ? t("Keep it without trying") : t("Create secret")}
        </Button>
        {type !== "COMMON" && (
          <Button onPress={() => start(attempt)} isPending={attempt.isRunning}>
            {attempt.isRunning ? t("Trying…") : isStored ? t("Try again") : t("Create and try the connection")}
          </Button>
        )}
        <a className="button button-plain" href={isStored ? secretPath(name) : "#/"}>
          {isStored ? t("Open the secret") : t("Cancel")}
        </a>
      </div>
    </Form>
  );
}

/** The fields of the request for a secret that rotates. */
function rotationOf({ functionUrn, instance, mode, isAutomatic, period }: RotationDraft) {
  const config = formatRotationConfig({ instance_id: judgeable(instance), mode });
  return {
    rotation_func_urn: functionUrn,
    rotation_config: config.ok ? config.value : instance,
    auto_rotation: isAutomatic,
    ...(isAutomatic && { rotation_period: period }),
  };
}
