// Watches what is pasted or dropped into a field of one line. The browser would turn its line breaks into blanks, so a text
// that has them is taken whole by a field that can grow, and refused by any other.

import { type ClipboardEvent, type DragEvent, useState } from "react";

import { useLanguage } from "../app/language";
import { type Edit, shownLines } from "../value/lines";

type Brought = ClipboardEvent<HTMLElement> | DragEvent<HTMLElement>;

export const textOf = (event: Brought) =>
  ("clipboardData" in event ? event.clipboardData : event.dataTransfer).getData("text");

/** What a paste makes of the text of a field. */
export interface Pasted extends Edit {
  text: string;
  caret: number;
}

/**
 * @param take takes a text with line breaks; without it they are refused
 * @returns what a field of one line takes, and what it says of a paste that it refused
 */
export function useLineBreaks(take?: (pasted: Pasted) => void) {
  const { t } = useLanguage();
  const [isRefused, setIsRefused] = useState(false);
  const look = (event: Brought) => {
    const added = textOf(event);
    // A line break at the end comes with a copied line; browsers leave it out of a name, and nobody means it there.
    const breaks = /[\r\n]/.test(take ? added : added.replace(/[\r\n]+$/, ""));
    setIsRefused(breaks && !take);
    if (!breaks) return;
    event.preventDefault();
    if (!take) return;
    const { value, selectionStart, selectionEnd } = event.currentTarget as HTMLInputElement;
    const before = value.slice(0, selectionStart ?? value.length) + added;
    take({
      text: before + value.slice(selectionEnd ?? value.length),
      caret: shownLines(before).length,
      added,
    });
  };
  return {
    handlers: { onPaste: look, onDrop: look },
    refusal: isRefused ? [t("This field holds one line; the text has line breaks, so nothing was pasted.")] : [],
    forget: () => isRefused && setIsRefused(false),
  };
}
