/**
 * Checks of arguments. WebAssembly converts what it is given: a text becomes a key of zeros, a number a string. So every
 * exported function checks the type and length of what it passes on, and throws `input/invalid` with the argument in
 * `field`. The rules of the service are not here; those are the module's.
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
  if (Array.isArray(value)) return "an array";
  if (ArrayBuffer.isView(value)) return tagOf(value) ?? "a view of memory";
  return value === undefined || typeof value === "object" ? String(typeof value) : `a ${typeof value}`;
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
  if (!isWellFormed(value)) throw invalid(field, "well-formed text; half of a surrogate pair stands alone");
  return value;
}

const typedArrayTag = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype) as object, Symbol.toStringTag);

/** The kind of typed array that `value` is, in whatever realm it was made. */
const tagOf = (value: unknown): string | undefined => typedArrayTag?.get?.call(value) as string | undefined;

/** Bytes of a `Uint8Array` of any realm, a `Buffer` among them; shared memory is copied, since WebCrypto refuses it. */
export function bytes(value: unknown, field: string, length?: number): Bytes {
  if (tagOf(value) !== "Uint8Array") throw invalid(field, `a Uint8Array, not ${kindOf(value)}`);
  const array = value as Bytes;
  if (length !== undefined && array.length !== length) throw invalid(field, `${length} bytes long, not ${array.length}`);
  if (array.length > LONGEST) throw invalid(field, `at most ${LONGEST} bytes long`);
  if (array.length === 0) {
    try {
      new Uint8Array(array.buffer);
    } catch (cause) {
      throw invalid(field, "bytes that were not transferred to another thread", cause);
    }
  }
  const { buffer } = array as { buffer: { resizable?: boolean } };
  const isPlain = Object.prototype.toString.call(buffer) === "[object ArrayBuffer]" && buffer.resizable !== true;
  return isPlain ? array : Uint8Array.from(array);
}

/** An object with members. */
export function members<T>(value: T, field: string): { [K in keyof T]: unknown } {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid(field, `an object, not ${kindOf(value)}`);
  }
  return value as { [K in keyof T]: unknown };
}

/** Options; `undefined` stands for none. */
export function optional<T>(value: T | undefined, field = "options"): { [K in keyof T]?: unknown } {
  return value === undefined ? {} : members(value, field);
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

/** A time in milliseconds since 1970; by default the clock's. */
export function time(value: unknown, field: string): number {
  const isDate = Object.prototype.toString.call(value) === "[object Date]";
  return number(isDate ? Number(value) : value, field, Date.now(), { most: LATEST });
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

/** The language of messages in options; English by default. */
export function languageOf(options: { language?: unknown }): string {
  const { language } = options;
  return language === undefined ? "en" : text(language, "language");
}

/** An address of the web. */
export function address(value: unknown, field: string): URL {
  const isUrl = value instanceof URL || Object.prototype.toString.call(value) === "[object URL]";
  const given = isUrl ? String(value) : text(value, field);
  let url;
  try {
    url = new URL(given);
  } catch (cause) {
    throw invalid(field, "an absolute URL", cause);
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") throw invalid(field, "an address of http or https");
  return url;
}
