// Asks before what was typed in one view is left out of what another one stores.

import { useLanguage } from "../app/language";
import type { Shape } from "./value";

/** What each view of a value is called, in English. */
export const VIEWS: Record<Shape, string> = { pairs: "Key/value", text: "Plain text", binary: "Binary" };

/** Whether what the named views hold may be left out; an English text for each view. */
export function useLeavingOut(): (views: readonly string[]) => boolean {
  const { t } = useLanguage();
  return (views) => {
    if (views.length === 0) return true;
    const named = views.map((view) => t(view)).join(", ");
    return confirm(t("What you typed under {view} is not part of what is stored. Go on?", { view: named }));
  };
}
