/**
 * Client-side encryption: values sealed as standard JWE, so that neither the service nor the network sees them.
 */
import type { OpenPlan, RawKey } from "./bindings.js";
import {
  type Content,
  type Engine,
  decryptInNode,
  decryptInWebCrypto,
  encryptInNode,
  encryptInWebCrypto,
  engineFor,
  importContentKey,
} from "./content.js";
import {
  type Derived,
  agree,
  agreeOnce,
  importPassphrase,
  importPoint,
  importPrivate,
  isOnCurve,
  makePair,
  stretch,
} from "./derivation.js";
import { engine } from "./engine.js";
import { CsmsError, type CsmsErrorCode } from "./error.js";

export type { Engine };

/** The algorithms of key management; all seal content with `A256GCM`. */
export type JweAlgorithm = "dir" | "A256GCMKW" | "PBES2-HS512+A256KW" | "ECDH-ES+A256KW";

/** What a sealed value is bound to. It opens for the same name and purpose only. */
export interface Binding {
  /** Name of the secret. */
  name: string;
  /** What the value is for, in your words: letters, digits, `_` and `-`. */
  purpose: string;
}

/** Options of {@link JweKey.open}. */
export interface OpenOptions extends Binding {
  /** Greatest PBES2 iteration count to accept; 1,000,000 by default. */
  maxIterations?: number;
  /** Overrides the choice by size. */
  engine?: Engine;
}

/** A symmetric or elliptic JSON Web Key. */
export interface JsonWebKeyOf256Bits {
  kty: "oct" | "EC";
  crv?: "P-256";
  k?: string;
  x?: string;
  y?: string;
  d?: string;
  alg?: string;
  use?: string;
  kid?: string;
}

const encoder = new TextEncoder();

/** Turns the texts that the engine throws, `<kind>/<name> <message>`, into errors. */
function guarded<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (typeof error !== "string") throw error;
    const [kind = "", ...words] = error.split(" ");
    const isInput = kind.startsWith("input/");
    const code = (isInput ? "input/invalid" : kind) as CsmsErrorCode;
    throw new CsmsError(code, words.join(" "), { field: isInput ? kind.slice(6) : undefined });
  }
}

/** Passes a copy to the engine, which wipes it, and leaves the caller's bytes alone. */
const bytesOf = (value: string | Uint8Array): Uint8Array => (typeof value === "string" ? encoder.encode(value) : value);

/**
 * A key that seals values, opens them, or both. It lives in the memory of the WebAssembly instance and is wiped by
 * {@link free}, or at the end of a `using` block; collection of garbage is only a net.
 */
export class JweKey {
  #raw: RawKey | undefined;
  /** The key in WebCrypto, imported on first use: that of `dir`, a passphrase, or a private key. */
  #imported: Promise<CryptoKey> | undefined;
  /** The public key to agree with, likewise. */
  #recipient: Promise<CryptoKey> | undefined;

  private constructor(raw: RawKey) {
    this.#raw = raw;
  }

  static #make(make: (raw: typeof RawKey) => RawKey): JweKey {
    return new JweKey(guarded(() => engine((bound) => make(bound.RawKey))));
  }

  /** A data key of 32 random bytes, which encrypts contents itself (`dir`). */
  static dataKey(bytes: Uint8Array): JweKey {
    return JweKey.#make((raw) => raw.direct(bytes));
  }
  /** A key of 32 random bytes that wraps a fresh content key for each token (`A256GCMKW`). */
  static wrappingKey(bytes: Uint8Array): JweKey {
    return JweKey.#make((raw) => raw.key_wrapping(bytes));
  }
  /**
   * A passphrase (`PBES2-HS512+A256KW`).
   *
   * @param options `iterations`: 10,000 to 1,000,000; 210,000 by default
   */
  static passphrase(text: string, options: { iterations?: number } = {}): JweKey {
    const bytes = encoder.encode(text);
    const { iterations = 0 } = options;
    try {
      return JweKey.#make((raw) => raw.passphrase(bytes, iterations === 0 ? 0 : Math.max(1, iterations)));
    } finally {
      bytes.fill(0);
    }
  }
  /**
   * The key in a JSON Web Key: `oct` of 256 bits, or `EC` on P-256. A public key seals and does not open. Whether a private
   * key is that of its public key is found out when it first opens a token.
   */
  static fromJwk(jwk: string | JsonWebKeyOf256Bits | JsonWebKey): JweKey {
    const bytes = encoder.encode(typeof jwk === "string" ? jwk : JSON.stringify(jwk));
    try {
      const key = JweKey.#make((raw) => raw.from_jwk(bytes));
      const point = key.#call((raw) => raw.point());
      if (point === undefined || isOnCurve(point)) return key;
      key.free();
      throw new CsmsError("jwk/not-on-curve", "the public key is not a point of P-256");
    } finally {
      bytes.fill(0);
    }
  }
  /** Draws a key. */
  static async generate(algorithm: Exclude<JweAlgorithm, "PBES2-HS512+A256KW">): Promise<JweKey> {
    if (algorithm !== "ECDH-ES+A256KW") return JweKey.#make((raw) => raw.generate(algorithm));
    const { kty, crv, x, y, d } = await makePair();
    return JweKey.fromJwk({ kty, crv, x, y, d, alg: algorithm } as JsonWebKey);
  }

  #bound(): RawKey {
    if (this.#raw === undefined) throw new CsmsError("client/freed", "the key has been freed");
    return this.#raw;
  }

  #call<T>(call: (raw: RawKey) => T): T {
    const raw = this.#bound();
    return guarded(() => engine(() => call(raw)));
  }

  /** The algorithm of the tokens it seals and opens. */
  get algorithm(): JweAlgorithm {
    return this.#call((raw) => raw.algorithm) as JweAlgorithm;
  }
  /** Whether it opens tokens; a public key only seals. */
  get opens(): boolean {
    return this.#call((raw) => raw.opens);
  }

  /** The key as a JSON Web Key, private parts included; `undefined` for keys made from bytes or a passphrase. */
  toJwk(): JsonWebKeyOf256Bits | undefined {
    return jwkOf(this.#call((raw) => raw.to_jwk(false)));
  }
  /** The public half of an elliptic key as a JSON Web Key, to be given to those who seal. */
  toPublicJwk(): JsonWebKeyOf256Bits | undefined {
    return jwkOf(this.#call((raw) => raw.to_jwk(true)));
  }

  /**
   * Seals a value. Every call makes another token.
   *
   * @param options the binding; `engine` overrides the choice by size
   * @returns a JWE in compact serialisation
   */
  async seal(value: string | Uint8Array, options: Binding & { engine?: Engine }): Promise<string> {
    const { name, purpose } = options;
    const plaintext = bytesOf(value);
    const { secret, told } = (await this.#deriveToSeal()) ?? {};
    const chosen = engineFor(options.engine, plaintext.length);
    if (chosen === "wasm") {
      const token = this.#call((raw) => raw.seal(name, purpose, secret, told, plaintext));
      secret?.fill(0);
      return token;
    }
    const plan = this.#call((raw) => raw.begin_seal(name, purpose, secret, told));
    secret?.fill(0);
    try {
      const content = { key: () => plan.content_key(), iv: plan.iv(), additionalData: plan.additional_data() };
      const sealed =
        chosen === "node"
          ? encryptInNode(content, plaintext)
          : await encryptInWebCrypto(await this.#import(content), content, plaintext);
      return guarded(() => engine(() => plan.finish(sealed)));
    } catch (error) {
      plan.free();
      throw error;
    }
  }

  /**
   * Opens a token. Everything is checked before a byte of the value is returned.
   *
   * @throws CsmsError with a code `open/…`
   */
  open(token: string, options: OpenOptions): Promise<Uint8Array> {
    return this.#open(String(options.name), String(options.purpose), token, options);
  }

  /**
   * Opens a token without a binding, such as one made by another program; one that has a binding is refused. Nothing
   * then says what the value is for.
   */
  openUnbound(token: string, options: Omit<OpenOptions, keyof Binding> = {}): Promise<Uint8Array> {
    return this.#open(undefined, "", token, options);
  }

  async #open(
    name: string | undefined,
    purpose: string,
    token: string,
    options: Omit<OpenOptions, keyof Binding>,
  ): Promise<Uint8Array> {
    const { maxIterations = 0 } = options;
    let plan: OpenPlan = this.#call((raw) => raw.begin_open(name, purpose, token, maxIterations));
    const told = plan.derivation();
    if (told !== undefined) {
      const secret = await this.#deriveToOpen(told, plan.iterations);
      plan = guarded(() => engine(() => plan.unwrap_with(secret)));
      secret.fill(0);
    }
    const chosen = engineFor(options.engine, (token.length * 3) / 4);
    if (chosen === "wasm") return guarded(() => engine(() => plan.decrypt()));
    try {
      // The plan has all parts once the content key is unwrapped.
      const part = (bytes: Uint8Array | undefined) => bytes as Uint8Array;
      const iv = part(plan.iv());
      const content = { key: () => part(plan.content_key()), iv, additionalData: part(plan.additional_data()) };
      const sealed = part(plan.sealed());
      return chosen === "node"
        ? decryptInNode(content, sealed)
        : await decryptInWebCrypto(await this.#import(content), content, sealed);
    } catch (cause) {
      if (cause instanceof CsmsError) throw cause;
      throw new CsmsError("open/decryption", DECRYPTION, { cause });
    } finally {
      plan.free();
    }
  }

  /** Derives the secret of a new token; `undefined` where the engine needs none. */
  async #deriveToSeal(): Promise<Derived | undefined> {
    const point = this.#call((raw) => raw.point());
    if (point !== undefined) return agreeOnce(await (this.#recipient ??= importPoint(point)));
    const iterations = this.#call((raw) => raw.iterations);
    if (iterations === 0) return undefined;
    const told = crypto.getRandomValues(new Uint8Array(16));
    return { secret: await stretch(await this.#passphrase(), told, iterations), told };
  }

  /** Derives the secret of a token that tells `told`. */
  async #deriveToOpen(told: Uint8Array, iterations: number): Promise<Uint8Array> {
    if (iterations > 0) return stretch(await this.#passphrase(), told, iterations);
    if (!isOnCurve(told)) throw new CsmsError("open/ephemeral-key", "the ephemeral public key is not a point of P-256");
    const own = (this.#imported ??= importPrivate(
      this.toJwk() as JsonWebKey,
      this.#call((raw) => raw.point()) as Uint8Array,
    ));
    return agree(await own, await importPoint(told));
  }

  #passphrase(): Promise<CryptoKey> {
    return (this.#imported ??= (async () => {
      const bytes = this.#call((raw) => raw.passphrase_bytes()) as Uint8Array;
      try {
        return await importPassphrase(bytes);
      } finally {
        bytes.fill(0);
      }
    })());
  }

  /** Opens a token whose value is text. */
  async openText(token: string, options: OpenOptions): Promise<string> {
    const bytes = await this.open(token, options);
    const text = new TextDecoder("utf-8", { fatal: false }).decode(bytes);
    bytes.fill(0);
    return text;
  }

  /** Wipes the key. Calls after this fail with `client/freed`. May be called twice. */
  free(): void {
    this.#raw?.free();
    this.#raw = undefined;
    this.#imported = this.#recipient = undefined;
  }

  /** Wipes the key at the end of a `using` block. */
  declare [Symbol.dispose]: () => void;

  static {
    // Older engines have no such symbol.
    if (Symbol.dispose) this.prototype[Symbol.dispose] = this.prototype.free;
  }

  #import(content: Content): Promise<CryptoKey> {
    // Only with `dir` is the content key the same for every token.
    return this.algorithm === "dir" ? (this.#imported ??= importContentKey(content)) : importContentKey(content);
  }
}

const DECRYPTION = "the key is not the right one, or the token was changed";

function jwkOf(json: Uint8Array | undefined): JsonWebKeyOf256Bits | undefined {
  if (json === undefined) return undefined;
  const jwk = JSON.parse(new TextDecoder().decode(json)) as JsonWebKeyOf256Bits;
  json.fill(0);
  return jwk;
}
