// Written by crates/wasm/tests/catalogue.rs from the Rust tables. Do not edit.
import type { ErrorCode, RefusalReason, Rule, WeaknessReason } from "./catalogue.js";
import type { RotationMode } from "./types.js";

/** One broken rule. */
export interface Problem {
  /** Path of the field, such as `version_stages[2]`; empty for the request as a whole. */
  path: string;
  /** The rule. */
  rule: Rule;
  /** A sentence in the language asked for. Never holds the value. */
  message: string;
  /** The rule's limit, where it has one. */
  limit?: number;
  /** What was measured: a length, a count, a number of seconds. */
  got?: number;
}

/** Why the state of things does not allow a well-formed request. */
export interface Refusal {
  /** The stable name of the refusal. */
  reason: RefusalReason;
  /** The code that the service would answer. */
  code: ErrorCode;
  /** A sentence in the language asked for. */
  message: string;
}

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
  /** The region. */
  region: string;
  /** The project. */
  project_id: string;
  /** The package, `default` for most functions. */
  package: string;
  /** The name of the function. */
  function: string;
  /** Version or `!alias`; `latest` where the text names none. */
  version: string;
  /** Its text. */
  text: string;
  /** Its text with the version spelled out. */
  qualified: string;
}

/** A version in a picture. */
export interface PicturedVersion {
  /** Its identifier, such as `v1`. */
  id: string;
  /** Whether no stage marks it, so that the service may remove it. */
  deprecated: boolean;
  /** The stages that mark it. */
  version_stages: string[];
}

/** One stage that will mark another version. */
export interface StageMove {
  /** The stage. */
  stage: string;
  /** The version it marks now; `null` when the stage is new. */
  from: string | null;
  /** The version it will mark; `null` when the stage goes. */
  to: string | null;
}

/** What a change will do. */
export interface Preview {
  /** The versions as they are, oldest first. */
  before: PicturedVersion[];
  /** The versions as they will be. */
  after: PicturedVersion[];
  /** The version that will be added. */
  added: string | null;
  /** The deprecated version that will be removed to make room. */
  removed: string | null;
  /** Every stage that will move. */
  moves: StageMove[];
}

/** What speaks against a password. */
export interface Weakness {
  /** The stable name of the weakness. */
  reason: WeaknessReason;
  /** A sentence in the language asked for. */
  message: string;
}

/** A judgement of a password. */
export interface Assessment {
  /** How strong it is. */
  strength: "weak" | "fair" | "strong";
  /** Estimated bits of a random password of this make. */
  bits: number;
  /** What speaks against it. */
  weaknesses: Weakness[];
}
