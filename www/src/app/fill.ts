// Values in texts. Pure.

/**
 * The text with its values. `{count}` is the value; `{count:secret|secrets}` is the value and the word that it takes, the first
 * one for 1.
 */
export const fill = (text: string, values: Record<string, string | number> = {}): string =>
  text.replace(/\{(\w+)(?::([^|{}]*)\|([^|{}]*))?\}/g, (whole, name: string, one?: string, many?: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    return many === undefined ? String(value) : `${value} ${String(value) === "1" ? one : many}`;
  });
