/**
 * Request signatures of the scheme `SDK-HMAC-SHA256`, in the browser and in Node.
 */
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
  options: { date?: Date | number } = {},
): Record<string, string> {
  const url = new URL(request.url);
  const millis = Number(options.date ?? Date.now());
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers ?? {})) {
    headers[name.toLowerCase()] = value.replace(/[\r\n]+/g, " ").trim();
  }
  delete headers["authorization"];
  return engine((bound) => {
    const date = bound.format_date(millis);
    headers["x-sdk-date"] = date;
    if (key.securityToken !== undefined) headers["x-security-token"] = key.securityToken;
    const signed = { ...headers, host: headers["host"] ?? url.host };
    // The scheme sorts by code unit, as `sort` does; it leaves out names with an underscore.
    const names = Object.keys(signed)
      .filter((name) => !name.includes("_"))
      .sort();
    const lines = names.flatMap((name) => [name, signed[name as keyof typeof signed]]).join("\n");
    const encoder = new TextEncoder();
    const body = typeof request.body === "string" ? encoder.encode(request.body) : (request.body ?? new Uint8Array());
    const secret = encoder.encode(key.secretKey);
    const authorization = bound.sign_request(
      key.accessKey,
      secret,
      request.method.toUpperCase(),
      url.pathname,
      url.search.slice(1),
      date,
      lines,
      body,
    );
    secret.fill(0);
    const { host: _, ...sent } = headers;
    return { ...sent, authorization };
  });
}
