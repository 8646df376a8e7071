// What is in a value: keys with values, plain text, bytes, or something sealed. Pure.

import { type Member, parseObject } from "./json";

export type Shape = "pairs" | "text" | "binary";

/** A value as the service stores it. */
export type Stored = { secret_string: string } | { secret_binary: string };

/** What the service answered, as one of the two forms. */
export function storedOf(version: { secret_string?: string; secret_binary?: string }): Stored {
  return version.secret_binary === undefined
    ? { secret_string: version.secret_string ?? "" }
    : { secret_binary: version.secret_binary };
}

/** What is stored: the text, or Base64 of the bytes. */
export const storedText = (stored: Stored) => ("secret_string" in stored ? stored.secret_string : stored.secret_binary);

/** The members of a JSON object whose keys differ and whose values are not nested; `undefined` for any other text. */
export function membersOf(text: string): Member[] | undefined {
  const members = parseObject(text)?.members;
  if (!members?.every(({ type }) => type !== "object" && type !== "array")) return undefined;
  return new Set(members.map(({ key }) => key)).size === members.length ? members : undefined;
}

/** A key as it is shown: one of no characters is seen by its quotation marks. */
export const shownKey = (key: string): string => (key === "" ? '""' : key);

/** How a stored value is best shown. */
export function shapeOf(stored: Stored): Shape {
  if ("secret_binary" in stored) return "binary";
  return (membersOf(stored.secret_string)?.length ?? 0) > 0 ? "pairs" : "text";
}

/** The size of Base64 text in bytes, once decoded. */
export function bytesIn(base64: string): number {
  const padding = base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0;
  return Math.max(0, Math.floor((base64.length * 3) / 4) - padding);
}

/** The text that bytes are in UTF-8, a byte order mark included; `undefined` for other bytes. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

export function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

export const fromBase64 = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

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
