/**
 * AES-256-GCM outside of the WebAssembly module, and when it is used: Node's own cipher, or WebCrypto. What a token looks
 * like is the module's to say; nothing here knows it.
 */
import type * as NodeCrypto from "node:crypto";

import { own, subtle } from "./derivation.js";
import { CsmsError } from "./error.js";

/**
 * Which engine does AES-GCM: by size (`auto`), or one of the three. The tokens are the same. `node` is the cipher of
 * `node:crypto`, which needs no change of threads as WebCrypto does there; Node has it from 20.16 and 22.3 on.
 */
export type Engine = "auto" | "wasm" | "webcrypto" | "node";

/** The engines that were measured; any other counts as `other`. */
type Platform = "chromium" | "firefox" | "node" | "other";

type Globals = {
  process?: { getBuiltinModule?: (name: string) => typeof NodeCrypto | undefined };
  navigator?: { userAgent?: string };
};

const { process, navigator } = globalThis as unknown as Globals;

/** Asked of the running process, so that bundlers for browsers find no import of it. */
const node = process?.getBuiltinModule?.("node:crypto");

function recognise(): Platform {
  if (node !== undefined) return "node";
  const agent = navigator?.userAgent ?? "";
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

const cut = CUT_BYTES[recognise()];

/** The engine for a value of so many bytes. */
export function engineFor(choice: Engine = "auto", bytes: number): Exclude<Engine, "auto"> {
  if (choice !== "auto") return choice;
  if (bytes < cut) return "wasm";
  // Pages that are not served securely have no WebCrypto.
  return node !== undefined ? "node" : globalThis.crypto?.subtle === undefined ? "wasm" : "webcrypto";
}

/** Where a content key is, and what it is used with. */
export interface Content {
  /** A copy of the key, which whoever asks for it wipes. */
  key: () => Uint8Array;
  iv: Uint8Array;
  additionalData: Uint8Array;
}

const ALGORITHM = "aes-256-gcm";
const TAG_BYTES = 16;

/** Uses the key, and wipes it. */
function withKey<T>({ key }: Content, use: (key: Uint8Array) => T): T {
  const bytes = key();
  try {
    return use(bytes);
  } finally {
    bytes.fill(0);
  }
}

function nodeCipher(): typeof NodeCrypto {
  if (node === undefined) throw new CsmsError("client/unsupported", "this engine has no node:crypto");
  return node;
}

/** Encrypts with Node's cipher. @returns the ciphertext and its tag */
export function encryptInNode(content: Content, plaintext: Uint8Array): Uint8Array {
  const cipher = withKey(content, (key) => nodeCipher().createCipheriv(ALGORITHM, key, content.iv));
  const sealed = new Uint8Array(plaintext.length + TAG_BYTES);
  sealed.set(cipher.setAAD(content.additionalData).update(plaintext));
  cipher.final();
  sealed.set(cipher.getAuthTag(), plaintext.length);
  return sealed;
}

/** Decrypts with Node's cipher; returns nothing before the tag was checked. @throws an error if it is not the right one */
export function decryptInNode(content: Content, sealed: Uint8Array): Uint8Array {
  const end = sealed.length - TAG_BYTES;
  const options = { authTagLength: TAG_BYTES };
  const cipher = withKey(content, (key) => nodeCipher().createDecipheriv(ALGORITHM, key, content.iv, options));
  cipher.setAAD(content.additionalData).setAuthTag(sealed.subarray(end));
  const plaintext = cipher.update(sealed.subarray(0, end));
  try {
    cipher.final();
  } catch (cause) {
    plaintext.fill(0);
    throw cause;
  }
  // No Buffer, whose methods differ from those of its base.
  return new Uint8Array(plaintext.buffer, plaintext.byteOffset, plaintext.length);
}

/** Imports a content key into WebCrypto, which keeps it to itself. */
export async function importContentKey({ key }: Content): Promise<CryptoKey> {
  const bytes = key();
  try {
    return await subtle().importKey("raw", own(bytes), "AES-GCM", false, ["encrypt", "decrypt"]);
  } finally {
    bytes.fill(0);
  }
}

const parameters = ({ iv, additionalData }: Content) => ({
  name: "AES-GCM",
  iv: own(iv),
  additionalData: own(additionalData),
});

/** Encrypts in WebCrypto. @returns the ciphertext and its tag */
export async function encryptInWebCrypto(key: CryptoKey, content: Content, plaintext: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await subtle().encrypt(parameters(content), key, own(plaintext)));
}

/** Decrypts in WebCrypto. @throws an error if the tag is not the right one */
export async function decryptInWebCrypto(key: CryptoKey, content: Content, sealed: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await subtle().decrypt(parameters(content), key, own(sealed)));
}
