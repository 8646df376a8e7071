// What can be done with several secrets at once: tagging, deleting, restoring, exporting. Each secret counts by itself; one
// that fails is named, and the others are done.

import type { Secret } from "csms";
import { useState } from "react";

import { announce } from "../app/announce";
import { download } from "../app/download";
import { explain } from "../app/explain";
import { type Translate, useLanguage } from "../app/language";
import { useSession } from "../app/session";
import { useAction } from "../app/useAction";
import { Button } from "../ui/Button";
import { Choice } from "../ui/Choice";
import { CancelButton, Dialog } from "../ui/Dialog";
import { Failure } from "../ui/Failure";
import { Field } from "../ui/Field";
import { Form } from "../ui/Form";
import { Notice } from "../ui/Notice";
import { changeEach } from "./changes";
import { csvOf, jsonOf } from "./exchange";
import { readEach } from "./readEach";

type Doing = "tag" | "delete" | "restore" | "export";

interface Props {
  secrets: readonly Secret[];
  /** What choosing all that match is called, if there are more. */
  offer: string | undefined;
  /** Whether the others are being read to be chosen too. */
  isGrowing: boolean;
  onAll: () => void;
  onClear: () => void;
  onChange: (changed: readonly Secret[]) => void;
}

export function SelectionBar({ secrets, offer, isGrowing, onAll, onClear, onChange }: Props) {
  const { t, language } = useLanguage();
  // A dialog is about the secrets that were chosen when it opened.
  const [open, setOpen] = useState<{ doing: Doing; secrets: readonly Secret[] }>();
  const start = (doing: Doing) => setOpen({ doing, secrets });
  const dialog = { secrets: open?.secrets ?? [], onClose: () => setOpen(undefined), onChange };
  const canRestore = secrets.some(({ state }) => state === "PENDING_DELETE");
  const canDelete = secrets.some(({ state }) => state !== "PENDING_DELETE");
  return (
    <div className="selection" role="toolbar" aria-label={t("With the selected secrets")}>
      <strong>{t("{count} selected", { count: secrets.length.toLocaleString(language) })}</strong>
      <Button onPress={() => start("tag")} isDisabled={isGrowing}>
        {t("Tag…")}
      </Button>
      <Button onPress={() => start("export")} isDisabled={isGrowing}>
        {t("Export…")}
      </Button>
      <Button onPress={() => start("restore")} isDisabled={isGrowing || !canRestore}>
        {t("Restore…")}
      </Button>
      <Button onPress={() => start("delete")} isDisabled={isGrowing || !canDelete}>
        {t("Delete…")}
      </Button>
      {offer !== undefined && (
        <Button kind="quiet" onPress={onAll} isPending={isGrowing}>
          {isGrowing ? t("Loading…") : offer}
        </Button>
      )}
      <Button kind="quiet" onPress={onClear}>
        {t("Select none")}
      </Button>
      {open?.doing === "tag" && <TagDialog {...dialog} />}
      {open?.doing === "delete" && <DeleteManyDialog {...dialog} />}
      {open?.doing === "restore" && <RestoreManyDialog {...dialog} />}
      {open?.doing === "export" && <ExportDialog {...dialog} />}
    </div>
  );
}

interface DialogProps {
  secrets: readonly Secret[];
  onClose: () => void;
  onChange: (changed: readonly Secret[]) => void;
}

/** How far a change of several secrets has come. */
interface Progress {
  done: number;
  failed: { name: string; words: string }[];
}

const failedWords = ({ secret, error }: { secret: Secret; error: unknown }, t: Translate) => ({
  name: secret.name,
  words: explain(error, t).what,
});

/**
 * Changes secrets one after the other. A second run of the same change is of those that the first has left.
 *
 * @param act gives the secret as it is after the change
 * @param change tells one change from another, where a person can choose it
 */
function useEach(
  secrets: readonly Secret[],
  act: (secret: Secret) => Promise<Secret>,
  onEnd: (changed: readonly Secret[], isWhole: boolean) => void,
  change = "",
) {
  const { t } = useLanguage();
  const [rest, setRest] = useState({ change, secrets });
  const left = rest.change === change ? rest.secrets : secrets;
  const [progress, setProgress] = useState<Progress>();
  const { run, isRunning } = useAction(async () => {
    const { changed, failed } = await changeEach(left, act, ({ changed, failed }) =>
      setProgress({
        done: secrets.length - left.length + changed.length,
        failed: failed.map((each) => failedWords(each, t)),
      }),
    );
    setRest({ change, secrets: failed.map(({ secret }) => secret) });
    onEnd(changed, failed.length === 0);
  });
  return { run, isRunning, progress };
}

function ProgressView({ progress, all }: { progress: Progress | undefined; all: number }) {
  const { t } = useLanguage();
  if (!progress) return null;
  return (
    <div aria-live="polite">
      <p>{t("{done} of {all} done", { done: progress.done, all })}</p>
      {progress.failed.length > 0 && (
        <Notice kind="danger" title={t("{count:was|were} not done", { count: progress.failed.length })}>
          <ul className="names">
            {progress.failed.map(({ name, words }) => (
              <li key={name}>
                <code>{name}</code>: {words}
              </li>
            ))}
          </ul>
        </Notice>
      )}
    </div>
  );
}

function Names({ secrets }: { secrets: readonly Secret[] }) {
  const shown = secrets.slice(0, 8);
  return (
    <ul className="names">
      {shown.map(({ name }) => (
        <li key={name}>
          <code>{name}</code>
        </li>
      ))}
      {secrets.length > shown.length && <li>+ {secrets.length - shown.length}</li>}
    </ul>
  );
}

function TagDialog({ secrets, onClose, onChange }: DialogProps) {
  const { t } = useLanguage();
  const { client } = useSession();
  const [key, setKey] = useState("");
  const [value, setValue] = useState("");
  const tag = { key: key.trim(), value: value.trim() };
  const { run, isRunning, progress } = useEach(
    secrets,
    (secret) => client.createSecretTag({ secret_id: secret.id, tag }).then(() => secret),
    (changed, isWhole) => {
      onChange(changed);
      if (!isWhole) return;
      announce(t("The tag {key} is saved.", { key: tag.key }));
      onClose();
    },
    JSON.stringify(tag),
  );
  return (
    <Dialog title={t("Tag {count:secret|secrets}", { count: secrets.length })} isOpen onClose={onClose}>
      <Form isBusy={isRunning} onSubmit={() => void run()}>
        <Field label={t("Key")} value={key} onChange={setKey} />
        <Field
          label={t("Value (may be left out)")}
          value={value}
          onChange={setValue}
          hint={t("It replaces the value that a secret has for this key.")}
        />
        <ProgressView progress={progress} all={secrets.length} />
        <div className="row actions">
          <Button kind="primary" type="submit" isPending={isRunning} isDisabled={tag.key === ""}>
            {t("Add the tag")}
          </Button>
          <CancelButton />
        </div>
      </Form>
    </Dialog>
  );
}

function DeleteManyDialog({ secrets, onClose, onChange }: DialogProps) {
  const { t } = useLanguage();
  const { client } = useSession();
  const [days, setDays] = useState("30");
  const concerned = secrets.filter(({ state }) => state !== "PENDING_DELETE");
  const isAllowed = /^\d+$/.test(days) && Number(days) >= 7 && Number(days) <= 30;
  const { run, isRunning, progress } = useEach(
    concerned,
    ({ name }) =>
      client
        .deleteSecretForSchedule({ secret_name: name, recovery_window_in_days: Number(days) })
        .then(({ secret }) => secret),
    (changed, isWhole) => {
      onChange(changed);
      if (!isWhole) return;
      announce(t("The deletion of {count:secret|secrets} is scheduled.", { count: concerned.length }));
      onClose();
    },
  );
  return (
    <Dialog title={t("Delete {count:secret|secrets}", { count: concerned.length })} isOpen onClose={onClose}>
      <Form isBusy={isRunning} onSubmit={() => void run()}>
        <p>{t("Programs can no longer read them from now on; you can restore them until then.")}</p>
        <Names secrets={concerned} />
        <Field
          label={t("Days until they are deleted (7 to 30)")}
          value={days}
          onChange={setDays}
          inputMode="numeric"
          problems={isAllowed ? [] : [t("A whole number from 7 to 30.")]}
        />
        <ProgressView progress={progress} all={concerned.length} />
        <div className="row actions">
          <Button kind="danger" type="submit" isPending={isRunning} isDisabled={!isAllowed}>
            {t("Schedule the deletion")}
          </Button>
          <CancelButton />
        </div>
      </Form>
    </Dialog>
  );
}

function RestoreManyDialog({ secrets, onClose, onChange }: DialogProps) {
  const { t } = useLanguage();
  const { client } = useSession();
  const concerned = secrets.filter(({ state }) => state === "PENDING_DELETE");
  const { run, isRunning, progress } = useEach(
    concerned,
    ({ name }) => client.restoreSecret({ secret_name: name }).then(({ secret }) => secret),
    (changed, isWhole) => {
      onChange(changed);
      if (!isWhole) return;
      announce(t("{count:secret is|secrets are} restored.", { count: concerned.length }));
      onClose();
    },
  );
  return (
    <Dialog title={t("Restore {count:secret|secrets}", { count: concerned.length })} isOpen onClose={onClose}>
      <p>{t("Nothing of this will be deleted, and programs can read it again.")}</p>
      <Names secrets={concerned} />
      <ProgressView progress={progress} all={concerned.length} />
      <div className="row actions">
        <Button kind="primary" onPress={() => void run()} isPending={isRunning}>
          {t("Restore")}
        </Button>
        <CancelButton />
      </div>
    </Dialog>
  );
}

function ExportDialog({ secrets, onClose }: DialogProps) {
  const { t } = useLanguage();
  const { client } = useSession();
  const [what, setWhat] = useState<"list" | "values">("list");
  const [progress, setProgress] = useState<Progress>();
  const readable = secrets.filter(({ state }) => state === "ENABLED");
  const { run, isRunning, error } = useAction(async () => {
    if (what === "list") {
      download(csvOf(secrets), "secrets.csv", "text/csv");
    } else {
      const { found, failed } = await readEach(readable, async (names) => {
        return (await client.batchGetSecretValue({ secret_name_list: names })).versions;
      });
      if (found.length > 0) download(jsonOf(found), "secrets.json", "application/json");
      setProgress({ done: found.length, failed: failed.map((each) => failedWords(each, t)) });
      if (failed.length > 0) return;
    }
    announce(t("The file is saved."));
    onClose();
  });
  return (
    <Dialog title={t("Export {count:secret|secrets}", { count: secrets.length })} isOpen onClose={onClose} isSearch>
      <Choice<"list" | "values">
        label={t("What")}
        value={what}
        onChange={setWhat}
        options={[
          {
            value: "list",
            label: t("The list (CSV)"),
            hint: t("Names, states, types, times and descriptions, without values."),
          },
          {
            value: "values",
            label: t("With their current values (JSON)"),
            hint: t("Every reading is recorded. The file is not encrypted; “Import” reads it."),
          },
        ]}
      />
      {what === "values" && readable.length < secrets.length && (
        <Notice kind="warning">
          {t("{count:cannot be read and is|cannot be read and are} left out.", {
            count: secrets.length - readable.length,
          })}
        </Notice>
      )}
      <ProgressView progress={progress} all={readable.length} />
      <Failure error={error} />
      <div className="row actions">
        <Button kind="primary" onPress={() => void run()} isPending={isRunning}>
          {t("Save the file")}
        </Button>
        <CancelButton />
      </div>
    </Dialog>
  );
}
