// Saves something from the page as a file. It stays in this computer: nothing is sent.

/** How long a browser may need to take a file. */
const TAKEN_MILLISECONDS = 10_000;

/** @param name the file's name, which holds no secret */
export function download(
  content: string | Uint8Array<ArrayBuffer>,
  name: string,
  type = "application/octet-stream",
): void {
  const address = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  // Safari and Firefox take it some time after the click.
  setTimeout(() => URL.revokeObjectURL(address), TAKEN_MILLISECONDS);
}
