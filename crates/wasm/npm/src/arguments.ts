/**
 * Checks of arguments. WebAssembly converts what it is given: a text becomes a key of zeros, a number a string. So every
 * exported function checks the type and length of what it passes on, and throws `input/invalid` with the argument in
 * `field`. Members are read once, here, because getters and proxies may answer differently, or throw. The rules of the
 * service are not here; those are the module's.
 */
import { CsmsError } from "./error.js";

/** Bytes in memory of their own, as `Blob` and WebCrypto take them. (TypeScript before 5.7 has `Uint8Array` alone.) */
export type Bytes = ReturnType<typeof Uint8Array.of>;

/** The most that is passed to WebAssembly in one argument, in UTF-16 units or bytes: memory that cannot be had would end the instance. */
const LONGEST = 64 << 20;

/** The greatest time of a `Date` that has a year of four digits. */
const LATEST = 253_402_300_799_999;

/** An argument that cannot be used. `expected` completes the sentence "… must be". */
export function invalid(field: string, expected: string, cause?: unknown): CsmsError {
  return new CsmsError("input/invalid", `${field} must be ${expected}`, { field, cause });
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (isArray(value)) return "an array";
  if (ArrayBuffer.isView(value)) return tagOf(value) ?? "a view of memory";
  return value === undefined || typeof value === "object" ? String(typeof value) : `a ${typeof value}`;
}

function isArray(value: unknown): boolean {
  try {
    return Array.isArray(value);
  } catch {
    // A proxy that was revoked.
    return false;
  }
}

/** What `read` returns, which runs code of the caller, such as a getter; what that throws is a fault of the argument. */
export function reading<T>(field: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw cause instanceof CsmsError ? cause : invalid(field, "something that can be read", cause);
  }
}

/** Every half of a surrogate pair stands beside its other half; only such text has a form in UTF-8. */
function isWellFormed(text: string): boolean {
  // Engines of 2022 and older have no method for it.
  const own = (text as { isWellFormed?: () => boolean }).isWellFormed;
  return own === undefined ? !/\p{Surrogate}/u.test(text) : own.call(text);
}

/** A text that can be passed on exactly. */
export function text(value: unknown, field: string): string {
  if (typeof value !== "string") throw invalid(field, `a string, not ${kindOf(value)}`);
  if (value.length > LONGEST) throw invalid(field, `at most ${LONGEST} characters long`);
  if (!isWellFormed(value)) throw invalid(field, "well-formed text");
  return value;
}

/** The engine's own getter of a property, which sees through what a subclass or the caller has put in its place. */
function getter<T>(prototype: object, name: PropertyKey): (of: unknown) => T | undefined {
  const get = Object.getOwnPropertyDescriptor(prototype, name)?.get;
  return (of) => get?.call(of) as T | undefined;
}

const TYPED_ARRAY = /* @__PURE__ */ Object.getPrototypeOf(Uint8Array.prototype) as object;
/** The kind of typed array that a value is, in whatever realm it was made. */
const tagOf = /* @__PURE__ */ getter<string>(TYPED_ARRAY, Symbol.toStringTag);
const lengthOf = /* @__PURE__ */ getter<number>(TYPED_ARRAY, "length") as (array: unknown) => number;
const offsetOf = /* @__PURE__ */ getter<number>(TYPED_ARRAY, "byteOffset");
const memoryOf = /* @__PURE__ */ getter<ArrayBuffer>(TYPED_ARRAY, "buffer") as (array: unknown) => ArrayBuffer;
const sizeOf = /* @__PURE__ */ getter<number>(ArrayBuffer.prototype, "byteLength");
const isResizable = /* @__PURE__ */ getter<boolean>(ArrayBuffer.prototype, "resizable");

/** Whether it is memory that nobody else writes to, and that keeps its size. */
function isPlain(memory: ArrayBuffer): boolean {
  try {
    sizeOf(memory);
  } catch {
    // Shared memory has another getter.
    return false;
  }
  return isResizable(memory) !== true;
}

/**
 * Bytes of a `Uint8Array` of any realm, of a `Buffer` or another subclass, as an array without methods of its own. Memory
 * that is shared or can be resized is copied, since WebCrypto refuses it.
 */
export function bytes(value: unknown, field: string, length?: number): Bytes {
  if (tagOf(value) !== "Uint8Array") throw invalid(field, `a Uint8Array, not ${kindOf(value)}`);
  const count = lengthOf(value);
  if (length !== undefined && count !== length) throw invalid(field, `${length} bytes long, not ${count}`);
  if (count > LONGEST) throw invalid(field, `at most ${LONGEST} bytes long`);
  const memory = memoryOf(value);
  if (count > 0 && isPlain(memory)) return new Uint8Array(memory, offsetOf(value), count);
  try {
    return new Uint8Array(value as Bytes);
  } catch (cause) {
    throw invalid(field, "bytes whose memory is still there", cause);
  }
}

/** The members of an object that are named, own or inherited, in the order of the names. */
export function members(value: unknown, field: string, ...names: string[]): unknown[] {
  if (typeof value !== "object" || value === null || isArray(value)) {
    throw invalid(field, `an object, not ${kindOf(value)}`);
  }
  return names.map((name) => reading(name, () => (value as Record<string, unknown>)[name]));
}

/** The members of options; `undefined` stands for none. */
export function optional(value: unknown, ...names: string[]): unknown[] {
  return value === undefined ? [] : members(value, "options", ...names);
}

/** All own members of an object with texts as names. What a `Map`, `Headers` or `Date` holds is none of them, and would be lost. */
export function entries(value: unknown, field: string): [name: string, member: unknown][] {
  members(value, field);
  return reading(field, () => {
    if (Object.prototype.toString.call(value) !== "[object Object]") throw invalid(field, "a plain object");
    return Object.entries(value as object);
  });
}

/** Bounds of a number. */
interface Bounds {
  least?: number;
  most?: number;
  /** Whether it must be an integer. */
  whole?: boolean;
}

/** A finite number within bounds; `undefined` stands for the default. */
export function number(value: unknown, field: string, standard: number, bounds: Bounds = {}): number {
  const { least = 0, most = Number.MAX_SAFE_INTEGER, whole = false } = bounds;
  if (value === undefined) return standard;
  if (typeof value !== "number") throw invalid(field, `a number, not ${kindOf(value)}`);
  if (!(value >= least && value <= most) || (whole && !Number.isInteger(value))) {
    throw invalid(field, `${whole ? "an integer" : "a number"} from ${least} to ${most}`);
  }
  return value;
}

/** What a `Date` of any realm says; anything else as it is. */
function millisOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  try {
    return Date.prototype.getTime.call(value);
  } catch {
    return value;
  }
}

/** A time in milliseconds since 1970; by default the clock's. */
export function time(value: unknown, field: string): number {
  return number(millisOf(value), field, Date.now(), { most: LATEST });
}

/** A switch; `undefined` stands for `false`. */
export function flag(value: unknown, field: string): boolean {
  if (value !== undefined && typeof value !== "boolean") throw invalid(field, `a boolean, not ${kindOf(value)}`);
  return value === true;
}

/** One of some texts. */
export function choice<T extends string>(value: unknown, field: string, choices: readonly T[]): T {
  if (!choices.includes(value as T)) throw invalid(field, `one of ${choices.join(", ")}`);
  return value as T;
}

/** The language of messages; English by default. */
export function languageOf(value: unknown): string {
  return value === undefined ? "en" : text(value, "language");
}

/** The language of messages in options that say nothing else. */
export function languageIn(options: unknown): string {
  return languageOf(optional(options, "language")[0]);
}

/** A text that a header can hold as it is. */
export function headerText(value: unknown, field: string): string {
  const given = text(value, field).trim();
  if (given === "") throw invalid(field, "a text that is not empty");
  if (!/^[ -~]+$/.test(given)) throw invalid(field, "printable ASCII characters in one line");
  return given;
}

/** Characters of HTTP tokens: methods and names of headers (RFC 9110, 5.6.2). */
export const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** The headers in an object, by their names in lower case. */
export function headersIn(value: unknown): [name: string, value: string][] {
  return entries(value, "headers").map(([name, member]) => {
    if (!TOKEN.test(name)) throw invalid("headers", "an object of header names and values");
    return [name.toLowerCase(), text(member, name).replace(/[\r\n]+/g, " ").trim()];
  });
}

/** An address of the web. */
export function address(value: unknown, field: string): URL {
  const isUrl = () => value instanceof URL || Object.prototype.toString.call(value) === "[object URL]";
  const given = text(reading(field, () => (isUrl() ? String(value) : value)), field);
  let url;
  try {
    url = new URL(given);
  } catch (cause) {
    throw invalid(field, "an absolute URL", cause);
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") throw invalid(field, "an address of http or https");
  return url;
}
