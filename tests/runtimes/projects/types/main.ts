// What a program does with results, compiled by every version of TypeScript that the package names.

import { CsmsClient, CsmsError, JweKey, validateCreateSecret } from "csms";
import { CsmsClient as SmallClient } from "csms/client";
import { type Bytes, JweKey as OnlyKey } from "csms/jwe";
import { parseRotationPeriod, type Result } from "csms/rules";
import { initSync } from "csms/slim";

export async function opened(key: JweKey, token: string): Promise<Blob> {
  const bytes: Bytes = await key.open(token, { name: "a", purpose: "b" });
  await crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt"]);
  const source: BufferSource = await key.openUnbound(token);
  initSync(source);
  return new Blob([bytes, await key.openText(token, { name: "a", purpose: "b" })]);
}

export function client(): CsmsClient {
  const retries: number | undefined = undefined;
  const options = { endpoint: "https://example.com", projectId: "p", credentials: { token: "t" }, retries };
  new SmallClient(options).showSecret({ secret_name: "a" });
  return new CsmsClient(options);
}

export const period: Result<{ canonical: string }> = parseRotationPeriod("1d");
export const isValid: boolean = validateCreateSecret({}).ok;
export const dispose: () => void = OnlyKey.dataKey(new Uint8Array(32))[Symbol.dispose];
export const isOurs = (error: unknown): boolean => error instanceof CsmsError && error.code === "input/invalid";
