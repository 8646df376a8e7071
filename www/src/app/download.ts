// Saves something from the page as a file. It stays in this computer: nothing is sent.

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
  // After the browser has taken it.
  setTimeout(() => URL.revokeObjectURL(address), 0);
}
