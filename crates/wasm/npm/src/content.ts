/**
 * AES-256-GCM outside of the WebAssembly module, and when it is used: Node's own cipher, or WebCrypto. The module says
 * what a token looks like; here are only the cipher and base64url of the ciphertext.
 */
import type * as NodeCrypto from "node:crypto";

import type { Bytes } from "./arguments.js";
import * as bound from "./bindings.js";
import { done, engine } from "./engine.js";
import { CsmsError } from "./error.js";

/**
 * Which engine does AES-GCM: by size (`auto`), or one of the three. The tokens are the same. `node` is the cipher of
 * `node:crypto`, which needs no change of threads as WebCrypto does there; Node has it from 20.16 and 22.3 on.
 */
export type Engine = "auto" | "wasm" | "webcrypto" | "node";

/** The engine's WebCrypto; pages that are not served securely have none. */
function webCrypto(): SubtleCrypto | undefined {
  try {
    return globalThis.crypto?.subtle;
  } catch {
    return undefined;
  }
}

function subtle(): SubtleCrypto {
  const found = webCrypto();
  if (found === undefined) throw new CsmsError("client/unsupported", "this engine has no WebCrypto here");
  return found;
}

/** The names of engines. */
export const ENGINES = ["auto", "wasm", "webcrypto", "node"] as const;

/** The engines that were measured; any other counts as `other`. */
type Platform = "chromium" | "firefox" | "node" | "other";

/** The part of Node that is used. */
type NodeModule = Pick<typeof NodeCrypto, "createCipheriv" | "createDecipheriv">;
type Globals = {
  process?: { getBuiltinModule?: (name: string) => NodeModule | undefined };
  navigator?: { userAgent?: string };
};

let found: { node: NodeModule | undefined; cut: number } | undefined;

/** The running engine, looked at on first use: some test environments complete it only after the import. */
function surroundings(): { node: NodeModule | undefined; cut: number } {
  if (found === undefined) {
    // By its name in a variable: bundlers for the edge refuse code in which they see that it asks for parts of Node.
    const name = "process";
    const { [name]: process, navigator } = globalThis as unknown as Globals;
    const node = process?.getBuiltinModule?.("node:crypto");
    found = { node, cut: CUT_BYTES[recognise(node, navigator?.userAgent ?? "")] };
  }
  return found;
}

function recognise(node: NodeModule | undefined, agent: string): Platform {
  if (node !== undefined) return "node";
  return agent.includes("Chrome/") ? "chromium" : agent.includes("Firefox/") ? "firefox" : "other";
}

/**
 * From how many bytes on Node's cipher or WebCrypto seals and opens quicker than WebAssembly, its setting up included.
 * Measured with `cargo xtask bench wasm`, which prints where the lines cross; unknown engines get the careful value.
 */
const CUT_BYTES: Record<Platform, number> = {
  chromium: 384,
  firefox: 6144,
  node: 512,
  other: 4096,
};

/** The engine for a value of so many bytes. */
export function engineFor(choice: Engine, bytes: number): Exclude<Engine, "auto"> {
  if (choice !== "auto") return choice;
  const { node, cut } = surroundings();
  if (bytes < cut) return "wasm";
  return node !== undefined ? "node" : webCrypto() === undefined ? "wasm" : "webcrypto";
}

/** What a ciphertext is made with. */
export interface Content {
  key: Bytes;
  iv: Bytes;
  additionalData: Bytes;
}

const ALGORITHM = "aes-256-gcm";
/** Bytes of the tag at the end of what is sealed. */
export const TAG_BYTES = 16;

function nodeCipher(): NodeModule {
  const { node } = surroundings();
  if (node === undefined) throw new CsmsError("client/unsupported", "this engine has no node:crypto");
  return node;
}

/** Encrypts with Node's cipher. @returns the ciphertext and its tag */
export function encryptInNode({ key, iv, additionalData }: Content, plaintext: Uint8Array): Bytes {
  const cipher = nodeCipher().createCipheriv(ALGORITHM, key, iv);
  const sealed = new Uint8Array(plaintext.length + TAG_BYTES);
  sealed.set(cipher.setAAD(additionalData).update(plaintext));
  cipher.final();
  sealed.set(cipher.getAuthTag(), plaintext.length);
  return sealed;
}

/** Decrypts with Node's cipher; returns nothing before the tag was checked. @throws an error if it is not the right one */
export function decryptInNode({ key, iv, additionalData }: Content, sealed: Uint8Array): Bytes {
  const end = sealed.length - TAG_BYTES;
  const cipher = nodeCipher().createDecipheriv(ALGORITHM, key, iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(additionalData).setAuthTag(sealed.subarray(end));
  const plaintext = cipher.update(sealed.subarray(0, end));
  try {
    cipher.final();
  } catch (cause) {
    plaintext.fill(0);
    throw cause;
  }
  // A Buffer has other methods than its base, and may share its memory with others.
  const { buffer, byteOffset, length } = plaintext;
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, length);
}

/** Imports a content key into WebCrypto, which keeps it to itself. */
export function importContentKey(key: Bytes): Promise<CryptoKey> {
  return done(() => subtle().importKey("raw", key, "AES-GCM", false, ["encrypt", "decrypt"]));
}

/** Encrypts in WebCrypto. @returns the ciphertext and its tag */
export function encryptInWebCrypto(
  key: CryptoKey,
  { iv, additionalData }: Omit<Content, "key">,
  plaintext: Bytes,
): Promise<ArrayBuffer> {
  return done(() => subtle().encrypt({ name: "AES-GCM", iv, additionalData }, key, plaintext));
}

/** Decrypts in WebCrypto. @throws an error if the tag is not the right one */
export function decryptInWebCrypto(
  key: CryptoKey,
  { iv, additionalData }: Omit<Content, "key">,
  sealed: Bytes,
): Promise<ArrayBuffer> {
  return subtle().decrypt({ name: "AES-GCM", iv, additionalData }, key, sealed);
}

/** The methods of engines of 2025 and newer. */
interface Base64 {
  toBase64?: (options: object) => string;
  setFromBase64?: (text: string, options: object) => { read: number; written: number };
}
/** What Node has instead; a `Buffer` is a view of the same memory. */
interface BufferClass {
  from(memory: ArrayBufferLike, start: number, length: number): { toString(encoding: string): string };
  from(text: string, encoding: string): Uint8Array;
}
const bufferClass = () => (surroundings().node === undefined ? undefined : (globalThis as { Buffer?: BufferClass }).Buffer);

const ALPHABET = { alphabet: "base64url", omitPadding: true };

/** Bytes in base64url without padding, by the engine where it can. */
export function toBase64url(bytes: Uint8Array): string {
  const { toBase64 } = bytes as Base64;
  if (toBase64 !== undefined) return toBase64.call(bytes, ALPHABET);
  const node = bufferClass();
  if (node !== undefined) return node.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64url");
  return engine(() => bound.encode_base64url(bytes));
}

/**
 * Decodes base64url to the beginning of a new array that has room for a tag behind it. Only the one canonical text of some
 * bytes is accepted, so that nobody can change a token and have it open.
 *
 * @returns `undefined` if the text is not canonical
 */
export function fromBase64url(text: string): Bytes | undefined {
  const length = Math.floor((text.length * 3) / 4);
  const bytes = new Uint8Array(length + TAG_BYTES);
  const { setFromBase64 } = bytes as Base64;
  const node = bufferClass();
  if (setFromBase64 !== undefined) {
    try {
      const { written } = setFromBase64.call(bytes.subarray(0, length), text, ALPHABET);
      // Spaces and padding make it shorter than it is long; the bits that are left over at its end have to be zeros.
      const rest = text.length % 4;
      if (written !== length) return undefined;
      if (rest === 0) return bytes;
      return toBase64url(bytes.subarray(length - rest + 1, length)) === text.slice(-rest) ? bytes : undefined;
    } catch {
      return undefined;
    }
  }
  if (node !== undefined) {
    const decoded = node.from(text, "base64url");
    bytes.set(decoded.subarray(0, length));
    // Node skips what it does not know.
    return decoded.length === length && toBase64url(decoded) === text ? bytes : undefined;
  }
  const decoded = engine(() => bound.decode_base64url(text));
  if (decoded === undefined) return undefined;
  bytes.set(decoded);
  return bytes;
}
