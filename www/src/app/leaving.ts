// Asks before a page or dialog is left in which something was typed. It knows that there is something, never what.

import { useEffect, useId } from "react";

import { useLanguage } from "./language";

/** Forms that hold something typed, each with the question to ask. */
const dirty = new Map<string, string>();

/** Whether nothing would be lost, or the person agrees to lose it. */
export function mayLeave(): boolean {
  const [question] = dirty.values();
  if (question === undefined) return true;
  if (!confirm(question)) return false;
  dirty.clear();
  return true;
}

const warn = (event: BeforeUnloadEvent) => {
  if (dirty.size === 0) return;
  event.preventDefault();
  // Older WebKit asks only for this.
  event.returnValue = "unsaved";
};

/** Says that the calling form is dirty, until it is not or is gone. */
export function useDirty(isDirty: boolean): void {
  const id = useId();
  const { t } = useLanguage();
  const question = t("What you typed is not saved and would be lost. Leave anyway?");
  useEffect(() => {
    if (!isDirty) return;
    dirty.set(id, question);
    addEventListener("beforeunload", warn);
    return () => {
      dirty.delete(id);
      if (dirty.size === 0) removeEventListener("beforeunload", warn);
    };
  }, [id, isDirty, question]);
}

/** After saving: nothing is lost by leaving. */
export function forgetDirty(): void {
  dirty.clear();
}
