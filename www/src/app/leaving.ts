// Asks before a page or dialog is left in which something was typed. It knows that there is something, never what.

import { useCallback, useId, useLayoutEffect } from "react";

import { useLanguage } from "./language";

/** Forms that hold something typed, each with the question to ask. A form is here until it is saved, emptied or gone. */
const dirty = new Map<string, string>();

const agrees = (question: string | undefined) => question === undefined || confirm(question);

/** Whether nothing in the page would be lost, or the person agrees to lose it. */
export const mayLeave = (): boolean => agrees([...dirty.values()][0]);

const warn = (event: BeforeUnloadEvent) => {
  event.preventDefault();
  // Older WebKit asks only for this.
  event.returnValue = "unsaved";
};

function forget(id: string): void {
  dirty.delete(id);
  if (dirty.size === 0) removeEventListener("beforeunload", warn);
}

/**
 * Says that the calling form is dirty, until it is not or is gone.
 *
 * @returns whether the person agrees to lose what this form holds; what others hold stays
 */
export function useDirty(isDirty: boolean): () => boolean {
  const id = useId();
  const { t } = useLanguage();
  const question = t("What you typed is not saved and would be lost. Leave anyway?");
  // Before anything else happens: a page is left right after it was saved.
  useLayoutEffect(() => {
    if (!isDirty) return;
    dirty.set(id, question);
    addEventListener("beforeunload", warn);
    return () => forget(id);
  }, [id, isDirty, question]);
  return useCallback(() => agrees(dirty.get(id)), [id]);
}

/** Forgets every form: what they are about is gone, so nothing in them can be saved. */
export function forgetDirty(): void {
  for (const id of dirty.keys()) forget(id);
}
