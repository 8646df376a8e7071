/**
 * Passwords: drawn, and judged.
 */
import type { WeaknessReason } from "./catalogue.js";
import { engine } from "./engine.js";
import { CsmsError } from "./error.js";
import type { Language } from "./types.js";
import { type Result, answer } from "./validation.js";

/** Options of {@link generatePassword}: those of GenerateRandomPassword, with the service's defaults. */
export interface PasswordOptions {
  /** Number of characters, 1 to 4,096; 32 by default. */
  length?: number;
  /** Characters that must not occur. */
  exclude_characters?: string;
  exclude_lowercase?: boolean;
  exclude_uppercase?: boolean;
  exclude_numbers?: boolean;
  /** Leaves out `~!@#%^*-_=+?,`. */
  exclude_punctuation?: boolean;
  include_space?: boolean;
  /** At least one character of each class that is not left out. */
  require_each_included_type?: boolean;
}

/** A judgement of a password. */
export interface Assessment {
  strength: "weak" | "fair" | "strong";
  /** Estimated bits of a random password of this make. */
  bits: number;
  /** What speaks against it. */
  weaknesses: { reason: WeaknessReason; message: string }[];
}

/** The password is marked by `=` in front; anything else is an answer. */
function read(marked: string): Result<string> {
  if (marked === "") throw new CsmsError("client/unsupported", "this engine has no source of randomness");
  return marked.startsWith("=") ? { ok: true, value: marked.slice(1) } : answer(marked);
}

/** Draws a password; every one that the options allow is equally likely. */
export function generatePassword(options: PasswordOptions & { language?: Language } = {}): Result<string> {
  const bits = (...flags: (boolean | undefined)[]) =>
    flags.reduce<number>((set, flag, index) => (flag === true ? set | (1 << index) : set), 0);
  const excluded = bits(
    options.exclude_lowercase,
    options.exclude_uppercase,
    options.exclude_numbers,
    options.exclude_punctuation,
  );
  const included = bits(options.include_space, options.require_each_included_type);
  const { length = 32, exclude_characters = "", language = "en" } = options;
  // What is no length is as wrong as a length of nothing.
  const count = Number.isInteger(length) && length >= 0 && length <= 0xffff_ffff ? length : 0;
  return read(engine((bound) => bound.generate_password(count, exclude_characters, excluded, included, language)));
}

/**
 * Draws a password that an engine accepts: 32 characters of all four classes, with specials that MySQL, MariaDB,
 * TaurusDB, PostgreSQL and GaussDB take without quoting.
 */
export function generateDatabasePassword(): string {
  const drawn = read(engine((bound) => bound.generate_database_password()));
  // The policy is ours, so there is no problem with it to tell.
  return drawn.ok ? drawn.value : "";
}

/** Judges a password that somebody chose, for an account of this name. */
export function assessPassword(
  password: string,
  options: { userName?: string; language?: Language } = {},
): Result<Assessment> {
  const bytes = new TextEncoder().encode(password);
  const json = engine((bound) => bound.assess_password(bytes, options.userName ?? "", options.language ?? "en"));
  bytes.fill(0);
  return answer(json);
}
