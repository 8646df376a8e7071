// Who is signed in. Keys, passwords and tokens are in the memory of the page only; a reload forgets them.

import { type Credentials, CsmsClient, CsmsError, init, signRequest } from "csms";
import { createContext, use } from "react";

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

export interface Session {
  /** Whom to greet. */
  name: string;
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
  try {
    answer = await fetch(path, { ...request, credentials: "omit", cache: "no-store", redirect: "error" });
  } catch (cause) {
    throw new CsmsError("client/network", "the service could not be reached", { retryable: true, cause });
  }
  const text = await answer.text();
  const body: unknown = text === "" ? undefined : JSON.parse(text);
  if (!answer.ok) {
    const told =
      (body as { error?: Record<string, unknown> } | undefined)?.error ?? (body as Record<string, unknown>) ?? {};
    const code = String(told.error_code ?? "");
    throw new CsmsError("client/unknown-code", String(told.error_msg ?? told.message ?? answer.statusText), {
      status: answer.status,
      requestId: answer.headers.get("x-request-id") ?? undefined,
      ...(code && { serviceCode: code }),
    });
  }
  return { answer, body };
}

function asking(credentials: Credentials, projectId?: string): Ask {
  return async <T,>(method: string, path: string, body?: unknown) => {
    const url = new URL(path, location.origin);
    const text = body === undefined ? undefined : JSON.stringify(body);
    const plain = { "content-type": "application/json", ...(projectId && { "x-project-id": projectId }) };
    let headers: Record<string, string>;
    if ("token" in credentials) {
      const token = typeof credentials.token === "string" ? credentials.token : await credentials.token();
      headers = { ...plain, "x-auth-token": token };
    } else {
      headers = signRequest({ method, url, headers: plain, ...(text !== undefined && { body: text }) }, credentials);
    }
    return (await exchange(url.href, { method, headers, ...(text !== undefined && { body: text }) })).body as T;
  };
}

async function byPassword(typed: SignIn & { way: "password" }): Promise<Credentials> {
  const domain = typed.domain ? { domain: { name: typed.domain } } : {};
  const user = { name: typed.user, password: typed.password, ...domain };
  const body = { auth: { identity: { methods: ["password"], password: { user } } } };
  const request = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const token = (await exchange("/v3/auth/tokens", request)).answer.headers.get("x-subject-token");
  if (!token) throw new CsmsError("client/unexpected-answer", "the service answered no token");
  return { token };
}

function session(name: string, credentials: Credentials, projects: Project[], project: Project): Session {
  return {
    name,
    projects,
    project,
    client: new CsmsClient({ endpoint: location.origin, projectId: project.id, credentials }),
    ask: asking(credentials, project.id),
    enter: (next) => session(name, credentials, projects, next),
  };
}

/** Proves the credentials by asking for the projects they reach. */
export async function signIn(typed: SignIn): Promise<Session> {
  await init();
  const credentials: Credentials = typed.way === "key" ? keyOf(typed) : await byPassword(typed);
  const { projects } = await asking(credentials)<{ projects: Project[] }>("GET", "/v3/projects");
  const [first] = projects;
  if (!first) throw new CsmsError("CSMS.0302", "no project", { status: 403 });
  return session(typed.way === "key" ? typed.accessKey : typed.user, credentials, projects, first);
}

function keyOf({ accessKey, secretKey, securityToken }: SignIn & { way: "key" }): Credentials {
  return { accessKey, secretKey, ...(securityToken && { securityToken }) };
}
