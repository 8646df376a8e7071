/**
 * A client of the service: every operation as a typed method over `fetch`. Data keys, which need encryption, are added in
 * `client.ts`.
 */
import type { AccessMethods, AccessTypes } from "./access.js";
import { address, entries, headerText, headersIn, invalid, members, number, optional, reading, text } from "./arguments.js";
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
      headers?: () => Record<string, string> | Promise<Record<string, string>>;
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

/** What engines send as the value of a header. */
const HEADER_VALUE = /^[\t -~\x80-\xff]*$/;
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
    const read = (each: Request<"ListSecrets">) => this.listSecrets(each, options);
    for await (const page of pages(request, read, ({ page_info }) => page_info?.next_marker)) {
      yield* itemsOf(page, "secrets");
    }
  }
  /** All versions of a secret, page by page. */
  async *versions(
    request: Request<"ListSecretVersions">,
    options?: CallOptions,
  ): AsyncGenerator<t.VersionMetadata, void> {
    const read = (each: Request<"ListSecretVersions">) => this.listSecretVersions(each, options);
    for await (const page of pages(request, read, ({ page_info }) => page_info?.next_marker)) {
      yield* itemsOf(page, "version_metadatas");
    }
  }
  /** All rotation tasks, page by page. */
  async *tasks(request?: Request<"ListSecretTask">, options?: CallOptions): AsyncGenerator<t.Task, void> {
    const read = (each: Request<"ListSecretTask">) => this.listSecretTask(each, options);
    for await (const page of pages(request, read, ({ next_marker }) => next_marker)) yield* itemsOf(page, "tasks");
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
        let timer: ReturnType<typeof setTimeout> | undefined;
        const pause = () => new Promise((resolve) => (timer = setTimeout(resolve, wait)));
        await unlessAborted(pause, signal).finally(() => clearTimeout(timer));
      }
    }
  }

  /** The provider's credentials, asked for once until they are refused. */
  async #provide(provider: () => ProvidedCredentials | Promise<ProvidedCredentials>): Promise<ProvidedCredentials> {
    const asked = (this.#provided ??= Promise.resolve().then(provider));
    try {
      const value = await asked;
      const [token] = members(value, "credentials", "token");
      return token === undefined ? accessKeyOf(value, "credentials") : { token: headerText(token, "token") };
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
    // What the program brings may take long, or never end.
    const proof = async () => {
      const used = "provider" in credentials ? await this.#provide(credentials.provider) : credentials;
      const cookies: RequestCredentials = "session" in used ? used.session : "omit";
      return { headers: await headersOf(used, { method, url, headers: plain, ...content }), credentials: cookies };
    };
    const proven = await unlessAborted(proof, signal);
    // Signed as the service sees it, behind the proxy.
    url.pathname = base + url.pathname;
    // A redirect would be followed without a valid signature.
    const request: RequestInit = { method, ...proven, ...content, redirect: "manual" };
    // Cloudflare Workers keep nothing of such a response, and older ones refuse to be told.
    const unkept = typeof Request === "function" && "cache" in Request.prototype ? ({ cache: "no-store" } as const) : {};
    refuseAborted(signal);
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
      // A `fetch` that stands in for the engine's may not hear of the signal.
      const exchange = async () => {
        const response = await send(url.href, { ...request, ...unkept, signal: limit.signal });
        return [response, isResponse(response) && !isRedirect(response) ? await response.text() : ""] as const;
      };
      [response, found] = await unlessAborted(exchange, limit.signal);
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
    if (!isResponse(response) || typeof found !== "string") throw invalid("fetch", "a function that returns a Response");
    if (isRedirect(response)) throw redirected(response, url);
    return read(response, found, method);
  }
}

type Used = Exclude<Credentials, { provider: unknown }>;

/** The headers of a request, those that prove who sends it among them. */
async function headersOf(
  credentials: Used,
  request: { method: string; url: URL; headers: Record<string, string>; body?: string },
): Promise<Record<string, string>> {
  if ("session" in credentials) {
    const own = await credentials.headers?.();
    const checked = own === undefined ? [] : headersIn(own);
    const wrong = checked.find(([, line]) => !HEADER_VALUE.test(line));
    if (wrong !== undefined) throw invalid(wrong[0], "a text that a header can hold");
    return { ...request.headers, ...Object.fromEntries(checked) };
  }
  if ("token" in credentials) return { ...request.headers, "x-auth-token": await tokenOf(credentials.token) };
  return signRequest(request, credentials);
}

function settingsOf(options: ClientOptions): Settings {
  const [own, project, base, credentials] = members(options, "options", "fetch", "projectId", "endpoint", "credentials");
  const [retries, backoff, timeout] = optional(options, "retries", "backoffMilliseconds", "timeoutMilliseconds");
  if (own !== undefined && typeof own !== "function") throw invalid("fetch", "a function");
  const projectId = headerText(project, "projectId");
  if (isDots(projectId)) throw invalid("projectId", "the identifier of a project");
  const endpoint = address(base, "endpoint");
  // No engine sends to such an address.
  if (endpoint.username !== "" || endpoint.password !== "") throw invalid("endpoint", "an address without a user and password");
  return {
    endpoint,
    projectId,
    credentials: credentialsOf(credentials),
    retries: number(retries, "retries", 3, { most: 100, whole: true }),
    backoff: number(backoff, "backoffMilliseconds", 200, { most: DAY }),
    timeout: number(timeout, "timeoutMilliseconds", 30_000, { least: 1, most: DAY }),
    // Looked up at each call, so that it may be replaced; and engines call theirs on no other object.
    fetch: (own as typeof fetch | undefined) ?? ((...call) => fetch(...call)),
  };
}

function credentialsOf(value: unknown): Credentials {
  const [provider, session, headers, token] = members(value, "credentials", "provider", "session", "headers", "token");
  if (provider !== undefined) {
    if (typeof provider !== "function") throw invalid("provider", "a function");
    return { provider: provider as () => ProvidedCredentials };
  }
  if (session !== undefined) {
    if (session !== "same-origin" && session !== "include") throw invalid("session", "same-origin or include");
    if (headers !== undefined && typeof headers !== "function") throw invalid("headers", "a function");
    return headers === undefined ? { session } : { session, headers: headers as () => Record<string, string> };
  }
  if (token === undefined) return accessKeyOf(value, "credentials");
  if (typeof token === "function") return { token: token as () => string };
  return { token: headerText(token, "token") };
}

async function tokenOf(token: string | (() => string | Promise<string>)): Promise<string> {
  return typeof token === "string" ? token : headerText(await token(), "token");
}

function signalOf(options: CallOptions | undefined): AbortSignal | undefined {
  const [signal] = optional(options, "signal");
  if (signal === undefined) return undefined;
  // By what it can do, since test environments have classes of their own.
  const [aborted, ...listeners] = members(signal, "signal", "aborted", "addEventListener", "removeEventListener");
  const isSignal = typeof aborted === "boolean" && listeners.every((one) => typeof one === "function");
  if (!isSignal) throw invalid("signal", "an AbortSignal");
  return signal as AbortSignal;
}

/** Whether an address would drop it as a step in a path. */
const isDots = (segment: string) => segment === "." || segment === "..";

/** Whether JSON has the item as it is, rather than leaving it out, or writing `null` for it. */
function isInJson(item: unknown, among: unknown): boolean {
  if (typeof item === "number") return Number.isFinite(item);
  return typeof item !== "function" && typeof item !== "symbol" && !(item === undefined && Array.isArray(among));
}

/** A request as JSON. What JSON would leave out or turn into something else, as it does with a `Date`, is refused. */
function jsonOf(value: unknown): string {
  function exactly(this: Record<string, unknown>, name: string, item: unknown) {
    if (item !== this[name] || !isInJson(item, this)) throw invalid(name, "a value that JSON has");
    return item;
  }
  return reading("request", () => JSON.stringify(value, exactly));
}

/** The own members of a request; none for `undefined`. */
function ownOf(request: unknown): Record<string, unknown> {
  return request === undefined ? {} : Object.fromEntries(entries(request, "request"));
}

function exchangeOf(route: Route, request: unknown, projectId: string): Exchange {
  const { method, path, query, alwaysBody } = route;
  const rest = ownOf(request);
  const isTaken = new Set<string>();
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
    isTaken.add(name);
    const value = name === "project_id" ? projectId : text(rest[name], name);
    if (value === "" || isDots(value)) throw invalid(name, "a name");
    return encodeURIComponent(value);
  });
  const given = Object.entries(rest).filter(([name, value]) => !isTaken.has(name) && value !== undefined);
  const hasBody = method !== "GET" && method !== "DELETE";
  const asked = given.filter(([name]) => !hasBody || query?.includes(name)).map(([name, value]) => [name, plainOf(value, name)]);
  return {
    method,
    path: filled,
    ...(asked.length > 0 && { query: new URLSearchParams(asked) }),
    ...(hasBody && (given.length > 0 || alwaysBody) && { body: jsonOf(Object.fromEntries(given)) }),
  };
}

/** The value of a query parameter as text. */
function plainOf(value: unknown, name: string): string {
  return Number.isFinite(value) || typeof value === "boolean" ? String(value) : text(value, name);
}

/** The pages of a list, one after the other. A marker that comes again would never end, and ends it. */
async function* pages<R extends t.PageRequest, P>(
  request: R | undefined,
  read: (request: R) => Promise<P>,
  markerOf: (page: P) => string | null | undefined,
): AsyncGenerator<P, void> {
  let next = ownOf(request) as R;
  for (const seen = new Set([next.marker, undefined, null, ""]); ; ) {
    const page = await read(next);
    yield page;
    const marker = markerOf(page);
    if (seen.has(marker)) return;
    seen.add(marker);
    next = { ...next, marker };
  }
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

function refuseAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw aborted(signal);
}

/** What `work` gives, unless the signal ends first. */
async function unlessAborted<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work();
  refuseAborted(signal);
  let end: () => void = () => undefined;
  const ended = new Promise<never>((_, reject) => (end = () => reject(aborted(signal))));
  signal.addEventListener("abort", end);
  try {
    return await Promise.race([work(), ended]);
  } finally {
    signal.removeEventListener("abort", end);
  }
}

/** Whether it is a response, of whatever class; a `fetch` that stands in for the engine's may return anything. */
function isResponse(value: unknown): value is globalThis.Response {
  const { status, headers, text: read } = (value ?? {}) as Partial<globalThis.Response>;
  return typeof status === "number" && typeof headers?.get === "function" && typeof read === "function";
}

/** Browsers show of a redirect only that it is one. */
const isRedirect = ({ type, status }: globalThis.Response) => type === "opaqueredirect" || (status >= 300 && status < 400);

function redirected({ status, headers }: globalThis.Response, from: URL): CsmsError {
  const target = targetOf(headers.get("location"), from);
  const where = target === undefined ? "elsewhere" : `to ${target}`;
  const how = status === 0 ? "" : ` (status ${status})`;
  const message = `the service redirects ${where}${how}; use that address as the endpoint`;
  return new CsmsError("client/redirect", message, status === 0 ? {} : { status });
}

/** The target of a redirect without its query, which may hold something that is secret. */
function targetOf(location: string | null, from: URL): string | undefined {
  try {
    const { protocol, origin, pathname } = new URL(location ?? "", from);
    return location === null || !/^https?:$/.test(protocol) ? undefined : `${origin}${pathname}`;
  } catch {
    return undefined;
  }
}

/** The three forms of dates in HTTP (RFC 9110, 5.6.7); the last one is in UTC without saying so. */
const DATE = /^(?:\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT|\w{6,9}, \d\d-\w{3}-\d\d [\d:]{8} GMT|(\w{3} \w{3} [ \d]\d [\d:]{8} \d{4}))$/;

/** How long the service asks to wait: seconds, or a date (RFC 9110, 10.2.3). Other text asks nothing. */
function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  if (/^\d+$/.test(header)) return Math.min(Number(header) * 1000, Number.MAX_SAFE_INTEGER);
  const found = DATE.exec(header);
  const wait = found === null ? Number.NaN : Date.parse(found[1] === undefined ? header : `${header} GMT`) - Date.now();
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
function read({ status, headers }: globalThis.Response, found: string, method: string): unknown {
  const facts: CsmsErrorFacts = {
    status,
    requestId: headers.get("x-request-id") ?? undefined,
    retryAfterMilliseconds: retryAfter(headers.get("retry-after")),
  };
  const body = found === "" ? undefined : parse(found);
  if (status >= 200 && status < 300) {
    // What is asked for has a body; what is done need not have one.
    const isEmpty = found === "" && method !== "GET";
    if (!isEmpty && (typeof body !== "object" || body === null || Array.isArray(body))) {
      throw new CsmsError("client/unexpected-answer", "the service answered no JSON object", facts);
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
