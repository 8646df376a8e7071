// Copies text in every browser, also over plain HTTP, where browsers lend pages no clipboard. The text is never in the document.

/** Copying did not work; the page has to say what a person can do. */
export class ClipboardRefused extends Error {}

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
    const blob = coming.then((words) => new Blob([words], { type: "text/plain" }));
    const writing = navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
    const [got, done] = await Promise.allSettled([coming, writing]);
    if (got.status === "rejected") throw got.reason;
    if (done.status === "fulfilled") return;
  }
  const words = await coming;
  const isDone = navigator.clipboard
    ? await navigator.clipboard.writeText(words).then(
        () => true,
        () => false,
      )
    : byEvent(words);
  if (!isDone) throw new ClipboardRefused("the browser does not let this page copy");
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
