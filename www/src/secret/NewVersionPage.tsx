// A new version in two steps: write the value, then see what is different and which stages move before it is saved.

import { previewNewVersion, validateCreateSecretVersion } from "csms";
import { useEffect, useRef, useState } from "react";
import { flushSync } from "react-dom";

import { announce } from "../app/announce";
import { judgeable, judged } from "../app/judgeable";
import { useLanguage } from "../app/language";
import { useDirty } from "../app/leaving";
import { go, onward, secretPath } from "../app/route";
import { useSession } from "../app/session";
import { isUnsure } from "../app/unsure";
import { useAction } from "../app/useAction";
import { useProblems } from "../secrets/useProblems";
import { Button } from "../ui/Button";
import { Failure } from "../ui/Failure";
import { Field } from "../ui/Field";
import { Form } from "../ui/Form";
import { Notice } from "../ui/Notice";
import { DiffTable } from "../value/DiffTable";
import { contentOf, draftOf, emptyDraft, leftOut, rowProblems, storedOfDraft } from "../value/draft";
import { SealingFields } from "../value/SealingFields";
import { isTypedIn, NO_SEALING, purposeOf, sealed, sealingProblem } from "../value/sealing";
import { useLeavingOut, VIEWS } from "../value/useLeavingOut";
import { useValueLimit } from "../value/useValueLimit";
import { ValueEditor } from "../value/ValueEditor";
import { type Stored, storedOf } from "../value/value";
import { PreviewView } from "./PreviewView";
import { currentOf, forPreview, type Known, newestOf, readKnown } from "./useKnownSecret";

/** The stages of a new version as the form begins. */
const STAGES = "SYSCURRENT";

interface Props {
  known: Known;
  /** After a version was stored. */
  onChange: () => void;
}

export function NewVersionPage({ known: opened, onChange }: Props) {
  const { t, language } = useLanguage();
  const { client, project } = useSession();
  // Review reads the secret again: another page may have stored a version since this one was opened.
  const [known, setKnown] = useState(opened);
  const [hasMoved, setHasMoved] = useState(false);
  const { name } = known.secret;
  const [draft, setDraft] = useState(emptyDraft);
  /** The draft before anything was typed in it. */
  const [beginning, setBeginning] = useState(draft);
  const [editor, setEditor] = useState(0);
  const [stages, setStages] = useState(STAGES);
  const [sealing, setSealing] = useState(NO_SEALING);
  const [isSubmitted, setIsSubmitted] = useState(false);
  const typed = JSON.stringify([contentOf(draft), stages, sealing]);
  /** What was saved, of what is typed. */
  const [saved, setSaved] = useState<string>();
  /** The newest version before a save whose outcome nobody knows. */
  const [before, setBefore] = useState<number>();
  /** The version that such a save may have stored. */
  const [suspect, setSuspect] = useState<string>();
  const [isReviewed, setIsReviewed] = useState(false);
  const [current, setCurrent] = useState<Stored>();
  const version_stages = judgeable(stages)
    .split(/[\s,]+/)
    .filter(Boolean);
  const value = storedOfDraft(draft);
  const maxValueBytes = useValueLimit();
  const result = judged({ secret_name: name, version_stages, ...value }, (request) =>
    validateCreateSecretVersion(request, { language, maxValueBytes }),
  );
  const problems = useProblems(result);
  const unsealable = sealingProblem(sealing);
  const preview = previewNewVersion(forPreview(known), { version_stages }, { language });

  const read = async (version: string) => {
    const found = storedOf((await client.showSecretVersion({ secret_name: name, version_id: version })).version);
    setCurrent(found);
    return found;
  };
  const isTouched = contentOf(draft) !== contentOf(beginning);
  const mayLeaveOut = useLeavingOut();
  const start = useAction(async () => {
    if (isTouched && !confirm(t("What you typed is replaced by the current value. Go on?"))) return;
    const now = await readKnown(client, name);
    const found = await read(currentOf(now) ?? "latest");
    setKnown(now);
    setHasMoved(false);
    const begun = draftOf(found);
    setDraft(begun);
    setBeginning(begun);
    setEditor(editor + 1);
  });
  /** Looks whether the current version is still the one that was known. */
  const look = async () => {
    const now = await readKnown(client, name);
    const hasChanged = currentOf(now) !== currentOf(known);
    if (hasChanged) {
      setHasMoved(true);
      setCurrent(undefined);
    }
    setKnown(now);
    return { version: currentOf(now), hasChanged, newest: newestOf(now) };
  };
  /** Reads the value to compare with. */
  const compare = useAction(async (version: string | undefined, isKnown: boolean) => {
    if (version !== undefined && !isKnown) await read(version);
  });
  const seal = () =>
    sealed(value, { name, purpose: purposeOf(known.secret.secret_type, project.id) }, sealing, maxValueBytes);
  const review = useAction(async () => {
    // Whether it fits once it is sealed shows only then.
    await seal();
    setIsReviewed(true);
    const { version, hasChanged } = await look();
    await compare.run(version, current !== undefined && !hasChanged);
  });
  const save = useAction(async () => {
    const leadOn = onward();
    // The API stores a version whatever the current one is, so it is read once more just before.
    const { version, hasChanged, newest } = await look();
    const isStored = before !== undefined && newest > before;
    setBefore(undefined);
    setSuspect(isStored ? `v${newest}` : undefined);
    if (hasChanged) return compare.run(version, false);
    if (isStored) return;
    const request = { secret_name: name, version_stages, ...(await seal()) };
    const made = await client.createSecretVersion(request).catch((error: unknown) => {
      if (isUnsure(error)) setBefore(newest);
      throw error;
    });
    flushSync(() => setSaved(typed));
    announce(t("Version {version} is saved.", { version: made.version_metadata.id }));
    onChange();
    leadOn(secretPath(name));
  });
  useDirty(typed !== saved && (isTouched || stages !== STAGES || isTypedIn(sealing)));
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    // The step that was read is gone; the next one is read from its beginning.
    if (isReviewed) heading.current?.focus();
  }, [isReviewed]);
  const submit = () => {
    problems.showAll();
    setIsSubmitted(true);
    if (isReviewed) void save.run();
    else if (problems.isClean && !unsealable && rowProblems(draft).size === 0) {
      if (mayLeaveOut(leftOut(draft, beginning).map((view) => VIEWS[view]))) void review.run();
    }
  };
  // The second step has no fields, and begins at its heading.
  const isBusy = start.isRunning || save.isRunning || (review.isRunning && !isReviewed);
  const field = draft.shape === "binary" ? "secret_binary" : "secret_string";
  return (
    <Form className="new-version" onSubmit={submit} isBusy={isBusy} noValidate>
      {isReviewed ? (
        <div className="columns">
          <section aria-labelledby="difference">
            <h2 id="difference" ref={heading} tabIndex={-1}>
              {t("Compared with the current value")}
            </h2>
            {(review.isRunning || compare.isRunning) && <p className="muted">{t("Loading…")}</p>}
            {compare.error !== undefined && (
              <Notice
                kind="warning"
                title={t("The current value cannot be read, so there is nothing to compare with.")}
              />
            )}
            {hasMoved && (
              <Notice
                kind="warning"
                title={t("The current version changed after you began; it is {version} now.", {
                  version: currentOf(known) ?? "—",
                })}
              >
                <p>
                  {t(
                    "Your value is compared with that one. Saving replaces it as the current version; go back to start from it.",
                  )}
                </p>
              </Notice>
            )}
            {suspect !== undefined && (
              <Notice
                kind="warning"
                title={t("The save that failed may have stored your value as {version}.", { version: suspect })}
              >
                <p>
                  {t("That version came after you pressed the button. Saving again stores one more.")}{" "}
                  <a href={secretPath(name, "versions")}>{t("Look at the versions")}</a>
                </p>
              </Notice>
            )}
            {current && <DiffTable before={current} after={value} labels={[t("Current"), t("New")]} />}
            {sealing.way !== "none" && <Notice>{t("It is sealed in this page when you save it.")}</Notice>}
          </section>
          <section>
            <PreviewView preview={preview} />
          </section>
        </div>
      ) : (
        <div className="columns">
          <div className="sections">
            <div className="row">
              <Button onPress={() => void start.run()} isPending={start.isRunning}>
                {t("Start from the current value")}
              </Button>
            </div>
            <Failure error={start.error} />
            <ValueEditor
              key={editor}
              draft={draft}
              isSubmitted={isSubmitted}
              isOpen={editor > 0}
              onChange={(change) => {
                setDraft(change);
                problems.touch(field);
              }}
              problems={[...problems.of(field), ...problems.of("")]}
            />
          </div>
          <div className="sections">
            <Field
              label={t("Stages that mark it")}
              isCode
              value={stages}
              onChange={(text) => (setStages(text), problems.touch("version_stages"))}
              problems={problems.of("version_stages")}
              hint={t("SYSCURRENT makes it the version that programs get. Without it, they keep the current one.")}
            />
            <SealingFields
              type={known.secret.secret_type}
              sealing={sealing}
              onChange={setSealing}
              problem={isSubmitted ? unsealable : undefined}
            />
          </div>
        </div>
      )}
      <Failure error={save.error ?? review.error} />
      <div className="row actions sticky">
        <Button
          kind="primary"
          type="submit"
          isPending={save.isRunning || review.isRunning}
          isDisabled={isReviewed && !preview.ok}
        >
          {isReviewed ? t("Save the version") : t("Review")}
        </Button>
        {isReviewed ? (
          <Button isDisabled={save.isRunning} onPress={() => setIsReviewed(false)}>
            {t("Back")}
          </Button>
        ) : (
          <Button onPress={() => go(secretPath(name))}>{t("Cancel")}</Button>
        )}
      </div>
    </Form>
  );
}
