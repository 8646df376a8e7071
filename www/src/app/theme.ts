// Dark or light: as the system says, unless a person chose. Only the choice is stored.

import { remember, remembered } from "./remembered";

export type Theme = "system" | "light" | "dark";

const KEY = "csms.theme";

export function savedTheme(): Theme {
  const saved = remembered(KEY);
  return saved === "light" || saved === "dark" ? saved : "system";
}

export function applyTheme(theme: Theme): void {
  remember(KEY, theme === "system" ? null : theme);
  if (theme === "system") {
    delete document.documentElement.dataset.theme;
  } else {
    document.documentElement.dataset.theme = theme;
  }
}
