/**
 * A client of the service: every operation as a typed method over `fetch`. Data keys, which need encryption, are added in
 * `client.ts`.
 */
import type { AccessMethods, AccessTypes } from "./access.js";
import { address, invalid, members, number, optional, text } from "./arguments.js";
import {
  ACCESS_OPERATIONS,
  type AccessOperationName,
  ERROR_CATALOGUE,
  type ErrorCode,
  KEY_OPERATIONS,
  type KeyOperationName,
  OPERATIONS,
  type OperationName,
} from "./catalogue.js";
import { CsmsError, type CsmsErrorFacts } from "./error.js";
import type { CallOptions, KeyMethods, OperationMethods, OperationTypes } from "./operations.js";
import { type AccessKey, accessKeyOf, signRequest } from "./signing.js";
import type * as t from "./types.js";

/** Credentials that a provider returns: an access key, usually a temporary one with its security token, or a token. */
export type ProvidedCredentials = AccessKey | { token: string };

/** How the client proves who it is: an access key that signs, a token, a provider of either, or a session of a backend. */
export type Credentials =
  | AccessKey
  | {
      /** An IAM token, or a function that gets one. */
      token: string | (() => string | Promise<string>);
    }
  | {
      /**
       * Asked for credentials before the first call, and again after the service refused them with 401: the call is then
       * repeated once. Calls at the same time share one question.
       */
      provider: () => ProvidedCredentials | Promise<ProvidedCredentials>;
    }
  | {
      /**
       * The backend at the endpoint knows the caller by its cookies and signs itself, so that the page holds no key.
       * `same-origin` sends cookies to the page's own origin alone, `include` to any.
       */
      session: "same-origin" | "include";
      /** Headers for each call, such as the token against forged requests that the backend expects. */
      headers?: () => Record<string, string>;
    };

/** Settings of a {@link CsmsClient}. For each, `undefined` means the default. */
export interface ClientOptions {
  /**
   * Base address of the service, such as `https://kms.cn-north-4.myhuaweicloud.com`. A path in it, such as
   * `https://console.example.com/api/csms`, is that of a proxy, which removes it: requests are signed without it.
   */
  endpoint: string | URL;
  /** The project whose secrets are meant. */
  projectId: string;
  credentials: Credentials;
  /**
   * How often a call that may be repeated is repeated after 429, 500, 502, 503, 504 or a broken connection; 3 by default,
   * at most 100.
   */
  retries?: number | undefined;
  /**
   * The wait before the first repetition, in milliseconds; it doubles each time and varies at random. 200 by default. The
   * client waits longer where the service says so (`Retry-After`), up to 20 seconds.
   */
  backoffMilliseconds?: number | undefined;
  /** The most time one attempt may take, in milliseconds; 30,000 by default, at most a day. */
  timeoutMilliseconds?: number | undefined;
  /** Used in place of the engine's own `fetch`. */
  fetch?: typeof fetch | undefined;
}

const RETRIED = new Set([429, 500, 502, 503, 504]);
const LONGEST_WAIT = 20_000;
const DAY = 86_400_000;

type Name = OperationName | AccessOperationName | KeyOperationName;
type Types = OperationTypes &
  AccessTypes & {
    [O in KeyOperationName]: {
      request: NonNullable<Parameters<KeyMethods[Uncapitalize<O>]>[0]>;
      response: Awaited<ReturnType<KeyMethods[Uncapitalize<O>]>>;
    };
  };
type Request<O extends Name> = Types[O]["request"];
type Response<O extends Name> = Types[O]["response"];

/** Where an operation is. */
interface Route {
  method: string;
  path: string;
  query?: readonly string[];
  /** Whether there is a body even for a request without members. */
  alwaysBody?: boolean;
}

interface Exchange {
  method: string;
  path: string;
  query?: URLSearchParams;
  body?: string;
}

/** Options, checked and complete. */
interface Settings {
  endpoint: URL;
  projectId: string;
  credentials: Credentials;
  retries: number;
  backoff: number;
  timeout: number;
  fetch: typeof fetch;
}

function routeOf(name: string): Route {
  const has = (table: object) => Object.hasOwn(table, name);
  if (has(OPERATIONS)) return OPERATIONS[name as OperationName];
  if (has(ACCESS_OPERATIONS)) return ACCESS_OPERATIONS[name as AccessOperationName];
  if (!has(KEY_OPERATIONS)) throw invalid("operation", "the name of an operation");
  const path = `/v1.0/{project_id}/kms/${KEY_OPERATIONS[name as KeyOperationName]}`;
  return { method: "POST", path, alwaysBody: true };
}

/** The methods of all operations, by their names in the official definitions with a small first letter. */
function operations(): new () => OperationMethods & KeyMethods & AccessMethods {
  class Operations {}
  for (const name of [OPERATIONS, ACCESS_OPERATIONS, KEY_OPERATIONS].flatMap(Object.keys) as Name[]) {
    Object.defineProperty(Operations.prototype, name.replace(/^./, (first) => first.toLowerCase()), {
      value(this: ServiceClient, request?: Request<Name>, options?: CallOptions) {
        return this.call(name, request, options);
      },
      configurable: true,
      writable: true,
    });
  }
  return Operations as new () => OperationMethods & KeyMethods & AccessMethods;
}

// Bundlers leave it out where the client is not used.
const Operations = /* @__PURE__ */ operations();

/** A client of one project: a method for each operation. Holds no connection and needs no closing. */
export class ServiceClient extends Operations {
  readonly #settings: Settings;
  /** What the provider returned, until the service refuses it. */
  #provided: Promise<ProvidedCredentials> | undefined;

  /** @throws CsmsError `input/invalid` for an option that cannot be used */
  constructor(options: ClientOptions) {
    super();
    this.#settings = settingsOf(options);
  }

  /** All secrets, page by page. */
  async *secrets(request?: Request<"ListSecrets">, options?: CallOptions): AsyncGenerator<t.Secret, void> {
    const given = optional(request, "request") as Request<"ListSecrets">;
    for (let marker = given.marker; ; ) {
      const page = await this.listSecrets(withMarker(given, marker), options);
      yield* itemsOf(page, "secrets");
      if ((marker = next(page.page_info?.next_marker, marker)) === undefined) return;
    }
  }
  /** All versions of a secret, page by page. */
  async *versions(
    request: Request<"ListSecretVersions">,
    options?: CallOptions,
  ): AsyncGenerator<t.VersionMetadata, void> {
    const given = members(request, "request") as Request<"ListSecretVersions">;
    for (let marker = given.marker; ; ) {
      const page = await this.listSecretVersions(withMarker(given, marker), options);
      yield* itemsOf(page, "version_metadatas");
      if ((marker = next(page.page_info?.next_marker, marker)) === undefined) return;
    }
  }
  /** All rotation tasks, page by page. */
  async *tasks(request?: Request<"ListSecretTask">, options?: CallOptions): AsyncGenerator<t.Task, void> {
    const given = optional(request, "request") as Request<"ListSecretTask">;
    for (let marker = given.marker; ; ) {
      const page = await this.listSecretTask(withMarker(given, marker), options);
      yield* itemsOf(page, "tasks");
      if ((marker = next(page.next_marker, marker)) === undefined) return;
    }
  }

  /** Calls an operation by its name. */
  async call<O extends Name>(operation: O, request?: Request<O>, options?: CallOptions): Promise<Response<O>> {
    const exchange = exchangeOf(routeOf(text(operation, "operation")), request, this.#settings.projectId);
    return (await this.#repeat(exchange, signalOf(options))) as Response<O>;
  }

  /** Posts to the key service. */
  protected postToKeys(name: string, request: object, options?: CallOptions): Promise<unknown> {
    const path = `/v1.0/${encodeURIComponent(this.#settings.projectId)}/kms/${name}`;
    return this.#repeat({ method: "POST", path, body: jsonOf(request) }, signalOf(options));
  }

  async #repeat(exchange: Exchange, signal: AbortSignal | undefined): Promise<unknown> {
    const { retries, backoff } = this.#settings;
    for (let attempt = 0, isRenewed = false; ; attempt += 1) {
      const provided = this.#provided;
      try {
        return await this.#attempt(exchange, signal);
      } catch (error) {
        // Nothing was done, so that a call of any kind may be sent again with new credentials.
        if (error instanceof CsmsError && error.status === 401 && this.#provided !== undefined && !isRenewed) {
          if (this.#provided === (provided ?? this.#provided)) this.#provided = undefined;
          isRenewed = true;
          attempt -= 1;
          continue;
        }
        const isTransient =
          error instanceof CsmsError &&
          (error.status === undefined ? error.retryable : RETRIED.has(error.status)) &&
          exchange.method !== "POST";
        if (!isTransient || attempt >= retries) throw error;
        const longest = Math.min(backoff * 2 ** attempt, LONGEST_WAIT);
        const wait = Math.max(longest / 2 + (Math.random() * longest) / 2, error.retryAfterMilliseconds ?? 0);
        // Who calls knows better what to do with a service that is away for longer.
        if (wait > LONGEST_WAIT) throw error;
        await pause(wait, signal);
      }
    }
  }

  /** The provider's credentials, asked for once until they are refused. */
  async #provide(provider: () => ProvidedCredentials | Promise<ProvidedCredentials>): Promise<ProvidedCredentials> {
    const asked = (this.#provided ??= Promise.resolve().then(provider));
    try {
      const value = members((await asked) as { token?: unknown }, "credentials");
      return value.token === undefined ? accessKeyOf(value, "credentials") : { token: text(value.token, "token") };
    } catch (error) {
      if (this.#provided === asked) this.#provided = undefined;
      throw error;
    }
  }

  async #attempt({ method, path, query, body }: Exchange, signal: AbortSignal | undefined): Promise<unknown> {
    const { endpoint, credentials, timeout, projectId, fetch: send } = this.#settings;
    const base = endpoint.pathname.replace(/\/+$/, "");
    const url = new URL(path, endpoint);
    // The scheme signs spaces as %20, and URLs may be sent so.
    url.search = (query?.toString() ?? "").replaceAll("+", "%20");
    const content = body === undefined ? {} : { body };
    const plain = { "content-type": "application/json", "x-project-id": projectId };
    const used = "provider" in credentials ? await this.#provide(credentials.provider) : credentials;
    const headers = await headersOf(used, { method, url, headers: plain, ...content });
    // Signed as the service sees it, behind the proxy.
    url.pathname = base + url.pathname;
    const cookies = "session" in used ? used.session : "omit";
    // A redirect would be followed without a valid signature.
    const request: RequestInit = { method, headers, ...content, redirect: "manual", credentials: cookies };
    // Cloudflare Workers keep nothing of such a response, and older ones refuse to be told.
    if (typeof Request === "function" && "cache" in Request.prototype) request.cache = "no-store";
    if (signal?.aborted === true) throw aborted(signal);
    const limit = new AbortController();
    let ended = "" as "" | "by its signal" | "by the limit";
    const end = () => {
      ended = "by its signal";
      limit.abort();
    };
    signal?.addEventListener("abort", end, { once: true });
    const timer = setTimeout(() => {
      ended = "by the limit";
      limit.abort();
    }, timeout);
    let response, found;
    try {
      response = await send(url.href, { ...request, signal: limit.signal });
      found = isRedirect(response) ? "" : await response.text();
    } catch (cause) {
      if (ended === "by the limit") {
        throw new CsmsError("client/timeout", `no response within ${timeout} ms`, { retryable: true, cause });
      }
      if (ended === "by its signal") throw aborted(signal as AbortSignal);
      throw new CsmsError("client/network", "the service could not be reached", { retryable: true, cause });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
    }
    if (isRedirect(response)) throw redirected(response, url);
    return read(response, found);
  }
}

type Used = Exclude<Credentials, { provider: unknown }>;

/** The headers of a request, those that prove who sends it among them. */
async function headersOf(
  credentials: Used,
  request: { method: string; url: URL; headers: Record<string, string>; body?: string },
): Promise<Record<string, string>> {
  if ("session" in credentials) return { ...request.headers, ...credentials.headers?.() };
  if ("token" in credentials) return { ...request.headers, "x-auth-token": await tokenOf(credentials.token) };
  return signRequest(request, credentials);
}

function settingsOf(options: ClientOptions): Settings {
  const given = members(options, "options");
  const { fetch: own } = given;
  if (own !== undefined && typeof own !== "function") throw invalid("fetch", "a function");
  const projectId = text(given.projectId, "projectId");
  if (projectId === "" || isDots(projectId)) throw invalid("projectId", "the identifier of a project");
  return {
    endpoint: address(given.endpoint, "endpoint"),
    projectId,
    credentials: credentialsOf(given.credentials),
    retries: number(given.retries, "retries", 3, { most: 100, whole: true }),
    backoff: number(given.backoffMilliseconds, "backoffMilliseconds", 200, { most: DAY }),
    timeout: number(given.timeoutMilliseconds, "timeoutMilliseconds", 30_000, { least: 1, most: DAY }),
    // Looked up at each call, so that it may be replaced; and engines call theirs on no other object.
    fetch: (own as typeof fetch | undefined) ?? ((...call) => fetch(...call)),
  };
}

function credentialsOf(value: unknown): Credentials {
  const given = members(value as { token?: unknown; provider?: unknown; session?: unknown; headers?: unknown }, "credentials");
  if (given.provider !== undefined) {
    if (typeof given.provider !== "function") throw invalid("provider", "a function");
    return { provider: given.provider as () => ProvidedCredentials };
  }
  if (given.session !== undefined) {
    const { session, headers } = given;
    if (session !== "same-origin" && session !== "include") throw invalid("session", "same-origin or include");
    if (headers !== undefined && typeof headers !== "function") throw invalid("headers", "a function");
    return headers === undefined ? { session } : { session, headers: headers as () => Record<string, string> };
  }
  if (given.token === undefined) return accessKeyOf(value, "credentials");
  if (typeof given.token === "function") return { token: given.token as () => string };
  return { token: text(given.token, "token") };
}

async function tokenOf(token: string | (() => string | Promise<string>)): Promise<string> {
  return typeof token === "string" ? token : text(await token(), "token");
}

function signalOf(options: CallOptions | undefined): AbortSignal | undefined {
  const { signal } = optional(options);
  if (signal === undefined) return undefined;
  // By what it can do, since test environments have classes of their own.
  const { aborted, addEventListener } = members(signal as AbortSignal, "signal");
  if (typeof aborted !== "boolean" || typeof addEventListener !== "function") throw invalid("signal", "an AbortSignal");
  return signal as AbortSignal;
}

/** Whether an address would drop it as a step in a path. */
const isDots = (segment: string) => segment === "." || segment === "..";

function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (cause) {
    throw invalid("request", "an object that has a form in JSON", cause);
  }
}

function exchangeOf(route: Route, request: unknown, projectId: string): Exchange {
  const { method, path, query, alwaysBody } = route;
  const rest: Record<string, unknown> = { ...optional(request as object | undefined, "request") };
  const isTaken = new Set<string>();
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
    isTaken.add(name);
    const value = name === "project_id" ? projectId : text(rest[name], name);
    if (value === "" || isDots(value)) throw invalid(name, "a name");
    return encodeURIComponent(value);
  });
  const given = Object.entries(rest).filter(([name, value]) => !isTaken.has(name) && value !== undefined);
  const exchange: Exchange = { method, path: filled };
  const hasBody = method !== "GET" && method !== "DELETE";
  const asked = given.filter(([name]) => !hasBody || query?.includes(name));
  if (asked.length > 0) exchange.query = new URLSearchParams(asked.map(([name, value]) => [name, plainOf(value, name)]));
  if (hasBody && (given.length > 0 || alwaysBody)) exchange.body = jsonOf(Object.fromEntries(given));
  return exchange;
}

/** The value of a query parameter as text. */
function plainOf(value: unknown, name: string): string {
  return Number.isFinite(value) || typeof value === "boolean" ? String(value) : text(value, name);
}

function withMarker<R extends t.PageRequest>(request: R, marker: string | undefined): R {
  return marker === undefined ? request : { ...request, marker };
}

/** The marker of the next page. One that repeats would never end. */
function next(marker: string | undefined | null, former: string | undefined): string | undefined {
  return marker === former || marker === "" ? undefined : (marker ?? undefined);
}

/** The items of a page. */
function itemsOf<P extends object, F extends keyof P>(page: P | undefined, field: F): P[F] {
  const items = page?.[field];
  if (!Array.isArray(items)) throw new CsmsError("client/unexpected-answer", `the service answered no ${String(field)}`);
  return items as P[F];
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

/** Browsers show of a redirect only that it is one. */
const isRedirect = ({ type, status }: globalThis.Response) => type === "opaqueredirect" || (status >= 300 && status < 400);

function redirected({ status, headers }: globalThis.Response, from: URL): CsmsError {
  const target = targetOf(headers.get("location"), from);
  const where = target === undefined ? "elsewhere" : `to ${target}`;
  const how = status === 0 ? "" : ` (status ${status})`;
  const message = `the service redirects ${where}${how}; use the address it redirects to as the endpoint`;
  return new CsmsError("client/redirect", message, status === 0 ? {} : { status });
}

/** The target of a redirect without its query, which may hold something that is secret. */
function targetOf(location: string | null, from: URL): string | undefined {
  try {
    const { origin, pathname } = new URL(location ?? "", from);
    return location === null ? undefined : `${origin}${pathname}`;
  } catch {
    return undefined;
  }
}

/** How long the service asks to wait: seconds, or a date (RFC 9110, 10.2.3). */
function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  const wait = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What a response holds, or the error it reports. */
function read({ status, headers }: globalThis.Response, found: string): unknown {
  const facts: CsmsErrorFacts = {
    status,
    requestId: headers.get("x-request-id") ?? undefined,
    retryAfterMilliseconds: retryAfter(headers.get("retry-after")),
  };
  const body = found === "" ? undefined : parse(found);
  if (status >= 200 && status < 300) {
    if (found !== "" && body === undefined) {
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
