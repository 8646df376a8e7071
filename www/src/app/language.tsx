// The language of the console. English texts are the keys; 简体中文 is loaded when it is chosen.

import { createContext, type ReactNode, use, useEffect, useMemo, useState } from "react";

import { announce } from "./announce";
import { distanceWords } from "./distance";
import { fill } from "./fill";
import { remember, remembered } from "./remembered";

export type Language = "en" | "zh-CN";
export type Translate = (text: string, values?: Record<string, string | number>) => string;

interface Speech {
  language: Language;
  setLanguage: (language: Language) => void;
  t: Translate;
  /** A point in time, in words of the language. */
  time: (millis: number) => string;
  /** A point in time to the second, with its zone. */
  moment: (millis: number) => string;
  /** Name of the zone in which times are shown and typed, at a point in time, or now where that is none. */
  zone: (millis: number) => string;
  /** How far away a point in time is. */
  ago: (millis: number) => string;
  /** Minutes and seconds. */
  duration: (seconds: number) => string;
}

const KEY = "csms.language";
const Context = createContext<Speech | null>(null);

function zoneOf(format: Intl.DateTimeFormat, millis: number): string {
  return format.formatToParts(millis).find(({ type }) => type === "timeZoneName")?.value ?? "UTC";
}

function preferred(): Language {
  const saved = remembered(KEY) ?? navigator.language;
  return saved.startsWith("zh") ? "zh-CN" : "en";
}

export function LanguageProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState(preferred);
  const [words, setWords] = useState<Record<string, string>>({});
  useEffect(() => {
    document.documentElement.lang = language;
    if (language !== "zh-CN") return;
    import("./zh").then(
      (loaded) => setWords(loaded.default),
      () => {
        setLanguage("en");
        announce("简体中文加载失败，请稍后重试。 Chinese could not be loaded; try again later.");
      },
    );
  }, [language]);
  useEffect(() => {
    // Another tab chose; this one follows, with whatever is typed in it.
    const follow = ({ key }: StorageEvent) => key === KEY && setLanguage(preferred());
    addEventListener("storage", follow);
    return () => removeEventListener("storage", follow);
  }, []);
  const speech = useMemo<Speech>(() => {
    const day = { year: "numeric", month: "short", day: "numeric", hour: "numeric", minute: "2-digit" } as const;
    const absolute = new Intl.DateTimeFormat(language, { ...day, timeZoneName: "short" });
    const precise = new Intl.DateTimeFormat(language, { ...day, second: "2-digit", timeZoneName: "short" });
    const distance = distanceWords(language);
    return {
      language,
      setLanguage: (chosen) => {
        remember(KEY, chosen);
        setLanguage(chosen);
      },
      t: (text, values) => fill((language === "zh-CN" ? words[text] : undefined) ?? text, values),
      time: (millis) => absolute.format(millis),
      moment: (millis) => precise.format(millis),
      zone: (millis) => zoneOf(precise, Number.isFinite(millis) ? millis : Date.now()),
      ago: (millis) => distance(millis - Date.now()),
      duration: (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`,
    };
  }, [language, words]);
  return <Context value={speech}>{children}</Context>;
}

export function useLanguage(): Speech {
  const speech = use(Context);
  if (!speech) throw new Error("outside of LanguageProvider");
  return speech;
}
