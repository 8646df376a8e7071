// Client-side encryption: values sealed before they leave the page, and opened in it.

import { CsmsError, JweKey, type Secret, type SecretType } from "csms";

import { fromBase64, type SealedHeader, type Stored } from "./value";

export type SealingWay = "none" | "passphrase" | "public";

export interface Sealing {
  way: SealingWay;
  passphrase: string;
  /** The passphrase typed once more: a slip would lose the value for good. */
  repeated: string;
  /** JSON Web Key of the recipient. */
  jwk: string;
}

export const NO_SEALING: Sealing = { way: "none", passphrase: "", repeated: "", jwk: "" };

/** What seals a value of a secret of this type. A passphrase is of no use to a rotation function, and stays for another type. */
export const usableFor = (type: SecretType, sealing: Sealing): Sealing =>
  type !== "COMMON" && sealing.way === "passphrase" ? { ...sealing, way: "none" } : sealing;

/** Whether anything was typed to seal with. */
export const isTypedIn = ({ passphrase, repeated, jwk }: Sealing): boolean => passphrase + repeated + jwk !== "";

/** What sealed values are for; part of what they are bound to. The rotation function opens those of its own purpose only. */
export const purposeOf = (type: SecretType, projectId: string) =>
  type === "COMMON" ? "console" : `rotation-${projectId}`;

/** What values of rotated secrets were sealed for before they were bound to their project. The rotation function opens them. */
const FORMER_ROTATION_PURPOSE = "rotation";

/** The secret that a sealed value must belong to. */
export interface Owner {
  name: string;
  /** What the value may be sealed for; without them for anything, since programs have purposes of their own. */
  purposes?: readonly [string, ...string[]];
}

/** The owner of a secret's values. A replica has those of its primary, which are sealed for the primary's project. */
export function ownerOf(
  {
    name,
    secret_type: type,
    replica_type,
    replicas,
  }: Pick<Secret, "name" | "secret_type" | "replica_type" | "replicas">,
  projectId: string,
): Owner {
  if (type === "COMMON") return { name };
  const primary = replica_type === "REPLICA" ? replicas?.[0]?.project_id : undefined;
  return { name, purposes: [purposeOf(type, primary ?? projectId), FORMER_ROTATION_PURPOSE] };
}

/** In what a sealed value belongs elsewhere; `undefined` for the owner's, and for one that is not bound to anything. */
export function foreignIn({ name, purpose }: SealedHeader, owner: Owner): "name" | "purpose" | undefined {
  if (name !== undefined && name !== owner.name) return "name";
  return purpose !== undefined && owner.purposes?.includes(purpose) === false ? "purpose" : undefined;
}

const LEAST_PASSPHRASE = 12;

/** Whether a text holds the private half of a key, whole or in part: a JSON Web Key's, or one in PEM. */
export const isPrivateKey = (text: string): boolean => /"(?:d|k|p|q|dp|dq|qi)"\s*:|PRIVATE KEY-----/.test(text);

/** What is missing before anything can be sealed; an English text to be translated. */
export function sealingProblem({ way, passphrase, repeated, jwk }: Sealing): string | undefined {
  if (way === "passphrase" && passphrase.length < LEAST_PASSPHRASE)
    return "The passphrase needs at least 12 characters.";
  if (way === "passphrase" && isRefused(passphrase))
    return "A passphrase is made of whole characters, at most 1,024 bytes.";
  if (way === "passphrase" && passphrase !== repeated) return "The two passphrases differ.";
  if (way === "public") {
    try {
      JweKey.fromJwk(jwk).free();
    } catch (error) {
      if (error instanceof CsmsError)
        return jwk.trim() === "" ? "Paste the recipient's public key." : "This is no JSON Web Key on P-256.";
      throw error;
    }
  }
  return undefined;
}

/** The package says what it takes. */
function isRefused(passphrase: string): boolean {
  try {
    JweKey.passphrase(passphrase).free();
    return false;
  } catch (error) {
    if (error instanceof CsmsError) return true;
    throw error;
  }
}

/** A value fits, and is too long once it is sealed. */
export class SealedTooLong extends Error {
  /**
   * @param got bytes of the sealed value
   * @param most bytes that fit
   */
  constructor(
    readonly got: number,
    readonly most: number,
  ) {
    super("the sealed value is too long");
  }
}

/**
 * The stored form of a value: sealed for its secret, or as it is.
 *
 * @param most bytes of a value that the service stores
 * @throws SealedTooLong for a value that is too long once it is sealed
 */
export async function sealed(
  value: Stored,
  { name, purpose }: { name: string; purpose: string },
  { way, passphrase, jwk }: Sealing,
  most: number,
): Promise<Stored> {
  if (way === "none") return value;
  const key = way === "passphrase" ? JweKey.passphrase(passphrase) : JweKey.fromJwk(jwk);
  try {
    const plain = "secret_string" in value ? value.secret_string : fromBase64(value.secret_binary);
    const token = await key.seal(plain, { name, purpose });
    if (token.length > most) throw new SealedTooLong(token.length, most);
    return { secret_string: token };
  } finally {
    key.free();
  }
}

/**
 * Opens a sealed value of the owner, or one that is not bound to anything, with a passphrase or a private JSON Web Key.
 *
 * @throws CsmsError `open/other-binding` for a value of another secret or purpose
 */
export async function opened(token: string, secret: string, header: SealedHeader, owner: Owner): Promise<Uint8Array> {
  const key = header.algorithm.startsWith("PBES2") ? JweKey.passphrase(secret) : JweKey.fromJwk(secret);
  const isBound = header.name !== undefined || header.purpose !== undefined;
  const { purpose: told = "" } = header;
  const purpose = owner.purposes?.includes(told) === false ? owner.purposes[0] : told;
  try {
    return await (isBound ? key.open(token, { name: owner.name, purpose }) : key.openUnbound(token));
  } finally {
    key.free();
  }
}

/** A key pair: the public half is given to those who seal, the private one opens. */
export async function keyPair(): Promise<{ publicKey: string; privateKey: string }> {
  const key = await JweKey.generate("ECDH-ES+A256KW");
  try {
    return { publicKey: JSON.stringify(key.toPublicJwk()), privateKey: JSON.stringify(key.toJwk()) };
  } finally {
    key.free();
  }
}
