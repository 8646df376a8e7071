/**
 * Request signatures of the scheme `SDK-HMAC-SHA256`, in the browser and in Node.
 */
import { address, bytes, invalid, members, optional, text, time } from "./arguments.js";
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

/** Characters of HTTP tokens: methods and names of headers (RFC 9110, 5.6.2). */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** An access key whose parts are texts that are not empty. */
export function accessKeyOf(value: unknown, field: string): AccessKey {
  const given = members(value as AccessKey, field);
  const part = (name: "accessKey" | "secretKey" | "securityToken") => {
    const found = text(given[name], name);
    if (found === "") throw invalid(name, "a text that is not empty");
    return found;
  };
  const key: AccessKey = { accessKey: part("accessKey"), secretKey: part("secretKey") };
  return given.securityToken === undefined ? key : { ...key, securityToken: part("securityToken") };
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
  const given = members(request, "request");
  const url = address(given.url, "url");
  const method = text(given.method, "method");
  if (!TOKEN.test(method)) throw invalid("method", "a method of HTTP");
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(optional(given.headers as RequestToSign["headers"], "headers"))) {
    if (!TOKEN.test(name)) throw invalid("headers", "an object of header names and values");
    headers[name.toLowerCase()] = text(value, name).replace(/[\r\n]+/g, " ").trim();
  }
  delete headers["authorization"];
  const encoder = new TextEncoder();
  const { body } = given;
  const content =
    body === undefined
      ? new Uint8Array()
      : typeof body === "string"
        ? encoder.encode(text(body, "body"))
        : bytes(body, "body");
  const { accessKey, secretKey, securityToken } = accessKeyOf(key, "key");
  const millis = time(optional(options).date, "date");
  const date = engine(() => bound.format_date(millis));
  headers["x-sdk-date"] = date;
  if (securityToken !== undefined) headers["x-security-token"] = securityToken;
  const signed: Record<string, string> = { ...headers, host: headers["host"] ?? url.host };
  // The scheme sorts by code unit, as `sort` does; it leaves out names with an underscore.
  const names = Object.keys(signed)
    .filter((name) => !name.includes("_"))
    .sort();
  const lines = names.flatMap((name) => [name, signed[name]]).join("\n");
  const secret = encoder.encode(secretKey);
  const verb = method.toUpperCase();
  const [path, query] = [url.pathname, url.search.slice(1)];
  try {
    const authorization = engine(() => bound.sign_request(accessKey, secret, verb, path, query, date, lines, content));
    const { host: _, ...sent } = headers;
    return { ...sent, authorization };
  } finally {
    secret.fill(0);
  }
}
