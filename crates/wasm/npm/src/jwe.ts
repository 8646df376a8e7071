/**
 * Client-side encryption: values sealed as standard JWE, so that neither the service nor the network sees them.
 */
import { type Bytes, bytes, choice, invalid, members, number, optional, reading, text } from "./arguments.js";
import { type OpenPlan, RawKey, make_salt_input } from "./bindings.js";
import {
  type Content,
  ENGINES,
  type Engine,
  TAG_BYTES,
  decryptInNode,
  decryptInWebCrypto,
  encryptInNode,
  encryptInWebCrypto,
  engineFor,
  fromBase64url,
  importContentKey,
  toBase64url,
} from "./content.js";
import { type Derived, agreeOnce, agreed, checked, derived, makePair } from "./derivation.js";
import { done, generation, guarded } from "./engine.js";
import { CsmsError } from "./error.js";

export type { Bytes, Engine };

declare global {
  // Declared here too, so that the types compile where the library of TypeScript does not have it.
  interface SymbolConstructor {
    readonly dispose: unique symbol;
  }
}

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

const encode = (value: string): Bytes => new TextEncoder().encode(value) as Bytes;

const GENERATED = ["dir", "A256GCMKW", "ECDH-ES+A256KW"] as const;

/** What is asked of {@link JweKey.open}, checked. */
interface Opening {
  /** `undefined` for a token without a binding. */
  name: string | undefined;
  purpose: string;
  token: string;
  maxIterations: number;
  engine: Exclude<Engine, "auto">;
}

/**
 * A key that seals values, opens them, or both. It lives in the memory of the WebAssembly instance and is wiped by
 * {@link free}, or at the end of a `using` block; collection of garbage is only a net.
 */
export class JweKey {
  #raw: RawKey | undefined;
  readonly #generation = generation();
  readonly #algorithm: JweAlgorithm;
  /** Whether WebCrypto derives what content keys are wrapped with. */
  readonly #isDerived: boolean;
  /** The key in WebCrypto, imported on first use: that of `dir`, a passphrase, or a private key. */
  #imported: Promise<CryptoKey> | undefined;
  /** The content key of `dir` once it is imported. */
  #contentKey: CryptoKey | undefined;
  /** The public key to agree with, imported on first use. */
  #recipient: Promise<CryptoKey> | undefined;
  /** The passphrase as it was given, where its NFC form is another. */
  #asGiven: JweKey | undefined;

  private constructor(raw: RawKey) {
    if (!reading("raw", () => raw instanceof RawKey)) throw invalid("raw", "made by one of the functions of JweKey");
    this.#raw = raw;
    this.#algorithm = raw.algorithm as JweAlgorithm;
    this.#isDerived = raw.derives;
    // Older engines have no such symbol. On the object, because a bundler would keep a class that is completed afterwards.
    if (Symbol.dispose) Object.defineProperty(this, Symbol.dispose, { value: () => this.free() });
  }

  /** A data key of 32 random bytes, which encrypts contents itself (`dir`). */
  static dataKey(key: Uint8Array): JweKey {
    const given = bytes(key, "key", 32);
    return made(() => RawKey.direct(given));
  }
  /** A key of 32 random bytes that wraps a fresh content key for each token (`A256GCMKW`). */
  static wrappingKey(key: Uint8Array): JweKey {
    const given = bytes(key, "key", 32);
    return made(() => RawKey.key_wrapping(given));
  }
  /**
   * A passphrase (`PBES2-HS512+A256KW`). Systems compose letters in different ways: values are sealed with the
   * passphrase's NFC form, and opened with that form or with the text as it is.
   *
   * @param options `iterations`: 10,000 to 1,000,000; 210,000 by default
   */
  static passphrase(passphrase: string, options?: { iterations?: number }): JweKey {
    const given = text(passphrase, "passphrase");
    const [iterations] = optional(options, "iterations");
    // Zero stands for the default.
    const count = number(iterations, "iterations", 0, { least: 1, most: 0xffff_ffff, whole: true });
    const composed = given.normalize("NFC");
    const key = stretched(composed, count);
    if (composed !== given) key.#asGiven = stretched(given, count);
    return key;
  }

  /**
   * The key in a JSON Web Key: `oct` of 256 bits, or `EC` on P-256. A public key seals and does not open. Whether a private
   * key is that of its public key is checked when it first opens a token.
   */
  static fromJwk(jwk: string | JsonWebKeyOf256Bits | JsonWebKey): JweKey {
    return fromJson(jsonOf(jwk));
  }

  /** Draws a key. */
  static async generate(algorithm: Exclude<JweAlgorithm, "PBES2-HS512+A256KW">): Promise<JweKey> {
    const name = choice(algorithm, "algorithm", GENERATED);
    if (name !== "ECDH-ES+A256KW") return made(() => RawKey.generate(name));
    const { kty, crv, x, y, d } = await makePair();
    return fromJson(JSON.stringify({ kty, crv, x, y, d, alg: name }));
  }

  #call<T>(call: (raw: RawKey) => T): T {
    const raw = this.#raw;
    if (raw === undefined) throw new CsmsError("client/freed", "the key has been freed");
    this.#checkGeneration();
    return guarded(() => call(raw));
  }

  /** Without it, a key of an instance that has failed would read the memory of its successor. */
  #checkGeneration(): void {
    if (this.#generation === generation()) return;
    throw new CsmsError("client/crashed", "the key was lost when csms failed; make it again");
  }

  /** The algorithm of the tokens it seals and opens. */
  get algorithm(): JweAlgorithm {
    return this.#call(() => this.#algorithm);
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
   * Seals a value as it is when this is called. Every call makes another token.
   *
   * @param options the binding; `engine` overrides the choice by size
   * @returns a JWE in compact serialisation
   */
  async seal(value: string | Uint8Array, options: Binding & { engine?: Engine }): Promise<string> {
    const [secret, use, engine] = members(options, "options", "name", "purpose", "engine");
    const [name, purpose] = [text(secret, "name"), text(use, "purpose")];
    const wanted = engineOf(engine);
    if (typeof value !== "string") return this.#seal(name, purpose, wanted, bytes(value, "value"), false);
    const encoded = encode(text(value, "value"));
    try {
      return await this.#seal(name, purpose, wanted, encoded, true);
    } finally {
      encoded.fill(0);
    }
  }

  async #seal(name: string, purpose: string, wanted: Engine, value: Bytes, isOwn: boolean): Promise<string> {
    const chosen = engineFor(wanted, value.length);
    // The caller may change its bytes while this waits.
    const isWaiting = this.#isDerived || (chosen === "webcrypto" && this.#contentKey === undefined);
    // A `Buffer` would share its memory with its `slice`.
    const plaintext = isWaiting && !isOwn ? new Uint8Array(value) : value;
    let secret: Bytes | undefined;
    try {
      let told: Bytes | undefined;
      if (this.#isDerived) ({ secret, told } = await this.#deriveToSeal());
      if (chosen === "wasm") return this.#call((raw) => raw.seal(name, purpose, secret, told, plaintext));
      const begun = this.#call((raw) => raw.begin_seal(name, purpose, secret, told, plaintext.length)) as Bytes;
      const { content, head } = begunOf(begun);
      let sealed;
      try {
        sealed =
          chosen === "node"
            ? encryptInNode(content, plaintext)
            : new Uint8Array(
                await encryptInWebCrypto(this.#contentKey ?? (await this.#import(content.key)), content, plaintext),
              );
      } finally {
        content.key.fill(0);
      }
      const end = sealed.length - TAG_BYTES;
      return `${head}${toBase64url(sealed.subarray(0, end))}.${toBase64url(sealed.subarray(end))}`;
    } finally {
      secret?.fill(0);
      if (plaintext !== value) plaintext.fill(0);
    }
  }

  /**
   * Opens a token. Everything is checked before a byte of the value is returned.
   *
   * @throws CsmsError with a code `open/…`
   */
  async open(token: string, options: OpenOptions): Promise<Bytes> {
    const [name, purpose] = members(options, "options", "name", "purpose");
    return this.#open(openingOf(text(name, "name"), text(purpose, "purpose"), token, options));
  }

  /**
   * Opens a token without a binding, such as one made by another program; one that has a binding is refused. Nothing
   * then says what the value is for.
   */
  async openUnbound(token: string, options?: Omit<OpenOptions, keyof Binding>): Promise<Bytes> {
    return this.#open(openingOf(undefined, "", token, options));
  }

  /** Opens a token whose value is text; `open/not-text` where its bytes are not UTF-8. */
  async openText(token: string, options: OpenOptions): Promise<string> {
    const opened = await this.open(token, options);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(opened);
    } catch {
      throw new CsmsError("open/not-text", "the value is not text in UTF-8; `open` returns its bytes");
    } finally {
      opened.fill(0);
    }
  }

  async #open(opening: Opening): Promise<Bytes> {
    try {
      return await this.#openAs(opening);
    } catch (error) {
      const other = this.#asGiven;
      if (other === undefined || !(error instanceof CsmsError) || error.code !== "open/decryption") throw error;
      return other.#openAs(opening);
    }
  }

  async #openAs(opening: Opening): Promise<Bytes> {
    const { name, purpose, token, maxIterations, engine: chosen } = opening;
    const isInside = chosen === "wasm";
    if (isInside && !this.#isDerived) {
      return this.#call((raw) => raw.open(name, purpose, token, maxIterations)) as Bytes;
    }
    // The module checks the token without its ciphertext, which is decoded and decrypted outside.
    const [rest, ciphertext] = isInside ? [token, ""] : split(token);
    const { length } = token;
    let plan: OpenPlan | undefined;
    let begun;
    if (this.#isDerived) {
      plan = this.#call((raw) => raw.begin_open(name, purpose, rest, length, maxIterations));
    } else {
      begun = this.#call((raw) => raw.begin_open_ready(name, purpose, rest, length, maxIterations)) as Bytes;
    }
    const sealed = isInside ? undefined : fromBase64url(ciphertext);
    if (!isInside && sealed === undefined) {
      plan?.free();
      throw new CsmsError("open/base64", "the ciphertext is not base64url text without padding");
    }
    if (plan !== undefined) {
      plan = await this.#unwrap(plan);
      const unwrapped = plan;
      if (sealed === undefined) return guarded(() => unwrapped.decrypt()) as Bytes;
      begun = guarded(() => unwrapped.parts()) as Bytes;
      unwrapped.free();
    }
    return this.#decrypt(chosen, begun as Bytes, sealed as Bytes);
  }

  /** Derives what the content key of a token is wrapped with, and unwraps it. */
  async #unwrap(plan: OpenPlan): Promise<OpenPlan> {
    let secret: Bytes;
    try {
      secret = await this.#deriveToOpen(plan);
    } catch (error) {
      if (this.#generation === generation()) plan.free();
      throw error;
    }
    // The instance may have failed meanwhile.
    this.#checkGeneration();
    try {
      return guarded(() => plan.unwrap_with(secret));
    } finally {
      secret.fill(0);
    }
  }

  async #decrypt(chosen: Engine, begun: Bytes, sealed: Bytes): Promise<Bytes> {
    const iv = begun.subarray(0, IV_BYTES);
    const key = begun.subarray(IV_BYTES, IV_BYTES + KEY_BYTES);
    const additional = IV_BYTES + KEY_BYTES + TAG_BYTES;
    const content = { iv, key, additionalData: begun.subarray(additional) };
    sealed.set(begun.subarray(IV_BYTES + KEY_BYTES, additional), sealed.length - TAG_BYTES);
    try {
      return chosen === "node"
        ? decryptInNode(content, sealed)
        : new Uint8Array(await decryptInWebCrypto(this.#contentKey ?? (await this.#import(key)), content, sealed));
    } catch (cause) {
      if (cause instanceof CsmsError) throw cause;
      throw new CsmsError("open/decryption", DECRYPTION, { cause });
    } finally {
      key.fill(0);
    }
  }

  /** Derives the secret of a new token. */
  async #deriveToSeal(): Promise<Derived> {
    const recipient = this.#recipientKey();
    if (recipient !== undefined) return agreeOnce(await recipient);
    const passphrase = await this.#own();
    const told = this.#call(() => make_salt_input()) as Bytes;
    return { secret: await derived(() => this.#call((raw) => raw.stretch(passphrase, told))), told };
  }

  /** Derives the secret of a token. */
  async #deriveToOpen(plan: OpenPlan): Promise<Bytes> {
    const ephemeral = guarded<Promise<CryptoKey> | undefined>(() => plan.import_ephemeral());
    if (ephemeral !== undefined) {
      const [own, other] = await Promise.all([this.#own(), done(() => ephemeral)]);
      return agreed(own, other);
    }
    const passphrase = await this.#own();
    this.#checkGeneration();
    return derived(() => guarded(() => plan.stretch(passphrase)));
  }

  /** The public key to agree with; `undefined` for passphrases. */
  #recipientKey(): Promise<CryptoKey> | undefined {
    if (this.#recipient !== undefined) return this.#recipient;
    const imported = this.#call<Promise<CryptoKey> | undefined>((raw) => raw.import_recipient());
    return imported && (this.#recipient = this.#keeping(done(() => imported)));
  }

  /** What the key derives with: a passphrase, or a private key that has been checked. */
  #own(): Promise<CryptoKey> {
    if (this.#imported !== undefined) return this.#imported;
    const imported = done<CryptoKey>(() => this.#call((raw) => raw.import_own()));
    const recipient = this.#recipientKey();
    return (this.#imported = this.#keeping(recipient === undefined ? imported : checked(imported, recipient)));
  }

  #import(key: Bytes): Promise<CryptoKey> {
    // Only with `dir` is the content key the same for every token.
    if (this.#algorithm !== "dir") return importContentKey(key);
    return (this.#imported ??= this.#keeping(importContentKey(key).then((imported) => (this.#contentKey = imported))));
  }

  /** An import that failed is tried again by the next call. */
  #keeping(work: Promise<CryptoKey>): Promise<CryptoKey> {
    work.catch(() => (this.#imported = this.#recipient = undefined));
    return work;
  }

  /** Wipes the key. Calls after this fail with `client/freed`. May be called twice. */
  free(): void {
    const raw = this.#raw;
    this.#raw = this.#imported = this.#contentKey = this.#recipient = undefined;
    this.#asGiven?.free();
    // The memory of an instance that has failed is gone.
    if (raw !== undefined && this.#generation === generation()) raw.free();
  }

  /** Wipes the key at the end of a `using` block. */
  declare readonly [Symbol.dispose]: () => void;
}

// Outside of the class: bundlers rename one whose code names it.

const made = (make: () => RawKey): JweKey => guarded(() => Reflect.construct(JweKey, [make()]) as JweKey);

/** A key made of a text that is wiped. */
function madeOf(secret: string, make: (encoded: Bytes) => RawKey): JweKey {
  const encoded = encode(secret);
  try {
    return made(() => make(encoded));
  } finally {
    encoded.fill(0);
  }
}

const stretched = (passphrase: string, iterations: number): JweKey =>
  madeOf(passphrase, (encoded) => RawKey.passphrase(encoded, iterations));

const fromJson = (json: string): JweKey => madeOf(json, (encoded) => RawKey.from_jwk(encoded));

const DECRYPTION = "the key is not the right one, or the token was changed";
const IV_BYTES = 12;
const KEY_BYTES = 32;
const DOT = 46;

const engineOf = (value: unknown): Engine => (value === undefined ? "auto" : choice(value, "engine", ENGINES));

function openingOf(
  name: string | undefined,
  purpose: string,
  given: string,
  options: unknown,
): Opening {
  const token = text(given, "token");
  const [most, engine] = optional(options, "maxIterations", "engine");
  // Zero stands for the default.
  const maxIterations = number(most, "maxIterations", 0, { least: 1, most: 0xffff_ffff, whole: true });
  const chosen = engineFor(engineOf(engine), (token.length * 3) / 4);
  return { name, purpose, token, maxIterations, engine: chosen };
}

/** The parts of what the module begins a token with: initialization vector, content key, and the token's text so far. */
function begunOf(begun: Bytes): { content: Content; head: string } {
  const start = IV_BYTES + KEY_BYTES;
  const content = {
    iv: begun.subarray(0, IV_BYTES),
    key: begun.subarray(IV_BYTES, start),
    additionalData: begun.subarray(start, begun.indexOf(DOT, start)),
  };
  // ASCII, and far shorter than what engines take as arguments.
  return { content, head: String.fromCharCode.apply(null, begun.subarray(start) as unknown as number[]) };
}

/** A token without its ciphertext, and the ciphertext. A token with too few parts stays whole, for the module to refuse. */
function split(token: string): [rest: string, ciphertext: string] {
  const end = token.lastIndexOf(".");
  const start = token.lastIndexOf(".", end - 1) + 1;
  return end < 0 || start === 0 ? [token, ""] : [token.slice(0, start) + token.slice(end), token.slice(start, end)];
}

function jsonOf(jwk: unknown): string {
  if (typeof jwk === "string") return text(jwk, "jwk");
  members(jwk, "jwk");
  return text(
    reading("jwk", () => JSON.stringify(jwk)),
    "jwk",
  );
}

function jwkOf(json: Uint8Array | undefined): JsonWebKeyOf256Bits | undefined {
  if (json === undefined) return undefined;
  const jwk = JSON.parse(new TextDecoder().decode(json)) as JsonWebKeyOf256Bits;
  json.fill(0);
  return jwk;
}
