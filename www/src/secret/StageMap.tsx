// Versions in a line with the stages as flags on it. A move is drawn: the flag's old place, its new place, an arrow.

import type { StageMove } from "csms";
import { type ReactNode, useLayoutEffect, useRef, useState } from "react";

import { useLanguage } from "../app/language";

interface Row {
  id: string;
  version_stages: string[];
}

interface Props {
  label: string;
  /** Newest first. */
  rows: readonly Row[];
  moves?: readonly StageMove[];
  added?: string | null;
  removed?: string | null;
  /** What can be done with a row, close to its name. */
  actions?: ((id: string) => ReactNode) | undefined;
  /** What else a row says. */
  details?: (id: string) => ReactNode;
}

export const flagLook = (stage: string) =>
  ({ SYSCURRENT: "flag-current", SYSPREVIOUS: "flag-previous", SYSPENDING: "flag-pending" })[stage] ?? "flag-own";

/** How far arrows reach out, one beside the other, in pixels. */
const REACH = 12;

export function StageMap({ label, rows, moves = [], added, removed, actions, details }: Props) {
  const { t } = useLanguage();
  const list = useRef<HTMLOListElement>(null);
  const [middles, setMiddles] = useState(new Map<string, number>());
  const key = rows.map((row) => `${row.id}:${row.version_stages.join()}`).join();
  useLayoutEffect(() => {
    const measure = () => {
      const found = new Map<string, number>();
      for (const item of list.current?.querySelectorAll<HTMLElement>("[data-version]") ?? []) {
        found.set(item.dataset.version ?? "", item.offsetTop + 18);
      }
      setMiddles(found);
    };
    measure();
    const observer = new ResizeObserver(measure);
    if (list.current) observer.observe(list.current);
    return () => observer.disconnect();
  }, [key]);
  const arrows = moves.filter(({ from, to }) => from !== null && to !== null && middles.has(from) && middles.has(to));
  return (
    <div className="stage-map">
      {arrows.length > 0 && (
        <svg className="arrows" aria-hidden="true">
          <defs>
            <marker
              id="arrow-head"
              viewBox="0 0 8 8"
              refX="6"
              refY="4"
              markerWidth="6"
              markerHeight="6"
              orient="auto-start-reverse"
            >
              <path d="M0 0 8 4 0 8z" />
            </marker>
          </defs>
          {arrows.map(({ stage, from, to }, index) => {
            const [begin, end] = [middles.get(from ?? "") ?? 0, middles.get(to ?? "") ?? 0];
            const reach = 34 - (index + 1) * REACH;
            // Away from where another flag may arrive.
            const leave = begin + (end > begin ? 5 : -5);
            return (
              <path
                key={stage}
                className={flagLook(stage)}
                d={`M36 ${leave}H${reach}V${end}H36`}
                markerEnd="url(#arrow-head)"
              />
            );
          })}
        </svg>
      )}
      <ol
        ref={list}
        className={[arrows.length > 0 && "has-arrows", actions && "has-actions"].filter(Boolean).join(" ")}
        aria-label={label}
      >
        {rows.map((row) => {
          const arriving = moves.filter((move) => move.to === row.id);
          const leaving = moves.filter((move) => move.from === row.id);
          const staying = row.version_stages.filter((stage) => !arriving.some((move) => move.stage === stage));
          const state =
            row.id === added
              ? "is-added"
              : row.id === removed
                ? "is-removed"
                : row.version_stages.length === 0
                  ? "is-bare"
                  : "";
          return (
            <li key={row.id} data-version={row.id} className={state}>
              <span className="dot" aria-hidden="true" />
              <strong className="code version">{row.id}</strong>
              {actions?.(row.id)}
              <span className="flags">
                {arriving.map(({ stage }) => (
                  <span key={stage} className={`flag is-arriving ${flagLook(stage)}`}>
                    {stage}
                    <span className="visually-hidden"> {t("arrives")}</span>
                  </span>
                ))}
                {staying.map((stage) => (
                  <span key={stage} className={`flag ${flagLook(stage)}`}>
                    {stage}
                  </span>
                ))}
                {leaving.map(({ stage }) => (
                  <span key={stage} className="flag is-leaving">
                    {stage}
                    <span className="visually-hidden"> {t("leaves")}</span>
                  </span>
                ))}
                {row.id === added && <span className="hint">{t("new")}</span>}
                {row.id === removed && <span className="bad">{t("will be removed")}</span>}
                {row.version_stages.length === 0 && leaving.length === 0 && row.id !== removed && (
                  <span className="hint">{t("no stage")}</span>
                )}
              </span>
              {details?.(row.id)}
            </li>
          );
        })}
      </ol>
    </div>
  );
}
