/**
 * Elliptic curves and stretched passphrases: what WebCrypto derives, because every engine brings it and it runs beside the
 * page. The WebAssembly module says what to derive and uses the result; nothing here knows the form of a token.
 */
import type { Bytes } from "./arguments.js";
import { CsmsError } from "./error.js";

const CURVE = { name: "ECDH", namedCurve: "P-256" };

/** The prime and the constant term of P-256 (FIPS 186-4, D.1.2.3). */
const PRIME = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;
const TERM = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;

/** A secret of 32 bytes, and what a token tells so that its recipient derives the same. */
export interface Derived {
  secret: Bytes;
  told: Bytes;
}

/** The engine's WebCrypto. */
export function subtle(): SubtleCrypto {
  const found = globalThis.crypto?.subtle;
  if (found === undefined) throw new CsmsError("client/unsupported", "this engine has no WebCrypto here");
  return found;
}

/** Whether x and y, 32 bytes each, are a point of P-256. Points are public, so that the time may tell. */
export function isOnCurve(point: Uint8Array): boolean {
  const number = (start: number) =>
    point.subarray(start, start + 32).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  const [x, y] = [number(0), number(32)];
  return x < PRIME && y < PRIME && (y * y - (x * x * x - 3n * x + TERM)) % PRIME === 0n;
}

/** A public key from its point. */
export function importPoint(point: Uint8Array): Promise<CryptoKey> {
  return subtle().importKey("raw", Uint8Array.of(4, ...point), CURVE, false, []);
}

/** A new key pair as a JSON Web Key. */
export async function makePair(): Promise<JsonWebKey> {
  const { privateKey } = await subtle().generateKey(CURVE, true, ["deriveBits"]);
  return subtle().exportKey("jwk", privateKey);
}

/** The x coordinate of the point that both sides reach. */
export async function agree(own: CryptoKey, other: CryptoKey): Promise<Bytes> {
  return new Uint8Array(await subtle().deriveBits({ name: "ECDH", public: other }, own, 256));
}

/** Agrees on a secret with the holder of a key, who will be told the point of a key pair made for it. */
export async function agreeOnce(other: CryptoKey): Promise<Derived> {
  const { privateKey, publicKey } = await subtle().generateKey(CURVE, false, ["deriveBits"]);
  const [secret, point] = await Promise.all([agree(privateKey, other), subtle().exportKey("raw", publicKey)]);
  return { secret, told: new Uint8Array(point, 1) };
}

/** A private key. Fails if it is not that of the public key in the same JSON Web Key. */
export async function importPrivate({ kty, crv, x, y, d }: JsonWebKey, point: Uint8Array): Promise<CryptoKey> {
  const wrong = (cause?: unknown) =>
    new CsmsError("jwk/private-key", "the private key is not that of the public key", { cause });
  try {
    // Not every engine compares the halves, but agreement does.
    const jwk = { kty, crv, x, y, d } as JsonWebKey;
    const [key, other] = await Promise.all([
      subtle().importKey("jwk", jwk, CURVE, false, ["deriveBits"]),
      subtle().generateKey(CURVE, false, ["deriveBits"]),
    ]);
    const [one, two] = await Promise.all([
      agree(key, other.publicKey),
      importPoint(point).then((half) => agree(other.privateKey, half)),
    ]);
    if (one.some((byte, index) => byte !== two[index])) throw wrong();
    return key;
  } catch (cause) {
    throw cause instanceof CsmsError ? cause : wrong(cause);
  }
}

/** A passphrase, ready to be stretched. */
export function importPassphrase(bytes: Bytes): Promise<CryptoKey> {
  return subtle().importKey("raw", bytes, "PBKDF2", false, ["deriveBits"]);
}

/** PBKDF2 as PBES2-HS512+A256KW uses it: the salt is the algorithm's name, a zero byte and the salt input. */
export async function stretch(passphrase: CryptoKey, saltInput: Uint8Array, iterations: number): Promise<Bytes> {
  const salt = Uint8Array.of(...new TextEncoder().encode("PBES2-HS512+A256KW\0"), ...saltInput);
  return new Uint8Array(await subtle().deriveBits({ name: "PBKDF2", hash: "SHA-512", salt, iterations }, passphrase, 256));
}
