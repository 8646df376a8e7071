/**
 * Client-side encryption: values sealed as standard JWE, so that neither the service nor the network sees them.
 */
import { engine } from "./engine.js";
import { CsmsError, type CsmsErrorCode } from "./error.js";
import type { RawKey } from "./bindings.js";
import { CUT_BYTES, platform } from "./platform.js";

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

/** Which engine does AES-GCM: by size (`auto`), or one of the two. The tokens are the same. */
export type Engine = "auto" | "wasm" | "webcrypto";

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
  /** The key of `dir` in WebCrypto, imported on first use. */
  #imported: Promise<CryptoKey> | undefined;

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
  /** The key in a JSON Web Key: `oct` of 256 bits, or `EC` on P-256. A public key seals and does not open. */
  static fromJwk(jwk: string | JsonWebKeyOf256Bits | JsonWebKey): JweKey {
    const bytes = encoder.encode(typeof jwk === "string" ? jwk : JSON.stringify(jwk));
    try {
      return JweKey.#make((raw) => raw.from_jwk(bytes));
    } finally {
      bytes.fill(0);
    }
  }
  /** Draws a key. */
  static generate(algorithm: Exclude<JweAlgorithm, "PBES2-HS512+A256KW">): JweKey {
    return JweKey.#make((raw) => raw.generate(algorithm));
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
    if (!inWebCrypto(options.engine, plaintext.length)) {
      return this.#call((raw) => raw.seal(name, purpose, plaintext));
    }
    const plan = this.#call((raw) => raw.begin_seal(name, purpose));
    try {
      const key = await this.#import(() => plan.content_key());
      const parameters = { name: "AES-GCM", iv: own(plan.iv()), additionalData: own(plan.additional_data()) };
      const sealed = await subtle().encrypt(parameters, key, own(plaintext));
      return guarded(() => engine(() => plan.finish(new Uint8Array(sealed))));
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
    if (!inWebCrypto(options.engine, (token.length * 3) / 4)) {
      return this.#call((raw) => raw.open(name, purpose, token, maxIterations));
    }
    const plan = this.#call((raw) => raw.begin_open(name, purpose, token, maxIterations));
    try {
      const key = await this.#import(() => plan.content_key());
      const parameters = { name: "AES-GCM", iv: own(plan.iv()), additionalData: own(plan.additional_data()) };
      return new Uint8Array(await subtle().decrypt(parameters, key, own(plan.sealed())));
    } catch (cause) {
      if (cause instanceof CsmsError) throw cause;
      throw new CsmsError("open/decryption", DECRYPTION, { cause });
    } finally {
      plan.free();
    }
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
    this.#imported = undefined;
  }

  /** Wipes the key at the end of a `using` block. */
  declare [Symbol.dispose]: () => void;

  static {
    // Older engines have no such symbol.
    if (Symbol.dispose) this.prototype[Symbol.dispose] = this.prototype.free;
  }

  async #import(content: () => Uint8Array): Promise<CryptoKey> {
    const make = async () => {
      const bytes = content();
      try {
        return await subtle().importKey("raw", own(bytes), "AES-GCM", false, ["encrypt", "decrypt"]);
      } finally {
        bytes.fill(0);
      }
    };
    // Only with `dir` is the content key the same for every token.
    return this.algorithm === "dir" ? await (this.#imported ??= make()) : await make();
  }
}

const DECRYPTION = "the key is not the right one, or the token was changed";

/** WebCrypto takes no views of shared memory, which none of ours are. */
const own = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => bytes as Uint8Array<ArrayBuffer>;

function subtle(): SubtleCrypto {
  const found = globalThis.crypto?.subtle;
  if (found === undefined) throw new CsmsError("client/unsupported", "this engine has no WebCrypto here");
  return found;
}

function inWebCrypto(choice: Engine = "auto", bytes: number): boolean {
  if (choice !== "auto") return choice === "webcrypto";
  // Pages that are not served securely have no WebCrypto.
  return bytes >= CUT_BYTES[platform] && globalThis.crypto?.subtle !== undefined;
}

function jwkOf(json: Uint8Array | undefined): JsonWebKeyOf256Bits | undefined {
  if (json === undefined) return undefined;
  const jwk = JSON.parse(new TextDecoder().decode(json)) as JsonWebKeyOf256Bits;
  json.fill(0);
  return jwk;
}
