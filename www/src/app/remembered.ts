// What the browser keeps of a person's choices from one visit to the next. Browsers may refuse a page all storage: then nothing
// is kept, and nothing fails. Nothing secret is kept here.

export function remembered(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** @param choice `null` forgets the former one */
export function remember(key: string, choice: string | null): void {
  try {
    if (choice === null) localStorage.removeItem(key);
    else localStorage.setItem(key, choice);
  } catch {
    // It holds until the page is left.
  }
}
