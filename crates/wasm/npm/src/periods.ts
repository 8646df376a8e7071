/**
 * Rotation periods, rotation configurations and function URNs: parsed and printed.
 */
import { languageIn, languageOf, members, number, optional, text, time } from "./arguments.js";
import * as bound from "./bindings.js";
import { engine } from "./engine.js";
import type { FunctionUrn, RotationConfig, RotationPeriod } from "./results.js";
import type { Language } from "./types.js";
import type { Result } from "./validation.js";

export type { FunctionUrn, RotationConfig, RotationPeriod };

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
  period: string,
  options?: LanguageOption & { minSeconds?: number },
): Result<RotationPeriod> {
  const given = text(period, "period");
  const [minSeconds, words] = optional(options, "minSeconds", "language");
  const least = number(minSeconds, "minSeconds", 14_400, { whole: true });
  const language = languageOf(words);
  return engine(() => bound.parse_period(given, least, language));
}

/**
 * When the next automatic rotations are due, if each succeeds at once.
 *
 * @param options `since`: when automatic rotation was switched on, by default now; `lastSuccess`: the last successful
 *   rotation; `count`: how many times to return, 0 to 1,000, 1 by default
 * @returns milliseconds since 1970
 */
export function nextRotations(
  period: string,
  options?: LanguageOption & { since?: number; lastSuccess?: number; count?: number },
): Result<number[]> {
  const given = text(period, "period");
  const [since, lastSuccess, count, words] = optional(options, "since", "lastSuccess", "count", "language");
  const begin = time(since, "since");
  const last = lastSuccess === undefined ? -1 : time(lastSuccess, "lastSuccess");
  const times = number(count, "count", 1, { most: 1000, whole: true });
  const language = languageOf(words);
  return engine(() => bound.next_rotations(given, last, begin, times, language));
}

/** Reads a `rotation_config`, the documentation's single quotes and older names included. */
export function parseRotationConfig(config: string, options?: LanguageOption): Result<RotationConfig> {
  const [given, language] = [text(config, "config"), languageIn(options)];
  return engine(() => bound.parse_rotation_config(given, language));
}

/** Prints a `rotation_config`. */
export function formatRotationConfig(
  config: Pick<RotationConfig, "instance_id" | "mode">,
  options?: LanguageOption,
): Result<string> {
  const [instance_id, mode] = members(config, "config", "instance_id", "mode");
  const [instance, accounts] = [text(instance_id, "instance_id"), text(mode, "mode")];
  const language = languageIn(options);
  return engine(() => bound.format_rotation_config(instance, accounts, language));
}

/** Reads a function URN in its full form. */
export function parseFunctionUrn(urn: string, options?: LanguageOption): Result<FunctionUrn> {
  const [given, language] = [text(urn, "urn"), languageIn(options)];
  return engine(() => bound.parse_function_urn(given, language));
}

/** Prints a function URN; without `version` it names the latest one. */
export function formatFunctionUrn(
  urn: Pick<FunctionUrn, "region" | "project_id" | "package" | "function"> & { version?: string },
  options?: LanguageOption,
): Result<string> {
  const parts = ["region", "project_id", "package", "function"];
  const [version, ...given] = members(urn, "urn", "version", ...parts);
  const [region, project, group, name] = parts.map((part, index) => text(given[index], part)) as [string, string, string, string];
  const wanted = version === undefined ? "" : text(version, "version");
  const language = languageIn(options);
  return engine(() => bound.format_function_urn(region, project, group, name, wanted, language));
}
