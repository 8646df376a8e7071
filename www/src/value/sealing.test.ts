// What is taken to seal with and what is not, and which sealed values open.

import { init, JweKey, type ReplicaInfo } from "csms";
import { beforeAll, expect, test } from "vitest";

import {
  foreignIn,
  isPrivateKey,
  keyPair,
  NO_SEALING,
  opened,
  ownerOf,
  purposeOf,
  sealed,
  sealingProblem,
  usableFor,
} from "./sealing";
import { sealedHeader, storedText, toBase64 } from "./value";

beforeAll(() => init());

test("a passphrase that the rules do not take is refused in the words of the page", () => {
  const problem = (passphrase: string) =>
    sealingProblem({ ...NO_SEALING, way: "passphrase", passphrase, repeated: passphrase });
  expect(problem("x".repeat(1024))).toBeUndefined();
  for (const wrong of ["x".repeat(1025), "终".repeat(342), `half of a pair: \ud800`])
    expect(problem(wrong)).toBe("A passphrase is made of whole characters, at most 1,024 bytes.");
});

test("the private half of a key is told from the public one", async () => {
  const { publicKey, privateKey } = await keyPair();
  expect([isPrivateKey(publicKey), isPrivateKey(privateKey)]).toEqual([false, true]);
  expect(isPrivateKey(privateKey.slice(0, privateKey.lastIndexOf('"d":') + 4))).toBe(true);
  expect(isPrivateKey("-----BEGIN EC PRIVATE KEY-----\nAAAA")).toBe(true);
  expect(isPrivateKey("-----BEGIN PUBLIC KEY-----\nAAAA")).toBe(false);
});

const PASSPHRASE = "correct horse battery";
const COMMON = { name: "app-db", secret_type: "COMMON", replica_type: "STANDALONE" } as const;
const ROTATED = { ...COMMON, secret_type: "RDS-FG" } as const;
const OWNER = ownerOf(COMMON, "project");

const headerOf = (token: string) => {
  const header = sealedHeader(token);
  if (!header) throw new Error("not sealed");
  return header;
};

test("what the console seals for a secret opens there, and nowhere else", async () => {
  const { publicKey, privateKey } = await keyPair();
  const ways = [
    [{ ...NO_SEALING, way: "passphrase", passphrase: PASSPHRASE, repeated: PASSPHRASE }, PASSPHRASE],
    [{ ...NO_SEALING, way: "public", jwk: publicKey }, privateKey],
  ] as const;
  for (const [sealing, secret] of ways) {
    const binding = { name: COMMON.name, purpose: purposeOf("COMMON", "project") };
    const token = storedText(await sealed({ secret_string: "for few eyes" }, binding, sealing, 32_768));
    const open = (owner: typeof OWNER) => opened(token, secret, headerOf(token), owner);
    expect(new TextDecoder().decode(await open(OWNER))).toBe("for few eyes");
    expect(foreignIn(headerOf(token), OWNER)).toBeUndefined();
    for (const [owner, foreign] of [
      [ownerOf({ ...COMMON, name: "other" }, "project"), "name"],
      [ownerOf(ROTATED, "project"), "purpose"],
    ] as const) {
      expect(foreignIn(headerOf(token), owner)).toBe(foreign);
      await expect(open(owner)).rejects.toMatchObject({ code: "open/other-binding" });
    }
  }
});

test("the header decides nothing: a value of another secret does not open under a header that was not read", async () => {
  const key = JweKey.passphrase(PASSPHRASE, { iterations: 10_000 });
  const token = await key.seal("of another secret", { name: "other", purpose: "console" });
  key.free();
  for (const claim of [{ name: COMMON.name, purpose: "console" }, { name: COMMON.name }, { purpose: "console" }, {}])
    await expect(opened(token, PASSPHRASE, { algorithm: "PBES2-HS512+A256KW", ...claim }, OWNER)).rejects.toThrow();
});

/** A token as other programs make them: for a key that both sides have, and not bound to anything. */
async function unbound(text: string): Promise<{ token: string; jwk: string }> {
  const base64url = (bytes: Uint8Array) =>
    toBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const encoded = (text: string) => new TextEncoder().encode(text);
  const [bytes, iv] = [crypto.getRandomValues(new Uint8Array(32)), crypto.getRandomValues(new Uint8Array(12))];
  const key = await crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt"]);
  const header = base64url(encoded('{"alg":"dir","enc":"A256GCM"}'));
  const algorithm = { name: "AES-GCM", iv, additionalData: encoded(header) };
  const closed = new Uint8Array(await crypto.subtle.encrypt(algorithm, key, encoded(text)));
  const parts = [iv, closed.subarray(0, -16), closed.subarray(-16)].map(base64url);
  return {
    token: [header, "", ...parts].join("."),
    jwk: JSON.stringify({ kty: "oct", alg: "dir", k: base64url(bytes) }),
  };
}

test("a value that is not bound to anything opens", async () => {
  const { token, jwk } = await unbound("of anybody");
  expect(foreignIn(headerOf(token), OWNER)).toBeUndefined();
  expect(new TextDecoder().decode(await opened(token, jwk, headerOf(token), OWNER))).toBe("of anybody");
});

test("a database account has values of its project, older ones of no project, and a replica those of its primary", () => {
  const primary = { project_id: "primary", replica_type: "PRIMARY" } as ReplicaInfo;
  const replica = { ...ROTATED, replica_type: "REPLICA" as const, replicas: [primary] };
  const foreign = (purpose: string, secret: Parameters<typeof ownerOf>[0]) =>
    foreignIn({ algorithm: "ECDH-ES+A256KW", name: COMMON.name, purpose }, ownerOf(secret, "project"));
  expect(foreign("rotation-project", ROTATED)).toBeUndefined();
  expect(foreign("rotation", ROTATED)).toBeUndefined();
  expect(foreign("rotation-primary", replica)).toBeUndefined();
  expect(foreign("console", { ...COMMON, replica_type: "REPLICA", replicas: [primary] })).toBeUndefined();
  for (const purpose of ["rotation-other", "console", ""]) expect(foreign(purpose, ROTATED)).toBe("purpose");
  for (const purpose of ["rotation", "console", "billing"]) expect(foreign(purpose, COMMON)).toBeUndefined();
  // A primary has replicas too, and values of its own project.
  expect(foreign("rotation-project", { ...ROTATED, replica_type: "PRIMARY", replicas: [primary] })).toBeUndefined();
});

test("a passphrase stays typed while the type of the secret has no use for it, and a public key is used for any", () => {
  const typed = { ...NO_SEALING, way: "passphrase", passphrase: PASSPHRASE, repeated: PASSPHRASE, jwk: "{}" } as const;
  expect(usableFor("RDS-FG", typed)).toEqual({ ...typed, way: "none" });
  expect(usableFor("COMMON", typed)).toBe(typed);
  const forKey = { ...typed, way: "public" } as const;
  for (const type of ["COMMON", "RDS-FG", "GaussDB-FG"] as const) expect(usableFor(type, forKey)).toBe(forKey);
});
