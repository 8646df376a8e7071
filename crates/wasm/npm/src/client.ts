/**
 * A client of the service: every operation as a typed method over `fetch`.
 */
import type { AccessMethods, AccessTypes } from "./access.js";
import {
  ACCESS_OPERATIONS,
  type AccessOperationName,
  ERROR_CATALOGUE,
  type ErrorCode,
  KEY_OPERATIONS,
  OPERATIONS,
  type OperationName,
} from "./catalogue.js";
import { CsmsError } from "./error.js";
import { JweKey } from "./jwe.js";
import type { CallOptions, KeyMethods, OperationMethods, OperationTypes } from "./operations.js";
import { type AccessKey, signRequest } from "./signing.js";
import type * as t from "./types.js";

/** How the client proves who it is: an access key that signs, or a token. */
export type Credentials =
  | AccessKey
  | {
      /** An IAM token, or a function that gets one. */
      token: string | (() => string | Promise<string>);
    };

/** Settings of a {@link CsmsClient}. */
export interface ClientOptions {
  /** Base address of the service, such as `https://kms.cn-north-4.myhuaweicloud.com`. */
  endpoint: string | URL;
  /** The project whose secrets are meant. */
  projectId: string;
  credentials: Credentials;
  /** How often a call that may be repeated is repeated after 429, 500, 502, 504 or a broken connection; 3 by default. */
  retries?: number;
  /** The wait before the first repetition, in milliseconds; it doubles each time and varies at random. 200 by default. */
  backoffMilliseconds?: number;
  /** The most time one attempt may take, in milliseconds; 30,000 by default. */
  timeoutMilliseconds?: number;
  /** Used in place of the engine's own `fetch`. */
  fetch?: typeof fetch;
}

/** A data key of the key service: the key, and the form in which it may be stored. */
export interface DataKey {
  /** The key that wraps it. */
  keyId: string;
  /** The wrapped data key, in hexadecimal. */
  cipherText: string;
  /** The data key, ready to seal and open (`dir`). Free it when done. */
  key: JweKey;
}

const RETRIED = new Set([429, 500, 502, 504]);
const LONGEST_WAIT = 20_000;

const TABLE = { ...OPERATIONS, ...ACCESS_OPERATIONS };

type Name = OperationName | AccessOperationName;
type Types = OperationTypes & AccessTypes;
type Request<O extends Name> = Types[O]["request"];
type Response<O extends Name> = Types[O]["response"];

interface Exchange {
  method: string;
  path: string;
  query?: URLSearchParams;
  body?: string;
}

// The methods of all operations; the class gets them from the tables.
export interface CsmsClient extends OperationMethods, KeyMethods, AccessMethods {}

/** A client of one project: a method for each operation. Holds no connection and needs no closing. */
export class CsmsClient {
  static {
    const add = (name: string, run: (client: CsmsClient, request: object, options?: CallOptions) => unknown) =>
      Object.defineProperty(this.prototype, name.replace(/^./, (first) => first.toLowerCase()), {
        value(this: CsmsClient, request = {}, options?: CallOptions) {
          return run(this, request, options);
        },
        configurable: true,
        writable: true,
      });
    for (const name of Object.keys(TABLE) as Name[]) {
      add(name, (client, request, options) => client.call(name, request, options));
    }
    for (const [name, path] of Object.entries(KEY_OPERATIONS)) {
      add(name, (client, request, options) => client.#kms(path, request, options));
    }
  }

  readonly #options: Required<Omit<ClientOptions, "fetch">>;
  readonly #fetch: typeof fetch;

  constructor(options: ClientOptions) {
    this.#options = { retries: 3, backoffMilliseconds: 200, timeoutMilliseconds: 30_000, ...options };
    this.#fetch = options.fetch ?? ((...call) => fetch(...call));
  }

  /** All secrets, page by page. */
  async *secrets(request: Request<"ListSecrets"> = {}, options?: CallOptions): AsyncGenerator<t.Secret, void> {
    for (let marker = request.marker; ; ) {
      const page = await this.listSecrets(withMarker(request, marker), options);
      yield* page.secrets;
      if ((marker = next(page.page_info.next_marker, marker)) === undefined) return;
    }
  }
  /** All versions of a secret, page by page. */
  async *versions(
    request: Request<"ListSecretVersions">,
    options?: CallOptions,
  ): AsyncGenerator<t.VersionMetadata, void> {
    for (let marker = request.marker; ; ) {
      const page = await this.listSecretVersions(withMarker(request, marker), options);
      yield* page.version_metadatas;
      if ((marker = next(page.page_info.next_marker, marker)) === undefined) return;
    }
  }
  /** All rotation tasks, page by page. */
  async *tasks(request: Request<"ListSecretTask"> = {}, options?: CallOptions): AsyncGenerator<t.Task, void> {
    for (let marker = request.marker; ; ) {
      const page = await this.listSecretTask(withMarker(request, marker), options);
      yield* page.tasks;
      if ((marker = next(page.next_marker, marker)) === undefined) return;
    }
  }

  /** Has the key service make a data key (create-datakey). Store `cipherText` beside what `key` seals. */
  async createDataKey(
    request: { keyId: string; additionalAuthenticatedData?: string },
    options?: CallOptions,
  ): Promise<DataKey> {
    const body = { ...keyIn(request), key_spec: "AES_256" };
    const answer = (await this.#kms("create-datakey", body, options)) as {
      key_id: string;
      plain_text: string;
      cipher_text: string;
    };
    return { keyId: answer.key_id, cipherText: answer.cipher_text, key: keyOf(answer.plain_text) };
  }
  /** Has the key service unwrap a data key (decrypt-datakey). */
  async openDataKey(
    request: { keyId: string; cipherText: string; additionalAuthenticatedData?: string },
    options?: CallOptions,
  ): Promise<DataKey> {
    const { keyId, cipherText } = request;
    const body = { ...keyIn(request), cipher_text: cipherText, datakey_cipher_length: "64" };
    const answer = (await this.#kms("decrypt-datakey", body, options)) as { data_key: string };
    return { keyId, cipherText, key: keyOf(answer.data_key) };
  }

  /** Calls an operation by its name. */
  async call<O extends Name>(operation: O, request: Request<O>, options: CallOptions = {}): Promise<Response<O>> {
    const { method, path, query }: { method: string; path: string; query?: readonly string[] } = TABLE[operation];
    const rest: Record<string, unknown> = { ...request };
    const isTaken = new Set<string>();
    const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
      const value = name === "project_id" ? this.#options.projectId : rest[name];
      isTaken.add(name);
      return encodeURIComponent(String(value ?? ""));
    });
    const members = Object.entries(rest).filter(([name, value]) => !isTaken.has(name) && value !== undefined);
    const exchange: Exchange = { method, path: filled };
    const hasBody = method !== "GET" && method !== "DELETE";
    const asked = members.filter(([name]) => !hasBody || query?.includes(name));
    if (asked.length > 0) exchange.query = new URLSearchParams(asked.map(([name, value]) => [name, String(value)]));
    if (hasBody && members.length > 0) {
      exchange.body = JSON.stringify(Object.fromEntries(members));
    }
    return (await this.#repeat(exchange, options)) as Response<O>;
  }

  #kms(name: string, request: object, options: CallOptions = {}): Promise<unknown> {
    const path = `/v1.0/${encodeURIComponent(this.#options.projectId)}/kms/${name}`;
    return this.#repeat({ method: "POST", path, body: JSON.stringify(request) }, options);
  }

  async #repeat(exchange: Exchange, { signal }: CallOptions): Promise<unknown> {
    const { retries, backoffMilliseconds } = this.#options;
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.#attempt(exchange, signal);
      } catch (error) {
        const isTransient =
          error instanceof CsmsError &&
          (error.status === undefined ? error.retryable : RETRIED.has(error.status)) &&
          exchange.method !== "POST";
        if (!isTransient || attempt >= retries) throw error;
        const longest = Math.min(backoffMilliseconds * 2 ** attempt, LONGEST_WAIT);
        await pause(longest / 2 + (Math.random() * longest) / 2, signal);
      }
    }
  }

  async #attempt({ method, path, query, body }: Exchange, signal: AbortSignal | undefined): Promise<unknown> {
    const { endpoint, credentials, timeoutMilliseconds, projectId } = this.#options;
    const url = new URL(path, endpoint);
    // The scheme signs spaces as %20, and URLs may be sent so.
    url.search = (query?.toString() ?? "").replaceAll("+", "%20");
    const plain = { "content-type": "application/json", "x-project-id": projectId };
    let headers: Record<string, string>;
    if ("token" in credentials) {
      const { token } = credentials;
      headers = { ...plain, "x-auth-token": typeof token === "string" ? token : await token() };
    } else {
      headers = signRequest({ method, url, headers: plain, ...(body === undefined ? {} : { body }) }, credentials);
    }
    const limit = AbortSignal.timeout(timeoutMilliseconds);
    try {
      const answer = await this.#fetch(url, {
        method,
        headers,
        ...(body === undefined ? {} : { body }),
        // A redirect would be followed without a valid signature.
        redirect: "error",
        cache: "no-store",
        credentials: "omit",
        signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
      });
      return read(answer.status, answer.headers.get("x-request-id"), await answer.text());
    } catch (cause) {
      if (cause instanceof CsmsError) throw cause;
      if (signal?.aborted === true) throw aborted(signal);
      if (limit.aborted) {
        throw new CsmsError("client/timeout", `no answer within ${timeoutMilliseconds} ms`, { retryable: true, cause });
      }
      throw new CsmsError("client/network", "the service could not be reached", { retryable: true, cause });
    }
  }
}

function withMarker<R extends t.PageRequest>(request: R, marker: string | undefined): R {
  return marker === undefined ? request : { ...request, marker };
}

/** The marker of the next page. One that repeats would never end. */
function next(marker: string | undefined | null, former: string | undefined): string | undefined {
  return marker === former || marker === "" ? undefined : (marker ?? undefined);
}

function aborted(signal: AbortSignal): CsmsError {
  return new CsmsError("client/aborted", "the call was ended by its signal", { cause: signal.reason });
}

function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      reject(aborted(signal as AbortSignal));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", end);
      resolve();
    }, milliseconds);
    if (signal?.aborted === true) end();
    else signal?.addEventListener("abort", end, { once: true });
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What an answer holds, or the error it tells of. */
function read(status: number, requestId: string | null, text: string): unknown {
  const facts = { status, ...(requestId === null ? {} : { requestId }) };
  const body = text === "" ? undefined : parse(text);
  if (status >= 200 && status < 300) {
    if (text !== "" && body === undefined) {
      throw new CsmsError("client/unexpected-answer", "the service answered something that is not JSON", facts);
    }
    return body;
  }
  const outer = (body ?? {}) as { error?: object };
  const told = { ...outer, ...outer.error } as { error_code?: unknown; error_msg?: unknown };
  if (typeof told.error_code !== "string") {
    const message = `the service answered ${status} without an error code`;
    throw new CsmsError("client/unexpected-answer", message, { ...facts, retryable: RETRIED.has(status) });
  }
  const message = typeof told.error_msg === "string" ? told.error_msg : `the service answered ${told.error_code}`;
  const known = Object.hasOwn(ERROR_CATALOGUE, told.error_code);
  const field = /^Invalid (?:parameter|request): ([a-z_]+(?:\[\d+\])?) /.exec(message)?.[1];
  throw new CsmsError(known ? (told.error_code as ErrorCode) : "client/unknown-code", message, {
    ...facts,
    field,
    serviceCode: told.error_code,
    retryable: known ? ERROR_CATALOGUE[told.error_code as ErrorCode].retryable : RETRIED.has(status),
  });
}

/** The members of a request that say which key, and what is authenticated. */
const keyIn = (request: { keyId: string; additionalAuthenticatedData?: string }) => ({
  key_id: request.keyId,
  additional_authenticated_data: request.additionalAuthenticatedData,
});

function keyOf(hex: unknown): JweKey {
  if (typeof hex !== "string" || !/^[0-9a-f]{64}$/i.test(hex)) {
    throw new CsmsError("client/unexpected-answer", "the key service answered no 256-bit data key");
  }
  const bytes = Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  try {
    return JweKey.dataKey(bytes);
  } finally {
    bytes.fill(0);
  }
}
