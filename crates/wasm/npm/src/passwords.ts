/**
 * Passwords: drawn, and judged.
 */
import { flag, languageOf, number, optional, text } from "./arguments.js";
import * as bound from "./bindings.js";
import { engine, guarded } from "./engine.js";
import type { Assessment, Weakness } from "./results.js";
import type { Language } from "./types.js";
import type { Result } from "./validation.js";

export type { Assessment, Weakness };

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

/** Draws a password; every one that the options allow is equally likely. */
export function generatePassword(options?: PasswordOptions & { language?: Language }): Result<string> {
  const bits = (...names: (keyof PasswordOptions)[]) =>
    optional(options, ...names).reduce<number>((set, value, index) => {
      return flag(value, names[index] ?? "") ? set | (1 << index) : set;
    }, 0);
  const excluded = bits("exclude_lowercase", "exclude_uppercase", "exclude_numbers", "exclude_punctuation");
  const included = bits("include_space", "require_each_included_type");
  const [length, unwanted, words] = optional(options, "length", "exclude_characters", "language");
  const count = number(length, "length", 32, { most: 0xffff_ffff, whole: true });
  const characters = unwanted === undefined ? "" : text(unwanted, "exclude_characters");
  const language = languageOf(words);
  return guarded(() => bound.generate_password(count, characters, excluded, included, language));
}

/**
 * Draws a password that an engine accepts: 32 characters of all four classes, with specials that MySQL, MariaDB,
 * TaurusDB, PostgreSQL and GaussDB take without quoting.
 */
export function generateDatabasePassword(): string {
  const drawn: Result<string> = guarded(() => bound.generate_database_password());
  // The policy is fixed and has no problems.
  return drawn.ok ? drawn.value : "";
}

/** Judges a password that a person chose, for an account of this name. */
export function assessPassword(
  password: string,
  options?: { userName?: string; language?: Language },
): Result<Assessment> {
  const [userName, words] = optional(options, "userName", "language");
  const user = userName === undefined ? "" : text(userName, "userName");
  const language = languageOf(words);
  const bytes = new TextEncoder().encode(text(password, "password"));
  try {
    return engine(() => bound.assess_password(bytes, user, language));
  } finally {
    bytes.fill(0);
  }
}
