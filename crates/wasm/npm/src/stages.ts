/**
 * Versions and stages: what a change will do, computed by the rules that will decide it.
 */
import { languageIn, languageOf, members, optional, text, time } from "./arguments.js";
import * as bound from "./bindings.js";
import type { OperationName } from "./catalogue.js";
import { engine } from "./engine.js";
import type { PicturedVersion, Preview, StageMove } from "./results.js";
import type { Language, Secret, SecretState, VersionMetadata } from "./types.js";
import { type Result, toJson } from "./validation.js";

export type { PicturedVersion, Preview, StageMove };

/**
 * A secret as one knows it: what ShowSecret answered, with the versions that ListSecretVersions answered. Only
 * `versions` is needed; without the rest it is an enabled `COMMON` secret.
 */
export type KnownSecret = Partial<
  Pick<Secret, "state" | "secret_type" | "rotation_config" | "rotation_func_urn" | "kms_key_id">
> & {
  versions: readonly (Pick<VersionMetadata, "id"> & Partial<VersionMetadata>)[];
};

/** Options of previews. */
export interface PreviewOptions {
  /** The present; by default the clock's. */
  now?: number;
  /** Language of messages; English by default. */
  language?: Language;
}

function preview(
  operation: OperationName,
  secret: unknown,
  request: unknown,
  options?: PreviewOptions,
): Result<Preview> {
  const [present, words] = optional(options, "now", "language");
  const now = time(present, "now");
  const language = languageOf(words);
  const [known, change] = [toJson(secret, "secret"), toJson(request, "request")];
  return engine(() => bound.preview(operation, known, change, now, language));
}

/** What CreateSecretVersion will do. */
export function previewNewVersion(
  secret: KnownSecret,
  request?: { version_stages?: string[]; expire_time?: number },
  options?: PreviewOptions,
): Result<Preview> {
  const [version_stages, expire_time] =
    request === undefined ? [] : members(request, "request", "version_stages", "expire_time");
  return preview("CreateSecretVersion", secret, { version_stages, expire_time }, options);
}

/** What UpdateSecretStage will do. */
export function previewStageMove(
  secret: KnownSecret,
  request: { stage_name: string; version_id: string },
  options?: PreviewOptions,
): Result<Preview> {
  const [stage_name, version_id] = members(request, "request", "stage_name", "version_id");
  return preview("UpdateSecretStage", secret, { stage_name, version_id }, options);
}

/** What DeleteSecretStage will do. */
export function previewStageDeletion(
  secret: KnownSecret,
  request: { stage_name: string },
  options?: PreviewOptions,
): Result<Preview> {
  const [stage_name] = members(request, "request", "stage_name");
  return preview("DeleteSecretStage", secret, { stage_name }, options);
}

/** What RotateSecret will have done once it has succeeded. */
export function previewRotation(secret: KnownSecret, options?: PreviewOptions): Result<Preview> {
  return preview("RotateSecret", secret, {}, options);
}

/** The versions that no stage marks, so that the service may remove them, oldest first. */
export function deprecatedVersions(secret: KnownSecret, options?: { language?: Language }): Result<string[]> {
  const [known, language] = [toJson(secret, "secret"), languageIn(options)];
  return engine(() => bound.deprecated_versions(known, language));
}

/** Whether a secret in this state takes an operation; if not, `refusal` says why. */
export function permits(
  state: SecretState,
  operation: OperationName,
  options?: { language?: Language },
): Result<true> {
  const [now, name] = [text(state, "state"), text(operation, "operation")];
  const language = languageIn(options);
  return engine(() => bound.permits(now, name, language));
}
