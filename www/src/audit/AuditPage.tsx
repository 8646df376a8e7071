// The audit trail: who changed or read what, newest first.

import type { Trace } from "csms";
import { type FormEvent, useEffect, useMemo, useState } from "react";

import { download } from "../app/download";
import { codeWords } from "../app/explain";
import { useLanguage } from "../app/language";
import { useParameters } from "../app/route";
import { useSession } from "../app/session";
import { usePages } from "../app/usePages";
import { Badge } from "../ui/Badge";
import { Button } from "../ui/Button";
import { Empty } from "../ui/Empty";
import { Facts } from "../ui/Facts";
import { Failure } from "../ui/Failure";
import { Field } from "../ui/Field";
import { ListTable } from "../ui/ListTable";
import { Select } from "../ui/Select";
import {
  csvOf,
  EVERYTHING,
  filterFrom,
  parametersOf,
  type Rating,
  requestOf,
  type Span,
  saidBy,
  whoDid,
} from "./traces";

/** How far after this machine's time records are looked for, in milliseconds: the service's clock may be ahead. */
const AHEAD = 60_000;

export function AuditPage() {
  const { t } = useLanguage();
  const { client } = useSession();
  const [parameters, setParameters] = useParameters();
  const query = parameters.toString();
  const filter = useMemo(() => filterFrom(new URLSearchParams(query)), [query]);
  const [typed, setTyped] = useState(filter);
  // Going back brings the former filter back, also into the fields.
  useEffect(() => setTyped(filter), [filter]);
  const list = usePages(query, async (begun, marker, signal) => {
    const { traces, meta_data } = await client.listTraces(requestOf(filter, begun + AHEAD, marker), { signal });
    return { items: traces, next: meta_data.marker };
  });
  const { items: traces, isStale, error, isLoading, isMore, more, reload } = list;
  const set = (change: Partial<typeof EVERYTHING>) => setTyped((before) => ({ ...before, ...change }));
  // What is chosen from a list counts at once, what is typed when it is finished.
  const choose = (change: Partial<typeof EVERYTHING>) => {
    const next = { ...typed, ...change };
    setTyped(next);
    setParameters(parametersOf(next));
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setParameters(parametersOf(typed));
  };
  return (
    <div className="page">
      <header className="page-head">
        <h1>{t("Audit")}</h1>
        <span className="count" role="status">
          {isLoading
            ? t("Loading…")
            : traces && t("{count:record|records}", { count: `${traces.length}${isMore ? "+" : ""}` })}
        </span>
        <span className="grow" />
        <Button onPress={reload}>{t("Refresh")}</Button>
        <Button
          onPress={() => download(csvOf(traces ?? []), "audit.csv", "text/csv")}
          isDisabled={isStale || (traces ?? []).length === 0}
        >
          {t("Export")}
        </Button>
      </header>
      <p className="hint">
        {t(
          "Every change and every reading of a value, also refused ones. The records are linked, so that a change of them shows:",
        )}{" "}
        <code>csms audit verify --offline</code>
      </p>
      <form className="audit-filters" role="search" onSubmit={submit}>
        <Field label={t("Secret or key")} isCode value={typed.resource} onChange={(resource) => set({ resource })} />
        <Field label={t("Operation")} isCode value={typed.name} onChange={(name) => set({ name })} />
        <Field label={t("User")} isCode value={typed.user} onChange={(user) => set({ user })} />
        <Select<Span>
          label={t("Period")}
          value={typed.span}
          onChange={(span) => choose({ span })}
          options={[
            { value: "all", label: t("All") },
            { value: "hour", label: t("Last hour") },
            { value: "day", label: t("Last 24 hours") },
            { value: "week", label: t("Last 7 days") },
          ]}
        />
        <Select<Rating>
          label={t("Outcome")}
          value={typed.rating}
          onChange={(rating) => choose({ rating })}
          options={[
            { value: "all", label: t("All") },
            { value: "normal", label: t("Succeeded") },
            { value: "warning", label: t("Refused or failed") },
          ]}
        />
        <Button type="submit">{t("Filter")}</Button>
      </form>
      <Failure error={error} onRetry={reload} />
      {traces && traces.length > 0 && <TraceTable traces={traces} />}
      {isMore && (
        <div className="row">
          <Button onPress={more} isPending={isLoading}>
            {t("Older records")}
          </Button>
        </div>
      )}
      {traces?.length === 0 && !isLoading && (
        <Empty title={t("No record matches.")}>
          <Button onPress={() => choose(EVERYTHING)}>{t("Show all")}</Button>
        </Empty>
      )}
    </div>
  );
}

function TraceTable({ traces }: { traces: readonly Trace[] }) {
  const { t } = useLanguage();
  return (
    <ListTable
      label={t("Audit")}
      columns={[
        { title: t("Operation") },
        { title: t("User"), isWideOnly: true },
        { title: t("Outcome") },
        { title: t("Time"), isWideOnly: true },
      ]}
    >
      {traces.map((trace) => (
        <TraceRow key={trace.trace_id} trace={trace} />
      ))}
    </ListTable>
  );
}

function TraceRow({ trace }: { trace: Trace }) {
  const { t, moment } = useLanguage();
  const { outcome, version, count } = saidBy(trace);
  const who = whoDid(trace, t);
  const facts: [string, string | undefined][] = [
    [t("Record"), trace.trace_id],
    [t("Kind of resource"), trace.resource_type],
    [t("Identifier"), trace.resource_id],
    [t("User"), trace.user.id === undefined ? who : `${who} (${trace.user.id})`],
    [t("Client address"), trace.source_ip],
    [t("Request"), trace.request_id],
    [t("Status"), trace.code],
  ];
  return (
    <tr>
      <th scope="row">
        <div className="stack">
          <strong>{trace.trace_name}</strong>
          <code className="muted">
            {[trace.resource_name ?? trace.resource_id, version].filter(Boolean).join(" · ")}
          </code>
          <span className="hint narrow-only">
            {who} · {moment(trace.time)}
          </span>
          <details className="trace">
            <summary className="hint">{t("Details")}</summary>
            <Facts
              facts={facts
                .filter(([, text]) => text)
                .map(([name, text]) => [
                  name,
                  <code key={name} className="wrap">
                    {text}
                  </code>,
                ])}
            />
          </details>
        </div>
      </th>
      <td className="wide-only">{who}</td>
      <td className="outcome">
        {trace.trace_rating === "normal" ? (
          t("Succeeded")
        ) : (
          <>
            <Badge tone="danger">{trace.trace_type === "SystemAction" ? t("Failed") : t("Refused")}</Badge>{" "}
            <span className="hint">
              {codeWords(outcome, t)} <code>{outcome}</code>
            </span>
          </>
        )}
        {count !== undefined && count > 1 && <span className="hint"> × {count}</span>}
      </td>
      <td className="wide-only">
        <time dateTime={new Date(trace.time).toISOString()}>{moment(trace.time)}</time>
      </td>
    </tr>
  );
}
