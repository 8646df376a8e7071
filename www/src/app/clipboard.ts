// Copies text in every browser, also over plain HTTP, where browsers lend pages no clipboard. The text is never in the
// document. A copied secret is taken out of the clipboard again, whatever page of the console is open by then.

import { useSyncExternalStore } from "react";

/** Copying did not work; the page has to say what a person can do. */
export class ClipboardRefused extends Error {}

/** How long a secret stays in the clipboard, in seconds. */
export const KEPT_SECONDS = 60;

/** Whether the page can also take something out of the clipboard later. Over plain HTTP it cannot. */
export const canClear = () => navigator.clipboard !== undefined;

/**
 * Copies a text, which may still be on its way.
 *
 * @throws ClipboardRefused if the browser does not let the page copy; whatever `text` fails with otherwise
 */
export async function copyText(text: string | Promise<string>): Promise<void> {
  const coming = Promise.resolve(text);
  if (navigator.clipboard !== undefined && typeof ClipboardItem !== "undefined") {
    // Safari lends the clipboard during the press only, so the item is made before its text is there.
    const item = coming.then((words) =>
      // WebKit drops a byte order mark at the beginning of a blob. Where no string is taken, the second way takes it.
      words.startsWith("\ufeff") ? words : new Blob([words], { type: "text/plain" }),
    );
    const writing = navigator.clipboard.write([new ClipboardItem({ "text/plain": item })]);
    const [got, done] = await Promise.allSettled([coming, writing]);
    if (got.status === "rejected") throw got.reason;
    if (done.status === "fulfilled") return forget();
  }
  const words = await coming;
  const isDone = navigator.clipboard
    ? await navigator.clipboard.writeText(words).then(
        () => true,
        () => false,
      )
    : byEvent(words);
  if (!isDone) throw new ClipboardRefused("the browser does not let this page copy");
  forget();
}

/** Copies by the event that the browser's own command raises. */
function byEvent(words: string): boolean {
  let isDone = false;
  const give = (event: ClipboardEvent) => {
    event.clipboardData?.setData("text/plain", words);
    event.preventDefault();
    isDone = true;
  };
  document.addEventListener("copy", give, { once: true });
  document.execCommand("copy");
  document.removeEventListener("copy", give);
  return isDone;
}

/** Who copied what is in the clipboard now; `undefined` once it is out again. */
let copied: { by: string } | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;
const listeners = new Set<() => void>();

function change(next: typeof copied): void {
  copied = next;
  for (const notify of listeners) notify();
}

/**
 * Copies a secret, and clears the clipboard after a while. Browsers refuse that to a page in the background; it is tried
 * again at every press and key in the page until it works.
 *
 * @param by names the button that copies
 */
export async function copySecret(text: string | Promise<string>, by: string): Promise<void> {
  await copyText(text);
  change({ by });
  timer = setTimeout(() => void clear(), KEPT_SECONDS * 1000);
}

async function clear(): Promise<void> {
  if (!copied) return stopTrying();
  if (!canClear()) return change(undefined);
  try {
    await navigator.clipboard.writeText("");
    stopTrying();
    change(undefined);
  } catch {
    addEventListener("pointerdown", tryAgain);
    addEventListener("keydown", tryAgain);
  }
}

const tryAgain = () => void clear();

function stopTrying(): void {
  removeEventListener("pointerdown", tryAgain);
  removeEventListener("keydown", tryAgain);
}

/** Something else that is copied in this page is not to be cleared. What other programs copy, a page cannot see. */
function forget(): void {
  clearTimeout(timer);
  stopTrying();
  change(undefined);
}

addEventListener("copy", (event) => {
  if (event.isTrusted && event.target !== document && copied && canClear()) forget();
});

const subscribe = (notify: () => void) => {
  listeners.add(notify);
  return () => void listeners.delete(notify);
};

/** Whether what a button copied is still in the clipboard, as far as the page knows. */
export function useIsCopied(by: string): boolean {
  return useSyncExternalStore(subscribe, () => copied?.by === by);
}
