// A new secret with its first value. The rules of the service judge it while it is typed.

import { formatRotationConfig, type SecretType, validateCreateSecret } from "csms";
import { type FormEvent, useState } from "react";

import { announce } from "../app/announce";
import { useLanguage } from "../app/language";
import { forgetDirty, useDirty } from "../app/leaving";
import { go, secretPath } from "../app/route";
import { useSession } from "../app/session";
import { useAction } from "../app/useAction";
import { EventSelect } from "../events/EventSelect";
import { KeySelect } from "../keys/KeySelect";
import { NO_ROTATION, type RotationDraft, RotationFields } from "../rotation/RotationFields";
import { Button } from "../ui/Button";
import { Choice } from "../ui/Choice";
import { Failure } from "../ui/Failure";
import { Field } from "../ui/Field";
import { emptyDraft, rowProblems, storedOfDraft } from "../value/draft";
import { SealingFields } from "../value/SealingFields";
import { NO_SEALING, purposeOf, sealed, sealingProblem } from "../value/sealing";
import { ValueEditor } from "../value/ValueEditor";
import { storedText } from "../value/value";
import { useProblems } from "./useProblems";

export function CreatePage() {
  const { t, language } = useLanguage();
  const { client } = useSession();
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [key, setKey] = useState("");
  const [event, setEvent] = useState("");
  const [type, setType] = useState<SecretType>("COMMON");
  const [rotation, setRotation] = useState(NO_ROTATION);
  const [draft, setDraft] = useState(emptyDraft);
  const [sealing, setSealing] = useState(NO_SEALING);
  const about = {
    name,
    ...(description && { description }),
    ...(key && { kms_key_id: key }),
    ...(event && { event_subscriptions: [event] }),
    ...(type !== "COMMON" && { secret_type: type, ...rotationOf(rotation) }),
  };
  const result = validateCreateSecret({ ...about, ...storedOfDraft(draft) }, { language });
  const problems = useProblems(result);
  const [isSubmitted, setIsSubmitted] = useState(false);
  const unsealable = sealingProblem(sealing);
  const { run, isRunning, error } = useAction(async () => {
    await client.createSecret({
      ...about,
      ...(await sealed(storedOfDraft(draft), { name, purpose: purposeOf(type) }, sealing)),
    });
    forgetDirty();
    announce(t("The secret {name} is created.", { name }));
    go(secretPath(name));
  });
  useDirty(
    name !== "" ||
      description !== "" ||
      storedText(storedOfDraft(draft)) !== "" ||
      sealing.passphrase !== "" ||
      sealing.jwk !== "",
  );
  const submit = (submitted: FormEvent) => {
    submitted.preventDefault();
    problems.showAll();
    setIsSubmitted(true);
    if (problems.isClean && !unsealable && rowProblems(draft).size === 0) void run();
    else requestAnimationFrame(() => document.querySelector<HTMLElement>("[aria-invalid=true]")?.focus());
  };
  const value = draft.shape === "binary" ? "secret_binary" : "secret_string";
  return (
    <form className="page narrow" onSubmit={submit} noValidate>
      <header className="page-head">
        <h1>{t("New secret")}</h1>
      </header>
      <Field
        label={t("Name")}
        isCode
        value={name}
        onChange={(text) => (setName(text), problems.touch("name"))}
        problems={problems.of("name")}
        hint={t("Programs ask for this name. It cannot be changed.")}
      />
      <Field
        label={t("Description")}
        value={description}
        onChange={(text) => (setDescription(text), problems.touch("description"))}
        problems={problems.of("description")}
      />
      <Choice<SecretType>
        label={t("Type")}
        value={type}
        onChange={(chosen) => {
          setType(chosen);
          // A passphrase is of no use to a function.
          setSealing(NO_SEALING);
        }}
        options={[
          { value: "COMMON", label: t("Common"), hint: t("Anything. You store new versions yourself.") },
          {
            value: "RDS-FG",
            label: t("Database account"),
            hint: t("A login whose password a function changes, on a schedule or when you say so."),
          },
          { value: "GaussDB-FG", label: t("GaussDB account"), hint: t("The same for GaussDB.") },
        ]}
      />
      <ValueEditor
        draft={draft}
        isSubmitted={isSubmitted}
        onChange={(change) => {
          setDraft(change);
          problems.touch(value);
        }}
        problems={[...problems.of(value), ...problems.of("")]}
      />
      {type !== "COMMON" && (
        <RotationFields
          isNew
          draft={rotation}
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
        sealing={sealing}
        onChange={setSealing}
        problem={isSubmitted ? unsealable : undefined}
      />
      <Failure error={error} />
      <div className="row actions">
        <Button kind="primary" type="submit" isPending={isRunning}>
          {t("Create secret")}
        </Button>
        <a className="button button-plain" href="#/">
          {t("Cancel")}
        </a>
      </div>
    </form>
  );
}

/** The fields of the request for a secret that rotates. */
function rotationOf({ functionUrn, instance, mode, isAutomatic, period }: RotationDraft) {
  const config = formatRotationConfig({ instance_id: instance, mode });
  return {
    rotation_func_urn: functionUrn,
    rotation_config: config.ok ? config.value : instance,
    auto_rotation: isAutomatic,
    ...(isAutomatic && { rotation_period: period }),
  };
}
