/**
 * Rotation periods, rotation configurations and function URNs: parsed and printed.
 */
import { engine } from "./engine.js";
import type { Language, RotationMode } from "./types.js";
import { type Result, answer } from "./validation.js";

/** A rotation period. */
export interface RotationPeriod {
  /** As it was given, such as `24h`. */
  text: string;
  /** The shortest text that means the same, such as `1d`. */
  canonical: string;
  /** Its length. */
  milliseconds: number;
  /** In words, such as `1 day 12 hours`. */
  humanised: string;
}

/** A parsed `rotation_config`. */
export interface RotationConfig {
  /** Identifier of the database instance. */
  instance_id: string;
  /** One account or two. */
  mode: RotationMode;
  /** Its canonical text. */
  text: string;
}

/** A parsed FunctionGraph URN. */
export interface FunctionUrn {
  region: string;
  project_id: string;
  package: string;
  function: string;
  /** Version or `!alias`; `latest` where the text names none. */
  version: string;
  /** Its text. */
  text: string;
  /** Its text with the version spelled out. */
  qualified: string;
}

interface LanguageOption {
  /** Language of messages; English by default. */
  language?: Language;
}

/**
 * Reads a rotation period: an integer and `d`, `h`, `m` or `s`.
 *
 * @param options `minSeconds`: the server's least period, 14,400 by default
 */
export function parseRotationPeriod(
  text: string,
  options: LanguageOption & { minSeconds?: number } = {},
): Result<RotationPeriod> {
  return answer(engine((bound) => bound.parse_period(text, options.minSeconds ?? 14_400, options.language ?? "en")));
}

/**
 * When the next automatic rotations are due, if each succeeds at once.
 *
 * @param options `since`: when automatic rotation was switched on, by default now; `lastSuccess`: the last successful
 *   rotation; `count`: how many times to return, 1 by default, at most 1,000
 * @returns milliseconds since 1970
 */
export function nextRotations(
  period: string,
  options: LanguageOption & { since?: number; lastSuccess?: number; count?: number } = {},
): Result<number[]> {
  const { since = Date.now(), lastSuccess = -1, count = 1, language = "en" } = options;
  return answer(engine((bound) => bound.next_rotations(period, lastSuccess, since, count, language)));
}

/** Reads a `rotation_config`, the documentation's single quotes and older names included. */
export function parseRotationConfig(text: string, options: LanguageOption = {}): Result<RotationConfig> {
  return answer(engine((bound) => bound.parse_rotation_config(text, options.language ?? "en")));
}

/** Prints a `rotation_config`. */
export function formatRotationConfig(
  config: Pick<RotationConfig, "instance_id" | "mode">,
  options: LanguageOption = {},
): Result<string> {
  return answer(
    engine((bound) => bound.format_rotation_config(config.instance_id, config.mode, options.language ?? "en")),
  );
}

/** Reads a function URN in its full form. */
export function parseFunctionUrn(text: string, options: LanguageOption = {}): Result<FunctionUrn> {
  return answer(engine((bound) => bound.parse_function_urn(text, options.language ?? "en")));
}

/** Prints a function URN; without `version` it names the latest one. */
export function formatFunctionUrn(
  urn: Pick<FunctionUrn, "region" | "project_id" | "package" | "function"> & { version?: string },
  options: LanguageOption = {},
): Result<string> {
  const { region, project_id, function: name, version = "" } = urn;
  return answer(
    engine((bound) =>
      bound.format_function_urn(region, project_id, urn.package, name, version, options.language ?? "en"),
    ),
  );
}
