// What the service warns of although it has done what it was asked for (`X-Csms-Warning`). A warning stays on every page
// until somebody closes it.

import { useSyncExternalStore } from "react";

import { Button } from "../ui/Button";
import { Notice } from "../ui/Notice";
import { type Translate, useLanguage } from "./language";

let warnings: readonly string[] = [];
const listeners = new Set<() => void>();

function set(next: readonly string[]): void {
  warnings = next;
  for (const notify of listeners) notify();
}

/** The warnings that are shown, in the words of the service; each of them once. */
export const currentWarnings = (): readonly string[] => warnings;

/** Keeps the warning of an answer, if it has one. */
export function noteWarning(headers: Headers): void {
  const text = headers.get("x-csms-warning");
  if (text && !warnings.includes(text)) set([...warnings, text]);
}

/** Takes a warning off the pages. */
export function closeWarning(text: string): void {
  set(warnings.filter((each) => each !== text));
}

/** The browser's `fetch`, with an eye on warnings. */
export const watchedFetch: typeof fetch = async (...call) => {
  const answer = await fetch(...call);
  noteWarning(answer.headers);
  return answer;
};

/** A warning in the language of the page. Words of the service that the console does not know are shown as they are. */
export function warningWords(text: string, t: Translate): string {
  if (text.startsWith("another secret of this project names the same database account")) {
    return t(
      "Another secret of this project names the same database account, and a rotation of one would make the other's password wrong. Only the older one is rotated until one of them is deleted or names another account.",
    );
  }
  return text;
}

const subscribe = (notify: () => void) => {
  listeners.add(notify);
  return () => void listeners.delete(notify);
};

export function Warnings() {
  const { t } = useLanguage();
  const shown = useSyncExternalStore(subscribe, currentWarnings);
  return (
    <div className="warnings" role="status">
      {shown.map((text) => (
        <Notice key={text} kind="warning" title={t("Done, with a warning")}>
          <p>{warningWords(text, t)}</p>
          <Button kind="link" onPress={() => closeWarning(text)}>
            {t("Close this warning")}
          </Button>
        </Notice>
      ))}
    </div>
  );
}
