// What needs attention, and what happened lately. Everything leads to where it can be looked at.

import type { Secret, Trace } from "csms";
import { type ReactNode, useState } from "react";

import { useLanguage } from "../app/language";
import { secretPath, withParameters } from "../app/route";
import { useSession } from "../app/session";
import { type Query, useQuery } from "../app/useQuery";
import { TraceFailure } from "../audit/TraceFailure";
import { saidBy, shortened, whoDid } from "../audit/traces";
import { FailuresUnknown } from "../rotation/FailuresUnknown";
import { type Health, healthOf, isManual } from "../rotation/health";
import { useLastTasks } from "../rotation/useLastTasks";
import { LOOKED_THROUGH } from "../secrets/listing";
import { useSecrets } from "../secrets/useListing";
import { Button } from "../ui/Button";
import { Failure } from "../ui/Failure";
import { Time } from "../ui/Time";
import { LOOKED_AT, useExpiring } from "./useExpiring";

/** Lines of a list here. */
const SHOWN = 6;

export function OverviewPage() {
  const { t, language } = useLanguage();
  const [areAllCounted, setAreAllCounted] = useState(false);
  const listing = useSecrets(areAllCounted ? Number.POSITIVE_INFINITY : LOOKED_THROUGH);
  const { secrets, found, error, isLoading, reload } = listing;
  const last = useLastTasks();
  const recent = useRecentChanges();
  const [isWhole, setIsWhole] = useState(false);
  // The versions of what is still being listed are asked for once.
  const isListed = !isLoading || found?.isEnd === true;
  const expiring = useExpiring(isListed ? secrets : undefined, isWhole);
  const by = (health: Health) => (secrets ?? []).filter((secret) => healthOf(secret, last.tasks) === health);
  const [failing, overdue] = [by("failing"), by("overdue")];
  const manual = (secrets ?? []).filter(isManual);
  const next = (secrets ?? [])
    .filter(({ next_rotation_time, state }) => next_rotation_time !== undefined && state === "ENABLED")
    .sort((one, other) => (one.next_rotation_time ?? 0) - (other.next_rotation_time ?? 0));
  const common = (secrets ?? []).filter(({ secret_type }) => secret_type === "COMMON");
  const deleted = (secrets ?? []).filter(({ state }) => state === "PENDING_DELETE");
  const figure = (number: number) => number.toLocaleString(language);
  const number = (of: readonly unknown[]) => figure(of.length);
  const refresh = () => {
    for (const { reload } of [listing, last, expiring, recent]) reload();
  };
  const list = (parameters: Record<string, string>) => withParameters("#/", parameters);
  return (
    <div className="page">
      <header className="page-head">
        <h1>{t("Overview")}</h1>
        <span className="count" role="status">
          {isLoading ? (secrets ? t("{count}, loading more…", { count: number(secrets) }) : t("Loading…")) : ""}
        </span>
        <span className="grow" />
        <Button onPress={refresh}>{t("Refresh")}</Button>
      </header>
      <Failure error={error} onRetry={reload} />
      {secrets && (
        <>
          <ul className="tiles" aria-label={t("In numbers")}>
            <Tile href={list({})} title={t("Secrets")} figure={figure(found?.total ?? secrets.length)} />
            <Tile
              href={list({ type: "FAILING" })}
              title={t("Rotations failing or overdue")}
              figure={last.isKnown ? number([...failing, ...overdue]) : "—"}
              tone={!last.isKnown ? undefined : failing.length + overdue.length > 0 ? "danger" : "good"}
            />
            <Tile
              href={list({ type: "MANUAL" })}
              title={t("Database accounts without a schedule")}
              figure={number(manual)}
              tone={manual.length > 0 ? "warning" : undefined}
            />
            <Tile href={list({ type: "COMMON" })} title={t("Secrets that do not rotate")} figure={number(common)} />
            <Tile href={list({ state: "PENDING_DELETE" })} title={t("Pending deletion")} figure={number(deleted)} />
          </ul>
          {!isLoading && found?.isEnd === false && (
            <p className="hint row" role="note">
              <span>
                {t("States and rotations are those of the first {count} secrets by name.", { count: number(secrets) })}
              </span>
              <Button kind="link" onPress={() => setAreAllCounted(true)}>
                {t("Look through all")}
              </Button>
            </p>
          )}
          <div className="columns even">
            <Panel
              title={t("Rotations that need attention")}
              none={
                last.error !== undefined
                  ? ""
                  : last.isKnown
                    ? t("None: every rotation is as it should be.")
                    : t("Loading…")
              }
              problem={<FailuresUnknown tasks={last} />}
            >
              {[...failing, ...overdue].slice(0, SHOWN).map((secret) => (
                <Line key={secret.id} href={secretPath(secret.name, "rotation")} name={secret.name}>
                  {failing.includes(secret) ? (
                    <span className="bad">
                      <Time millis={last.tasks.get(secret.name)?.task_time} words={t("failed {time}")} />
                    </span>
                  ) : (
                    <span className="bad">
                      <Time millis={secret.next_rotation_time} words={t("was due {time}")} />
                    </span>
                  )}
                </Line>
              ))}
            </Panel>
            <Panel title={t("Next rotations")} none={t("No rotation is scheduled.")}>
              {next.slice(0, SHOWN).map((secret) => (
                <Line key={secret.id} href={secretPath(secret.name, "rotation")} name={secret.name}>
                  <Time millis={secret.next_rotation_time} />
                </Line>
              ))}
            </Panel>
            <Panel
              title={t("Expiring versions")}
              none={
                expiring.error !== undefined
                  ? ""
                  : isListed && expiring.data
                    ? t("None within 30 days.")
                    : t("Loading…")
              }
              problem={<Failure error={expiring.error} onRetry={expiring.reload} />}
              foot={
                !isWhole &&
                secrets.length > LOOKED_AT && (
                  <>
                    <span className="hint">{t("Among the {count} secrets changed last.", { count: LOOKED_AT })}</span>
                    <Button kind="quiet" onPress={() => setIsWhole(true)}>
                      {t("Look at all")}
                    </Button>
                  </>
                )
              }
            >
              {(expiring.data ?? []).slice(0, SHOWN).map(({ name, version, time }) => (
                <Line key={`${name}/${version}`} href={secretPath(name, "versions")} name={`${name} · ${version}`}>
                  <span className={time < Date.now() ? "bad" : undefined}>
                    <Time millis={time} words={time < Date.now() ? t("expired {time}") : t("expires {time}")} />
                  </span>
                </Line>
              ))}
            </Panel>
            <RecentChanges changes={recent} secrets={secrets} />
          </div>
        </>
      )}
    </div>
  );
}

function useRecentChanges(): Query<Trace[]> {
  const { client } = useSession();
  return useQuery("recent", async (signal) => {
    const now = Date.now();
    const { traces } = await client.listTraces({ limit: 100, from: 0, to: now + 60_000 }, { signal });
    return traces.filter(({ read_only, trace_rating }) => !read_only && trace_rating === "normal");
  });
}

/** What was changed last, by whom. */
function RecentChanges({ changes, secrets }: { changes: Query<Trace[]>; secrets: readonly Secret[] }) {
  const { t } = useLanguage();
  const { data, error, reload } = changes;
  // Records outlive their secrets.
  const names = new Set(secrets.map(({ name }) => name));
  return (
    <Panel
      title={t("Recent changes")}
      none={error !== undefined ? "" : data ? t("Nothing was changed.") : t("Loading…")}
      problem={error !== undefined && <TraceFailure error={error} onRetry={reload} />}
      foot={data && data.length > 0 && <a href="#/audit">{t("All records")}</a>}
    >
      {(data ?? []).slice(0, SHOWN).map((trace) => (
        <Line
          key={trace.trace_id}
          href={
            trace.resource_type === "secret" && trace.resource_name && names.has(trace.resource_name)
              ? secretPath(trace.resource_name)
              : withParameters("#/audit", { resource: trace.resource_name ?? "" })
          }
          name={[trace.resource_name ?? trace.resource_id ?? "—", saidBy(trace).version].filter(Boolean).join(" · ")}
        >
          {trace.trace_name} · {shortened(whoDid(trace, t))} · <Time millis={trace.time} />
        </Line>
      ))}
    </Panel>
  );
}

interface TileProps {
  href: string;
  title: string;
  figure: string;
  tone?: "good" | "warning" | "danger" | undefined;
}

function Tile({ href, title, figure, tone }: TileProps) {
  return (
    <li>
      <a className={tone ? `tile tile-${tone}` : "tile"} href={href}>
        <strong>{figure}</strong>
        <span>{title}</span>
      </a>
    </li>
  );
}

interface PanelProps {
  title: string;
  /** What it says without lines. */
  none: string;
  /** Why lines are missing. */
  problem?: ReactNode;
  children: readonly ReactNode[];
  foot?: ReactNode;
}

function Panel({ title, none, problem, children, foot }: PanelProps) {
  return (
    <section className="panel" aria-label={title}>
      <h2>{title}</h2>
      {problem}
      {children.length > 0 ? <ul className="lines">{children}</ul> : none && <p className="muted">{none}</p>}
      {foot && <div className="row">{foot}</div>}
    </section>
  );
}

function Line({ href, name, children }: { href: string; name: string; children: ReactNode }) {
  return (
    <li>
      <a className="code" href={href}>
        {name}
      </a>
      <span className="hint">{children}</span>
    </li>
  );
}
