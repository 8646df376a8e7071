// Language and theme.

import { useState } from "react";

import { Select } from "../ui/Select";
import { type Language, useLanguage } from "./language";
import { applyTheme, savedTheme, type Theme } from "./theme";

export function Preferences() {
  const { language, setLanguage, t } = useLanguage();
  const [theme, setTheme] = useState(savedTheme);
  const choose = (chosen: Theme) => {
    applyTheme(chosen);
    setTheme(chosen);
  };
  return (
    <div className="preferences">
      <Select<Language>
        label={t("Language")}
        value={language}
        onChange={setLanguage}
        options={[
          { value: "en", label: "English" },
          { value: "zh-CN", label: "简体中文" },
        ]}
      />
      <Select<Theme>
        label={t("Theme")}
        value={theme}
        onChange={choose}
        options={[
          { value: "system", label: t("System") },
          { value: "light", label: t("Light") },
          { value: "dark", label: t("Dark") },
        ]}
      />
    </div>
  );
}
