// What a change will do, before it is confirmed; computed by the rules that will decide it.

import type { Preview, Result } from "csms";

import { useLanguage } from "../app/language";
import { Notice } from "../ui/Notice";
import { StageMap } from "./StageMap";
import { numberOf } from "./useKnownSecret";

export function PreviewView({ preview }: { preview: Result<Preview> }) {
  const { t } = useLanguage();
  if (!preview.ok) {
    const words = preview.refusal?.message ?? preview.problems.map(({ message }) => message).join(" ");
    return (
      <Notice kind="warning" title={t("This is not possible now.")}>
        <p>{words}</p>
      </Notice>
    );
  }
  const { before, after, added, removed, moves } = preview.value;
  const gone = before
    .filter((version) => !after.some((other) => other.id === version.id))
    .map((version) => ({ ...version, version_stages: [] }));
  const involved = new Set([added, removed, ...moves.flatMap(({ from, to }) => [from, to])]);
  const rows = [...after, ...gone]
    .filter((version) => version.version_stages.length > 0 || involved.has(version.id))
    .sort((one, other) => numberOf(other.id) - numberOf(one.id));
  return (
    <section className="preview" aria-label={t("What will change")}>
      <h3>{t("What will change")}</h3>
      {moves.length === 0 && added === null ? (
        <p>{t("Nothing: it is so already.")}</p>
      ) : (
        <ul className="moves">
          {added !== null && <li>{t("Version {version} is added.", { version: added })}</li>}
          {moves.map(({ stage, from, to }) => (
            <li key={stage}>
              <code>{stage}</code>{" "}
              {from === null
                ? t("is new and marks {to}", { to: to ?? "" })
                : to === null
                  ? t("is taken from {from}", { from })
                  : t("moves from {from} to {to}", { from, to })}
            </li>
          ))}
          {removed !== null && (
            <li>{t("Version {version} has no stage and is removed to make room.", { version: removed })}</li>
          )}
        </ul>
      )}
      <StageMap label={t("Versions after the change")} rows={rows} moves={moves} added={added} removed={removed} />
    </section>
  );
}
