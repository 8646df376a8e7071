/**
 * Requests checked by the very rules that the server enforces. A request of any kind has a result, unless its JSON has
 * more than 4 Mi characters. The arguments beside it can be invalid.
 */
import { invalid, languageIn, languageOf, number, optional, text, time } from "./arguments.js";
import * as bound from "./bindings.js";
import type { Rule } from "./catalogue.js";
import { engine } from "./engine.js";
import type { OperationTypes } from "./operations.js";
import type { Problem, Refusal } from "./results.js";
import type {
  Language,
  ScheduleDeletionRequest,
  SecretRequest,
  SecretType,
  SecretValue,
  StageRequest,
  UpdateSecretRequest,
  UpdateSecretStageRequest,
  UpdateVersionRequest,
} from "./types.js";

export type { Problem, Refusal };

/** A value, or everything that is wrong. */
export type Result<T> =
  | { ok: true; value: T }
  | {
      ok: false;
      /** What is wrong with the input; empty when the state of things is the reason. */
      problems: Problem[];
      /** Why the state of things does not allow it. */
      refusal?: Refusal;
    };

/** What rules depend on besides the request. */
export interface ValidationOptions {
  /** The present, for times that must lie in the future; by default the clock's. */
  now?: number;
  /** Least rotation period of the server, in seconds; by default 14,400 (4 hours). */
  minRotationPeriodSeconds?: number;
  /** Most bytes of a value, as ShowSecretsConfig says in `max_value_bytes`: 32,768 (the default) or 65,536. */
  maxValueBytes?: number;
  /** Language of messages; English by default. */
  language?: Language;
}

/** The operations whose requests can be validated: all but the listing ones. */
export type ValidatedOperation = Exclude<keyof OperationTypes, `List${string}`>;

/** A normalised CreateSecret request: defaults filled in. */
export type NormalCreateSecret = SecretValue & {
  name: string;
  kms_key_id?: string;
  description: string;
  secret_type: SecretType;
  auto_rotation: boolean;
  rotation_period?: string;
  rotation_config?: string;
  rotation_func_urn?: string;
  event_subscriptions: string[];
  enterprise_project_id: string;
};

/** A normalised CreateSecretVersion request; without stages, `version_stages` is empty. */
export type NormalCreateSecretVersion = SecretRequest &
  SecretValue & { version_stages: string[]; expire_time?: number };

/** What validation returns for each operation. */
export type NormalRequest<O extends ValidatedOperation> = O extends "CreateSecret"
  ? NormalCreateSecret
  : O extends "CreateSecretVersion"
    ? NormalCreateSecretVersion
    : OperationTypes[O]["request"];

const DEFAULT_MIN_SECONDS = 14_400;
const DEFAULT_MAX_BYTES = 32_768;

/** The longest JSON that is passed to WebAssembly, in UTF-16 units: many times what a request may hold, read in a moment. */
const LONGEST = 4 << 20;

/** What JSON would leave out or turn into `null`, which then counts as not given, becomes what no rule accepts. */
function exactly(_: string, value: unknown): unknown {
  const isLost = typeof value === "number" ? !Number.isFinite(value) : typeof value === "function" || typeof value === "symbol";
  return isLost ? [[]] : value;
}

/** A value as JSON; what has no JSON (cycles, `bigint`) becomes `null`, which is not a request. */
export function toJson(value: unknown, field: string): string {
  let json;
  try {
    json = JSON.stringify(value, exactly) ?? "null";
  } catch {
    return "null";
  }
  if (json.length > LONGEST) throw invalid(field, `at most ${LONGEST} characters of JSON`);
  return json;
}

/** The problems that the module tells in one text: five members each, see `crates/wasm/src/answer.rs`. */
function problemsOf(told: string): Problem[] {
  const members = told.split("\x1f");
  // What is made so is the array's and the objects' own, whatever prototypes have been given.
  return Array.from({ length: members.length / 5 }, (_, index) => {
    const at = 5 * index;
    const path = members[at] as string;
    const rule = members[at + 1] as Rule;
    const message = members[at + 2] as string;
    const limit = members[at + 3];
    return limit ? { path, rule, message, limit: Number(limit), got: Number(members[at + 4]) } : { path, rule, message };
  });
}

/**
 * Checks the request of an operation: path parameters and members of the body in one object.
 *
 * @returns the normalised request, which a {@link CsmsClient} takes as it is, or the list of problems
 */
export function validate<O extends ValidatedOperation>(
  operation: O,
  request: unknown,
  options?: ValidationOptions,
): Result<NormalRequest<O>> {
  const name = text(operation, "operation");
  const [present, minSeconds, maxBytes, words] = optional(
    options,
    "now",
    "minRotationPeriodSeconds",
    "maxValueBytes",
    "language",
  );
  const now = time(present, "now");
  const least = number(minSeconds, "minRotationPeriodSeconds", DEFAULT_MIN_SECONDS, { whole: true });
  const most = number(maxBytes, "maxValueBytes", DEFAULT_MAX_BYTES, { whole: true });
  const language = languageOf(words);
  const json = toJson(request, "request");
  const found: string | Result<NormalRequest<O>> = engine(() =>
    bound.validate(name, json, now, least, most, language),
  );
  if (typeof found !== "string") return found;
  return found.startsWith("{")
    ? { ok: true, value: JSON.parse(found) as NormalRequest<O> }
    : { ok: false, problems: problemsOf(found) };
}

/** Checks a CreateSecret request. */
export const validateCreateSecret = (request: unknown, options?: ValidationOptions): Result<NormalCreateSecret> =>
  validate("CreateSecret", request, options);

/** Checks an UpdateSecret request. */
export const validateUpdateSecret = (request: unknown, options?: ValidationOptions): Result<UpdateSecretRequest> =>
  validate("UpdateSecret", request, options);

/** Checks a DeleteSecretForSchedule request. */
export const validateScheduleDeletion = (
  request: unknown,
  options?: ValidationOptions,
): Result<ScheduleDeletionRequest> => validate("DeleteSecretForSchedule", request, options);

/** Checks a CreateSecretVersion request. */
export const validateCreateSecretVersion = (
  request: unknown,
  options?: ValidationOptions,
): Result<NormalCreateSecretVersion> => validate("CreateSecretVersion", request, options);

/** Checks an UpdateVersion request. */
export const validateUpdateVersion = (request: unknown, options?: ValidationOptions): Result<UpdateVersionRequest> =>
  validate("UpdateVersion", request, options);

/** Checks an UpdateSecretStage request. */
export const validateUpdateSecretStage = (
  request: unknown,
  options?: ValidationOptions,
): Result<UpdateSecretStageRequest> => validate("UpdateSecretStage", request, options);

/** Checks a DeleteSecretStage request. */
export const validateDeleteSecretStage = (request: unknown, options?: ValidationOptions): Result<StageRequest> =>
  validate("DeleteSecretStage", request, options);

/** Checks a RotateSecret request. */
export const validateRotateSecret = (request: unknown, options?: ValidationOptions): Result<SecretRequest> =>
  validate("RotateSecret", request, options);

/** The fields that {@link checkText} knows. */
export type TextField =
  | "secret_name"
  | "stage_name"
  | "event_name"
  | "version_id"
  | "kms_key_id"
  | "secret_string"
  | "secret_binary";

/** Checks one text by the rule of its field, for forms that show problems while one types. */
export function checkText(field: TextField, value: string, options?: { language?: Language }): Result<string> {
  const [name, given] = [text(field, "field"), text(value, "text")];
  const language = languageIn(options);
  return engine(() => bound.check_text(name, given, language));
}
