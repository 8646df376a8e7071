// Secrets as a table, fifty to a page, so that ten thousand cost no more than fifty.

import type { Secret } from "csms";
import { useEffect, useState } from "react";

import { useLanguage } from "../app/language";
import { secretPath } from "../app/route";
import { Button } from "../ui/Button";
import { Time } from "../ui/Time";
import { NextRotation } from "./NextRotation";
import { StateBadge } from "./StateBadge";

const ROWS = 50;

export function SecretTable({ secrets }: { secrets: readonly Secret[] }) {
  const { t, language } = useLanguage();
  const [page, setPage] = useState(0);
  const last = Math.max(0, Math.ceil(secrets.length / ROWS) - 1);
  useEffect(() => setPage((before) => Math.min(before, last)), [last]);
  const begin = page * ROWS;
  const shown = secrets.slice(begin, begin + ROWS);
  const count = (number: number) => number.toLocaleString(language);
  return (
    <>
      <table className="table secrets">
        <caption className="visually-hidden">{t("Secrets")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("Name")}</th>
            <th scope="col">{t("State")}</th>
            <th scope="col" className="wide-only">
              {t("Type")}
            </th>
            <th scope="col">{t("Next rotation")}</th>
            <th scope="col" className="wide-only">
              {t("Changed")}
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map((secret) => (
            <tr key={secret.id}>
              <th scope="row">
                <a href={secretPath(secret.name)}>{secret.name}</a>
                {secret.description && <span className="description">{secret.description}</span>}
              </th>
              <td>
                <StateBadge state={secret.state} />
              </td>
              <td className="wide-only">{secret.secret_type === "COMMON" ? t("Common") : secret.secret_type}</td>
              <td>
                <NextRotation secret={secret} />
              </td>
              <td className="wide-only">
                <Time millis={secret.update_time} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {last > 0 && (
        <nav className="pager" aria-label={t("Pages")}>
          <Button isDisabled={page === 0} onPress={() => setPage(page - 1)}>
            {t("Previous")}
          </Button>
          <span aria-live="polite">
            {t("{from}–{to} of {all}", {
              from: count(begin + 1),
              to: count(begin + shown.length),
              all: count(secrets.length),
            })}
          </span>
          <Button isDisabled={page === last} onPress={() => setPage(page + 1)}>
            {t("Next")}
          </Button>
        </nav>
      )}
    </>
  );
}
