/**
 * Elliptic curves and stretched passphrases. The module asks WebCrypto for every step, because every engine brings it and it
 * runs beside the page; here are the order of the steps and the waiting. Nothing here knows the form of a token.
 */
import type { Bytes } from "./arguments.js";
import { agree, export_key, make_pair } from "./bindings.js";
import { done, engine } from "./engine.js";
import { CsmsError } from "./error.js";

/** A secret of 32 bytes, and what a token tells so that its recipient derives the same. */
export interface Derived {
  secret: Bytes;
  told: Bytes;
}

const pair = (isExtractable: boolean) => done<CryptoKeyPair>(() => engine(() => make_pair(isExtractable)));

/** The bytes that an operation derives. */
export const derived = async (begin: () => Promise<ArrayBuffer>): Promise<Bytes> => new Uint8Array(await done(begin));

/** The secret that both sides reach. */
export const agreed = (own: CryptoKey, other: CryptoKey): Promise<Bytes> => derived(() => engine(() => agree(own, other)));

/** A new key pair as a JSON Web Key. */
export async function makePair(): Promise<JsonWebKey> {
  const { privateKey } = await pair(true);
  return done<JsonWebKey>(() => engine(() => export_key("jwk", privateKey)));
}

/** Agrees on a secret with the holder of a key, who will be told the point of a key pair made for it. */
export async function agreeOnce(other: CryptoKey): Promise<Derived> {
  const { privateKey, publicKey } = await pair(false);
  const [secret, point] = await Promise.all([
    agreed(privateKey, other),
    derived(() => engine(() => export_key("raw", publicKey))),
  ]);
  return { secret, told: point };
}

/** A private key, once it is imported. Fails if it is not that of the public key. */
export async function checked(own: Promise<CryptoKey>, recipient: Promise<CryptoKey>): Promise<CryptoKey> {
  const wrong = (cause?: unknown) =>
    new CsmsError("jwk/private-key", "the private key is not that of the public key", { cause });
  try {
    // Not every engine compares the halves, but agreement does.
    const [key, half, other] = await Promise.all([own, recipient, pair(false)]);
    const [one, two] = await Promise.all([agreed(key, other.publicKey), agreed(other.privateKey, half)]);
    if (one.some((byte, index) => byte !== two[index])) throw wrong();
    return key;
  } catch (error) {
    // So engines say that the halves of a key do not belong together, or that a point is none.
    const { cause } = error as { cause?: { name?: unknown } };
    throw cause?.name === "DataError" || cause?.name === "OperationError" ? wrong(cause) : error;
  }
}
