// Keys that belong to an input method, which composes characters out of several keys.

/** Whether the input method takes a key, to choose what it has composed for example. The page does nothing then. */
export const isComposing = (event: KeyboardEvent): boolean =>
  // WebKit ends a composition before it reports the key that ended it, which has this code.
  event.isComposing || event.keyCode === 229;
