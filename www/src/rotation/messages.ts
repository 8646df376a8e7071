// Messages about rotations in words of a language. The catalogue is `messages.json`, the copy of that of `csms-core`, which a
// test keeps current; it is loaded when the first message is shown.

import type { Message } from "csms";
import { useEffect, useState } from "react";

import { type Language, useLanguage } from "../app/language";

export interface Catalogue {
  /** By code: the sentence in English and in Chinese. */
  messages: Record<string, [english: string, chinese: string]>;
  /** The Chinese of what rules ask for, and of units after numbers. */
  phrases: Record<string, string>;
  units: Record<string, string>;
}

/** The field whose text may have Chinese words of its own. */
const PHRASE = "phrase";

/** A message comes from a function that nobody trusts. */
const MAX_DEPTH = 12;
const MAX_SENTENCE = 2000;

function inChinese(text: string, { phrases, units }: Catalogue): string {
  const [, number, unit = ""] = /^(\d+) (.+)$/.exec(text) ?? [];
  return phrases[text] ?? (units[unit] ? `${number} ${units[unit]}` : text);
}

/** The sentence; `undefined` when its code or one within it is not known, lacks a field, or is too deep. */
export function sentenceOf(message: Message, language: Language, catalogue: Catalogue): string | undefined {
  const isChinese = language === "zh-CN";
  const sentence = (of: Message, depth: number): string => {
    const template = catalogue.messages[(of as Message | null)?.code ?? ""]?.[isChinese ? 1 : 0];
    if (template === undefined || depth === 0) throw new RangeError("the message is not known");
    const text = template.replace(/\{([a-z_]+)\}/g, (_, name: string) => {
      const field = of.fields?.[name];
      if (typeof field === "string") return isChinese && name === PHRASE ? inChinese(field, catalogue) : field;
      if (typeof field === "number") return String(field);
      if (Array.isArray(field)) return field.map((item) => sentence(item, depth - 1)).join(isChinese ? "；" : "; ");
      if (field?.code === undefined) throw new RangeError("the message lacks a field");
      return sentence(field, depth - 1);
    });
    // What a field says twice doubles at each depth.
    return text.slice(0, 2 * MAX_SENTENCE);
  };
  try {
    return sentence(message, MAX_DEPTH).slice(0, MAX_SENTENCE);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** What to show, and in which language it is. */
export interface Said {
  text: string;
  lang: Language;
}

/** Shows messages, or the English text that came with them, and names of steps. */
export interface Sayer {
  say: (message: Message | undefined, text: string) => Said;
  step: (name: string) => string;
}

export function sayerOf(language: Language, catalogue: Catalogue | undefined): Sayer {
  const known = (message: Message | undefined) =>
    message && catalogue ? sentenceOf(message, language, catalogue) : undefined;
  return {
    say: (message, text) => {
      const sentence = known(message);
      return sentence === undefined ? { text, lang: "en" } : { text: sentence, lang: language };
    },
    // Functions of others have steps of their own.
    step: (name) => known({ code: `step.${name}` }) ?? name,
  };
}

/** Until the catalogue is there, texts are shown as they came. */
export function useMessages(): Sayer {
  const { language } = useLanguage();
  const [catalogue, setCatalogue] = useState<Catalogue>();
  useEffect(() => {
    // Without it, texts stay as they came.
    import("./messages.json").then(
      (loaded) => setCatalogue(loaded.default as unknown as Catalogue),
      () => {},
    );
  }, []);
  return sayerOf(language, catalogue);
}
