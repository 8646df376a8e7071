// Who is signed in. Keys, passwords and tokens are in the memory of the page only; a reload forgets them. A call that the
// service refuses because the sign-in no longer counts waits for a new one.

import { CsmsClient, CsmsError, init, type ProvidedCredentials, signRequest } from "csms";
import { createContext, use } from "react";

import { isText, listIn, membersIn, unexpectedAnswer } from "./answer";
import { renewed } from "./renewal";
import { watchedFetch } from "./warnings";

/** Another endpoint of the service than the operations of the client. */
export type Ask = <T>(method: string, path: string, body?: unknown) => Promise<T>;

export interface Project {
  id: string;
  name: string;
}

/** What somebody types to sign in. */
export type SignIn =
  | { way: "key"; accessKey: string; secretKey: string; securityToken?: string }
  | { way: "password"; domain: string; user: string; password: string };

/** The person as the service knows it. A new sign-in replaces the credentials, for every client at once. */
export interface Identity {
  way: SignIn["way"];
  /** The access key or the user's name. */
  name: string;
  /** Identifier of the user, where signing in has said it. */
  userId?: string;
  credentials: ProvidedCredentials;
}

export interface Session {
  identity: Identity;
  client: CsmsClient;
  ask: Ask;
  project: Project;
  projects: Project[];
  /** The same person in another project. */
  enter: (project: Project) => Session;
}

export const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  const session = use(SessionContext);
  if (!session) throw new Error("outside of a session");
  return session;
}

/** Leaves the page's API answers unread by caches, and sends nothing but what is signed. */
async function exchange(path: string, request: RequestInit): Promise<{ answer: Response; body: unknown }> {
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(path, { ...request, credentials: "omit", cache: "no-store", redirect: "manual" });
    // The connection may end within the body.
    text = await answer.text();
  } catch (cause) {
    throw new CsmsError("client/network", "the service could not be reached", { retryable: true, cause });
  }
  if (answer.type === "opaqueredirect") throw new CsmsError("client/redirect", "the service redirects elsewhere");
  const body = parsed(text);
  if (answer.ok && body !== NOT_JSON) return { answer, body };
  const facts = { status: answer.status, requestId: answer.headers.get("x-request-id") ?? undefined };
  if (body === NOT_JSON) {
    // A proxy before the service says something of its own.
    throw new CsmsError("client/network", `the service could not be reached (${answer.status})`, {
      ...facts,
      retryable: true,
    });
  }
  const { error, ...rest } = membersIn(body);
  const said = membersIn(error ?? rest);
  const code = String(said.error_code ?? "");
  throw new CsmsError("client/unknown-code", String(said.error_msg ?? said.message ?? answer.statusText), {
    ...facts,
    ...(code && { serviceCode: code }),
  });
}

const NOT_JSON = Symbol("not JSON");

function parsed(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return NOT_JSON;
  }
}

/** Whether the service no longer accepts the sign-in. */
const isSignedOut = (error: unknown) => error instanceof CsmsError && error.status === 401;

/** Does something with the credentials of the moment, again after each new sign-in that it takes. */
async function signedIn<T>(identity: Identity, act: (credentials: ProvidedCredentials) => Promise<T>): Promise<T> {
  for (;;) {
    const { credentials } = identity;
    try {
      return await act(credentials);
    } catch (error) {
      if (!isSignedOut(error)) throw error;
      // Another call may have led to a new sign-in meanwhile.
      if (identity.credentials === credentials && !(await renewed())) throw error;
    }
  }
}

/** A client whose calls outlive the sign-in. */
class LastingClient extends CsmsClient {
  readonly #identity: Identity;
  readonly #projectId: string;
  #clients = new WeakMap<ProvidedCredentials, CsmsClient>();

  constructor(identity: Identity, projectId: string) {
    super({ endpoint: location.origin, projectId, credentials: identity.credentials, fetch: watchedFetch });
    this.#identity = identity;
    this.#projectId = projectId;
  }

  #with(credentials: ProvidedCredentials): CsmsClient {
    let client = this.#clients.get(credentials);
    if (!client) {
      const endpoint = location.origin;
      client = new CsmsClient({ endpoint, projectId: this.#projectId, credentials, fetch: watchedFetch });
      this.#clients.set(credentials, client);
    }
    return client;
  }

  override call: CsmsClient["call"] = (operation, request, options) =>
    signedIn(this.#identity, (credentials) => this.#with(credentials).call(operation, request, options));
}

async function askWith<T>(
  credentials: ProvidedCredentials,
  projectId: string | undefined,
  method: string,
  path: string,
  body?: unknown,
): Promise<T> {
  const url = new URL(path, location.origin);
  const text = body === undefined ? undefined : JSON.stringify(body);
  const plain = { "content-type": "application/json", ...(projectId && { "x-project-id": projectId }) };
  let headers: Record<string, string>;
  if ("token" in credentials) {
    headers = { ...plain, "x-auth-token": credentials.token };
  } else {
    headers = signRequest({ method, url, headers: plain, ...(text !== undefined && { body: text }) }, credentials);
  }
  return (await exchange(url.href, { method, headers, ...(text !== undefined && { body: text }) })).body as T;
}

async function byPassword(typed: SignIn & { way: "password" }): Promise<Identity> {
  const domain = typed.domain ? { domain: { name: typed.domain } } : {};
  const user = { name: typed.user, password: typed.password, ...domain };
  const body = { auth: { identity: { methods: ["password"], password: { user } } } };
  const request = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const { answer, body: said } = await exchange("/v3/auth/tokens", request);
  const token = answer.headers.get("x-subject-token");
  if (!token) throw unexpectedAnswer("the service answered no token");
  const userId = membersIn(membersIn(membersIn(said).token).user).id;
  return { way: "password", name: typed.user, credentials: { token }, ...(isText(userId) && { userId }) };
}

function byKey({ accessKey, secretKey, securityToken }: SignIn & { way: "key" }): Identity {
  return {
    way: "key",
    name: accessKey,
    credentials: { accessKey, secretKey, ...(securityToken && { securityToken }) },
  };
}

function session(identity: Identity, projects: Project[], project: Project): Session {
  return {
    identity,
    projects,
    project,
    client: new LastingClient(identity, project.id),
    ask: (method, path, body) =>
      signedIn(identity, (credentials) => askWith(credentials, project.id, method, path, body)),
    enter: (next) => session(identity, projects, next),
  };
}

function isProject(item: unknown): item is Project {
  const { id, name } = membersIn(item);
  return isText(id) && isText(name);
}

/** Proves the credentials by asking for the projects they reach. */
export async function signIn(typed: SignIn): Promise<Session> {
  await init();
  const identity = typed.way === "key" ? byKey(typed) : await byPassword(typed);
  const answer = await askWith<unknown>(identity.credentials, undefined, "GET", "/v3/projects");
  const projects = listIn(answer, "projects", isProject);
  const [first] = projects;
  if (!first) throw new CsmsError("CSMS.0302", "no project", { status: 403 });
  return session(identity, projects, first);
}

/**
 * Lets a session go on with a new sign-in.
 *
 * @returns whether the new sign-in reaches the session's project
 */
export function goOnAs({ identity, project }: Session, next: Session): boolean {
  if (!next.projects.some(({ id }) => id === project.id)) return false;
  const { userId, ...rest } = next.identity;
  delete identity.userId;
  Object.assign(identity, rest, userId && { userId });
  return true;
}
