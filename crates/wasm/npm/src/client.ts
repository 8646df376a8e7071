/**
 * The client of the service with data keys: what the key service makes becomes a key that seals and opens.
 */
import { members, text } from "./arguments.js";
import { CsmsError } from "./error.js";
import { JweKey } from "./jwe.js";
import type { CallOptions } from "./operations.js";
import { ServiceClient } from "./service.js";

export type { ClientOptions, Credentials, ProvidedCredentials } from "./service.js";

/** A data key of the key service: the key, and the form in which it may be stored. */
export interface DataKey {
  /** The key that wraps it. */
  keyId: string;
  /** The wrapped data key, in hexadecimal. */
  cipherText: string;
  /** The data key, ready to seal and open (`dir`). Free it when done. */
  key: JweKey;
}

/** A client of one project: a method for each operation. Holds no connection and needs no closing. */
export class CsmsClient extends ServiceClient {
  /** Has the key service make a data key (create-datakey). Store `cipherText` beside what `key` seals. */
  async createDataKey(
    request: { keyId: string; additionalAuthenticatedData?: string },
    options?: CallOptions,
  ): Promise<DataKey> {
    const body = { ...keyIn(request), key_spec: "AES_256" };
    const answer = (await this.postToKeys("create-datakey", body, options)) as
      | { key_id: string; plain_text: string; cipher_text: string }
      | undefined;
    if (typeof answer?.key_id !== "string" || typeof answer.cipher_text !== "string") throw unexpected();
    return { keyId: answer.key_id, cipherText: answer.cipher_text, key: keyOf(answer.plain_text) };
  }

  /** Has the key service unwrap a data key (decrypt-datakey). */
  async openDataKey(
    request: { keyId: string; cipherText: string; additionalAuthenticatedData?: string },
    options?: CallOptions,
  ): Promise<DataKey> {
    const named = keyIn(request);
    const cipherText = text(members(request, "request", "cipherText")[0], "cipherText");
    const body = { ...named, cipher_text: cipherText, datakey_cipher_length: "64" };
    const answer = (await this.postToKeys("decrypt-datakey", body, options)) as { data_key: string } | undefined;
    return { keyId: named.key_id, cipherText, key: keyOf(answer?.data_key) };
  }
}

/** The members of a request that say which key, and what is authenticated. */
function keyIn(request: unknown) {
  const [keyId, additional] = members(request, "request", "keyId", "additionalAuthenticatedData");
  const named = { key_id: text(keyId, "keyId") };
  if (additional === undefined) return named;
  return { ...named, additional_authenticated_data: text(additional, "additionalAuthenticatedData") };
}

const unexpected = () => new CsmsError("client/unexpected-answer", "the key service returned no 256-bit data key");

function keyOf(hex: unknown): JweKey {
  if (typeof hex !== "string" || !/^[0-9a-f]{64}$/i.test(hex)) {
    throw unexpected();
  }
  const bytes = Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  try {
    return JweKey.dataKey(bytes);
  } finally {
    bytes.fill(0);
  }
}
