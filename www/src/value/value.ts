// What is in a value: keys with values, plain text, bytes, or something sealed. Pure.

export type Shape = "pairs" | "text" | "binary";

/** A value as the service stores it. */
export type Stored = { secret_string: string } | { secret_binary: string };

export type Pair = readonly [key: string, value: string];

/** What the service answered, as one of the two forms. */
export function storedOf(version: { secret_string?: string; secret_binary?: string }): Stored {
  return version.secret_binary === undefined
    ? { secret_string: version.secret_string ?? "" }
    : { secret_binary: version.secret_binary };
}

/** The keys of a flat JSON object, in its order; `undefined` for anything else. */
export function pairsOf(text: string): Pair[] | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return undefined;
  const entries = Object.entries(parsed as Record<string, unknown>);
  // What is nested, or would lose digits, is better shown and changed as text.
  const isPlain = (value: unknown) =>
    typeof value === "string" || typeof value === "boolean" || value === null || Number.isSafeInteger(value);
  if (!entries.every(([, value]) => isPlain(value))) return undefined;
  return entries.map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]);
}

/** Keys and values as the JSON text that is stored. Numbers and the like that were read as such stay as they are. */
export function textOf(pairs: readonly Pair[], former?: string): string {
  const before = former === undefined ? {} : ((JSON.parse(former) ?? {}) as Record<string, unknown>);
  const member = ([key, value]: Pair): [string, unknown] => {
    const old = Object.hasOwn(before, key) ? before[key] : undefined;
    return [key, old !== undefined && typeof old !== "string" && JSON.stringify(old) === value ? old : value];
  };
  return JSON.stringify(Object.fromEntries(pairs.map(member)));
}

/** How a stored value is best shown. */
export function shapeOf(stored: Stored): Shape {
  if ("secret_binary" in stored) return "binary";
  const pairs = pairsOf(stored.secret_string);
  return pairs && pairs.length > 0 ? "pairs" : "text";
}

/** The size of Base64 text in bytes, once decoded. */
export function bytesIn(base64: string): number {
  const padding = base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0;
  return Math.max(0, Math.floor((base64.length * 3) / 4) - padding);
}

export function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** What a sealed value says about itself in its open header. */
export interface SealedHeader {
  algorithm: string;
  name?: string;
  purpose?: string;
}

/** The header of a JWE in compact form; `undefined` for anything that is none. */
export function sealedHeader(text: string): SealedHeader | undefined {
  const parts = text.split(".");
  if (parts.length !== 5 || !parts.every((part) => /^[\w-]*$/.test(part))) return undefined;
  try {
    const json = atob((parts[0] ?? "").replaceAll("-", "+").replaceAll("_", "/"));
    const header = JSON.parse(json) as Record<string, unknown>;
    if (typeof header.alg !== "string" || typeof header.enc !== "string") return undefined;
    const binding = (header.csms ?? {}) as Record<string, unknown>;
    return {
      algorithm: header.alg,
      ...(typeof binding.name === "string" && { name: binding.name }),
      ...(typeof binding.purpose === "string" && { purpose: binding.purpose }),
    };
  } catch {
    return undefined;
  }
}
