/**
 * The one error that this package throws.
 */
import type { ErrorCode, JwkErrorName, OpenErrorName, SealErrorName } from "./catalogue.js";

/** What went wrong on this side, without an answer of the service. */
export type ClientCode =
  /** A function was called before `init()`. */
  | "client/not-initialised"
  /** The WebAssembly instance has failed and was replaced; keys that it held are lost. */
  | "client/crashed"
  /** A key was used after it had been freed. */
  | "client/freed"
  /** The caller's signal ended the call. */
  | "client/aborted"
  /** No answer in time. */
  | "client/timeout"
  /** No connection, or the browser kept the response from the page (CORS). */
  | "client/network"
  /** The service redirects; `message` names the status and, where the engine shows it, the target. */
  | "client/redirect"
  /** There is no WebAssembly module at its address: the HTTP status is not that of a success. */
  | "client/module-missing"
  /** The source of the module holds something other than this package's module, such as a page of HTML. */
  | "client/not-webassembly"
  /** The page's content security policy forbids WebAssembly; it must allow `'wasm-unsafe-eval'`. */
  | "client/content-policy"
  /** The service answered something that is not understood. */
  | "client/unexpected-answer"
  /** The service answered an error code that the catalogue does not have; `serviceCode` holds it. */
  | "client/unknown-code"
  /** The engine has no randomness or no WebCrypto where it is needed, or its WebCrypto failed; `cause` says how. */
  | "client/unsupported"
  /** The token opened, but its value is not text in UTF-8; `open` returns its bytes. */
  | "open/not-text"
  /** An argument is wrong; `field` names it. */
  | "input/invalid";

/** Every `code` that a {@link CsmsError} may have. */
export type CsmsErrorCode =
  | ErrorCode
  | ClientCode
  | `open/${OpenErrorName}`
  | `seal/${SealErrorName}`
  | `jwk/${JwkErrorName}`;

/** The facts of a {@link CsmsError}. */
export interface CsmsErrorFacts {
  field?: string | undefined;
  retryable?: boolean | undefined;
  status?: number | undefined;
  requestId?: string | undefined;
  serviceCode?: string | undefined;
  retryAfterMilliseconds?: number | undefined;
  cause?: unknown;
}

/** A failure. `message` is for people and never holds a secret value; programs decide by `code`. */
export class CsmsError extends Error {
  override readonly name = "CsmsError";
  /** What went wrong. */
  readonly code: CsmsErrorCode;
  /** The field or argument that is wrong, where one is. */
  readonly field: string | undefined;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  /** HTTP status of the answer, where there was one. */
  readonly status: number | undefined;
  /** The service's identifier of the request, for its operators. */
  readonly requestId: string | undefined;
  /** The code as the service sent it. */
  readonly serviceCode: string | undefined;
  /** How long the service asks to wait before the next attempt (`Retry-After`). */
  readonly retryAfterMilliseconds: number | undefined;

  constructor(code: CsmsErrorCode, message: string, facts: CsmsErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = code;
    this.field = facts.field;
    this.retryable = facts.retryable ?? false;
    this.status = facts.status;
    this.requestId = facts.requestId;
    this.serviceCode = facts.serviceCode;
    this.retryAfterMilliseconds = facts.retryAfterMilliseconds;
  }
}
