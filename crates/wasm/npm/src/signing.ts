/**
 * Request signatures of the scheme `SDK-HMAC-SHA256`, in the browser and in Node.
 */
import { TOKEN, address, bytes, headerText, headersIn, invalid, members, optional, text, time } from "./arguments.js";
import * as bound from "./bindings.js";
import { engine } from "./engine.js";

/** An access key. */
export interface AccessKey {
  /** AK */
  accessKey: string;
  /** SK */
  secretKey: string;
  /** For temporary access keys. */
  securityToken?: string;
}

/** A request to sign. */
export interface RequestToSign {
  method: string;
  url: string | URL;
  /** Headers to sign besides `host`, `x-sdk-date` and `x-security-token`, which are added. */
  headers?: Record<string, string>;
  body?: string | Uint8Array;
}

/** An access key whose parts are texts that are not empty; all but the secret key are sent in headers. */
export function accessKeyOf(value: unknown, field: string): AccessKey {
  const [access, secret, token] = members(value, field, "accessKey", "secretKey", "securityToken");
  const accessKey = headerText(access, "accessKey");
  const secretKey = text(secret, "secretKey");
  if (secretKey === "") throw invalid("secretKey", "a text that is not empty");
  return { accessKey, secretKey, ...(token !== undefined && { securityToken: headerText(token, "securityToken") }) };
}

/**
 * Signs a request.
 *
 * `host` is signed as the engine will send it, and not returned: browsers set it themselves.
 *
 * @param options `date`: the signing time; by default the clock's. The service accepts 15 minutes of difference.
 * @returns the headers to send, in lower case
 */
export function signRequest(
  request: RequestToSign,
  key: AccessKey,
  options?: { date?: Date | number },
): Record<string, string> {
  const [verb, target, others, body] = members(request, "request", "method", "url", "headers", "body");
  const url = address(target, "url");
  const method = text(verb, "method");
  if (!TOKEN.test(method)) throw invalid("method", "a method of HTTP");
  const headers = new Map(others === undefined ? [] : headersIn(others));
  headers.delete("authorization");
  const encoder = new TextEncoder();
  const content =
    body === undefined
      ? new Uint8Array()
      : typeof body === "string"
        ? encoder.encode(text(body, "body"))
        : bytes(body, "body");
  const { accessKey, secretKey, securityToken } = accessKeyOf(key, "key");
  const millis = time(optional(options, "date")[0], "date");
  const date = engine(() => bound.format_date(millis));
  headers.set("x-sdk-date", date);
  if (securityToken !== undefined) headers.set("x-security-token", securityToken);
  const signed = new Map(headers).set("host", headers.get("host") ?? url.host);
  headers.delete("host");
  // The scheme sorts by code unit, as `sort` does; it leaves out names with an underscore.
  const names = [...signed.keys()].filter((name) => !name.includes("_")).sort();
  const lines = names.flatMap((name) => [name, signed.get(name)]).join("\n");
  const secret = encoder.encode(secretKey);
  const upper = method.toUpperCase();
  const [path, query] = [url.pathname, url.search.slice(1)];
  try {
    const authorization = engine(() => bound.sign_request(accessKey, secret, upper, path, query, date, lines, content));
    return Object.fromEntries(headers.set("authorization", authorization));
  } finally {
    secret.fill(0);
  }
}
