// Secrets from a file: looked at first, then stored. The file is read in this page; nothing is sent before that.

import { validateCreateSecret } from "csms";
import { useMemo, useState } from "react";

import { announce } from "../app/announce";
import { refusalWords } from "../app/explain";
import { judged } from "../app/judgeable";
import { useLanguage } from "../app/language";
import { forgetDirty, useDirty } from "../app/leaving";
import { onward } from "../app/route";
import { useSession } from "../app/session";
import { useAction } from "../app/useAction";
import { Badge } from "../ui/Badge";
import { Button } from "../ui/Button";
import { Failure } from "../ui/Failure";
import { Field } from "../ui/Field";
import { FileField } from "../ui/FileField";
import { Form } from "../ui/Form";
import { Notice } from "../ui/Notice";
import { SecretInput } from "../ui/SecretInput";
import { Select } from "../ui/Select";
import { Toggle } from "../ui/Toggle";
import { withEdit } from "../value/lines";
import { useReplacing } from "../value/useReplacing";
import { useValueLimit } from "../value/useValueLimit";
import { bytesIn, storedText, textOf } from "../value/value";
import { asOne, type Exported, type Format, formatOf, read, Unreadable } from "./exchange";
import { problemWords } from "./problemWords";
import { useSecrets } from "./useListing";

/** Far more than a project's secrets take, and far less than would stop the page. */
const LARGEST_FILE = 32 << 20;
/** As many as the service takes at once. */
const BATCH = 100;

interface Line {
  secret: Exported;
  /** Why it cannot be stored. */
  problem: string | undefined;
  /** Whether this page has stored it, or there is another of its name. */
  known: "imported" | "exists" | undefined;
}

export function ImportPage() {
  const { t, language } = useLanguage();
  const { client } = useSession();
  const maxValueBytes = useValueLimit();
  const [text, setText] = useState("");
  // All names, once there is something to compare them with.
  const { secrets, reload } = useSecrets(text === "" ? 0 : Number.POSITIVE_INFINITY);
  const [format, setFormat] = useState<Format>("env");
  const [prefix, setPrefix] = useState("");
  const [isOne, setIsOne] = useState(false);
  const [failed, setFailed] = useState<{ name: string; error_msg: string }[]>([]);
  /** What this page has stored, by name. */
  const [imported, setImported] = useState<ReadonlyMap<string, string>>(new Map());
  // The field holds its own text, so another file makes a new one.
  const [field, setField] = useState(0);
  const [isNoText, setIsNoText] = useState(false);
  const replaces = useReplacing(text);
  const taken = useMemo(() => new Set((secrets ?? []).map(({ name }) => name)), [secrets]);
  const parsed = useMemo<{ lines: Line[]; problem?: string; leavesOut?: boolean }>(() => {
    if (text.trim() === "") return { lines: [] };
    try {
      const found = read(text, format);
      const wanted = isOne
        ? [{ name: prefix, secret_string: asOne(found) }]
        : found.map(({ isJson: _, ...secret }) => ({ ...secret, name: `${prefix}${secret.name}` }));
      const seen = new Set<string>();
      return {
        leavesOut: isOne && found.some(({ description }) => description !== undefined),
        lines: wanted.map((secret) => {
          const result = judged(secret, (each) => validateCreateSecret(each, { language, maxValueBytes }));
          const isTwice = seen.has(secret.name);
          seen.add(secret.name);
          const problem = isTwice
            ? t("This name occurs twice in the file.")
            : result.ok
              ? undefined
              : result.problems.map((each) => problemWords(each, t)).join(" ");
          const isImported = imported.get(secret.name) === storedText(secret);
          return { secret, problem, known: isImported ? "imported" : taken.has(secret.name) ? "exists" : undefined };
        }),
      };
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      const where = error.line === undefined ? "" : ` ${t("Line {number}.", { number: error.line })}`;
      return { lines: [], problem: t(error.message) + where };
    }
  }, [text, format, prefix, isOne, taken, imported, language, maxValueBytes, t]);
  const unfit = parsed.lines.filter(({ problem }) => problem !== undefined).length;
  // A file is stored whole or not at all.
  const ready = unfit > 0 ? [] : parsed.lines.filter(({ known }) => known === undefined);
  const { run, isRunning, error } = useAction(async () => {
    setFailed([]);
    const leadOn = onward();
    const [done, missed] = [new Map(imported), [] as typeof failed];
    try {
      for (let at = 0; at < ready.length; at += BATCH) {
        const part = ready.slice(at, at + BATCH).map(({ secret }) => secret);
        const { error_list } = await client.batchImportSecrets({ secrets: part });
        missed.push(...error_list);
        const left = new Set(error_list.map(({ name }) => name));
        for (const secret of part) if (!left.has(secret.name)) done.set(secret.name, storedText(secret));
      }
    } finally {
      // A batch without an answer may be stored all the same: the list says so.
      setImported(done);
      setFailed(missed);
      reload();
    }
    announce(t("{count:secret is|secrets are} imported.", { count: done.size }));
    if (missed.length > 0) return;
    leadOn("#/", forgetDirty);
  });
  useDirty(text !== "");
  const choose = (bytes: Uint8Array, name: string) => {
    const content = textOf(bytes);
    setIsNoText(content === undefined);
    if (content === undefined || !replaces(content)) return;
    setFormat(formatOf(name, content));
    setText(content);
    setField(field + 1);
  };
  return (
    <Form className="page" isBusy={isRunning} onSubmit={() => void run()} noValidate>
      <a className="back" href="#/">
        ← {t("Secrets")}
      </a>
      <header className="page-head">
        <h1>{t("Import secrets")}</h1>
      </header>
      <p className="hint">
        {t("The file is read in this page. Nothing is stored before you have seen what it will be.")}
      </p>
      <div className="columns">
        <div className="sections">
          <FileField
            label={t("File (.env, JSON or CSV)")}
            accept=".env,.json,.csv,.txt"
            most={LARGEST_FILE}
            problem={isNoText ? t("This file is not text in UTF-8. Save it as UTF-8 and choose it again.") : undefined}
            onRead={choose}
          />
          <SecretInput
            key={field}
            label={t("Or paste it")}
            rows={8}
            initial={text}
            onInput={(shown, edit) => setText((before) => withEdit(before, shown, edit))}
          />
        </div>
        <div className="sections">
          <Select<Format>
            label={t("Format")}
            value={format}
            onChange={setFormat}
            options={[
              { value: "env", label: ".env (NAME=value)" },
              { value: "json", label: "JSON" },
              { value: "csv", label: "CSV" },
            ]}
          />
          <Field
            label={isOne ? t("Name of the secret") : t("Before each name")}
            isCode
            value={prefix}
            onChange={setPrefix}
            hint={isOne ? undefined : t("Such as {prefix}, which groups them.", { prefix: "shop-production-" })}
          />
          <Toggle isOn={isOne} onChange={setIsOne}>
            {t("One secret with all of them as keys")}
          </Toggle>
        </div>
      </div>
      {parsed.problem && <Notice kind="danger" title={parsed.problem} />}
      {parsed.leavesOut && (
        <Notice kind="warning">{t("The descriptions in the file are left out: keys have none.")}</Notice>
      )}
      {unfit > 0 && !isOne && (
        <Notice
          kind="danger"
          title={t("{count:secret|secrets} of the file cannot be stored, so none is.", { count: unfit })}
        >
          <p>{t("Correct them in the text, or take them out, and the others can be imported.")}</p>
        </Notice>
      )}
      {parsed.lines.length > 0 && <Preview lines={parsed.lines} />}
      {failed.length > 0 && (
        <Notice kind="danger" title={t("{count:was|were} not done", { count: failed.length })}>
          <ul className="names">
            {failed.map(({ name, error_msg }) => (
              <li key={name}>
                <code>{name}</code>: {refusalWords(error_msg, t)} <code className="hint wrap">{error_msg}</code>
              </li>
            ))}
          </ul>
        </Notice>
      )}
      <Failure error={error} />
      {imported.size > 0 && (
        <p role="status">{t("{count:secret is|secrets are} imported.", { count: imported.size })}</p>
      )}
      <div className="row actions">
        <Button kind="primary" type="submit" isPending={isRunning} isDisabled={ready.length === 0}>
          {t("Import {count:secret|secrets}", { count: ready.length })}
        </Button>
        <a className="button button-plain" href="#/">
          {t("Cancel")}
        </a>
      </div>
    </Form>
  );
}

/** Lines of a preview to show. */
const SHOWN = 200;

function Preview({ lines }: { lines: readonly Line[] }) {
  const { t, language } = useLanguage();
  const size = (secret: Exported) =>
    ("secret_binary" in secret
      ? bytesIn(secret.secret_binary)
      : new TextEncoder().encode(secret.secret_string).length
    ).toLocaleString(language);
  // What keeps the file from being stored is in sight, however long the file is.
  const sorted = [...lines.filter(({ problem }) => problem), ...lines.filter(({ problem }) => !problem)];
  return (
    <section aria-labelledby="preview">
      <h2 id="preview">{t("What will be stored")}</h2>
      <table className="table import-preview">
        <thead>
          <tr>
            <th scope="col">{t("Name")}</th>
            <th scope="col">{t("Bytes")}</th>
            <th scope="col">{t("State")}</th>
          </tr>
        </thead>
        <tbody>
          {sorted.slice(0, SHOWN).map(({ secret, problem, known }, index) => (
            <tr key={`${secret.name}-${index}`}>
              <th scope="row" className="code">
                {secret.name}
                {secret.description && <p className="hint">{secret.description}</p>}
              </th>
              <td>{size(secret)}</td>
              <td>
                {problem !== undefined ? (
                  <span className="bad">{problem}</span>
                ) : known === "imported" ? (
                  <Badge tone="good">{t("imported")}</Badge>
                ) : known === "exists" ? (
                  <Badge tone="warning">{t("There is one of this name; it stays as it is")}</Badge>
                ) : (
                  <Badge tone="good">{t("new")}</Badge>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {lines.length > SHOWN && <p className="hint">+ {lines.length - SHOWN}</p>}
    </section>
  );
}
