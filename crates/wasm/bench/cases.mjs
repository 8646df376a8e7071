// What is measured. Runs in Node and, bundled, in a page.

import { gcm } from "@noble/ciphers/aes.js";
import { randomBytes } from "@noble/ciphers/utils.js";
import Ajv from "ajv";
import { CompactEncrypt, compactDecrypt } from "jose";
import { z } from "zod";

import { compare } from "./measure.mjs";

const SIZES = [32, 256, 1024, 4096, 32_768, 1 << 20];
/** Where the cut between WebAssembly and the engine's own cipher may lie. */
const AROUND_THE_CUT = [128, 256, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12_288, 16_384];

/** The engine that large values are handed to here. */
const own = globalThis.process?.getBuiltinModule === undefined ? "webcrypto" : "node";
const binding = { name: "demo", purpose: "bench" };
const header = { alg: "dir", enc: "A256GCM" };

/** The same rules for a new secret, as far as schemas can say them. */
const NAME = "^[a-zA-Z0-9_-]{1,64}$";
const zodSchema = z
  .object({
    name: z.string().regex(new RegExp(NAME)),
    secret_string: z.string().min(1).max(32_768).optional(),
    secret_binary: z.string().min(1).max(32_768).optional(),
    description: z.string().max(2048).optional(),
    secret_type: z.enum(["COMMON", "RDS-FG", "GaussDB-FG"]).optional(),
    auto_rotation: z.boolean().optional(),
    rotation_period: z.string().regex(/^[0-9]+[dhms]$/).optional(),
    event_subscriptions: z.array(z.string().regex(new RegExp(NAME))).max(1).optional(),
  })
  .refine((body) => (body.secret_string === undefined) !== (body.secret_binary === undefined));
const ajvSchema = {
  type: "object",
  required: ["name"],
  properties: {
    name: { type: "string", pattern: NAME },
    secret_string: { type: "string", minLength: 1, maxLength: 32_768 },
    secret_binary: { type: "string", minLength: 1, maxLength: 32_768 },
    description: { type: "string", maxLength: 2048 },
    secret_type: { enum: ["COMMON", "RDS-FG", "GaussDB-FG"] },
    auto_rotation: { type: "boolean" },
    rotation_period: { type: "string", pattern: "^[0-9]+[dhms]$" },
    event_subscriptions: { type: "array", maxItems: 1, items: { type: "string", pattern: NAME } },
  },
  oneOf: [{ required: ["secret_string"] }, { required: ["secret_binary"] }],
};
const good = {
  name: "db-main",
  secret_string: '{"username":"app","password":"correct horse"}',
  description: "the main database",
  secret_type: "COMMON",
  event_subscriptions: ["rotated"],
};
const bad = { ...good, name: "db.main", secret_type: "OTHER", event_subscriptions: ["a", "b"] };

/** Everything that is measured with a value of `size` bytes. */
async function encryption(csms, size, options) {
  const raw = crypto.getRandomValues(new Uint8Array(32));
  const value = new Uint8Array(size).fill(97);
  const key = csms.JweKey.dataKey(raw);
  const imported = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
  const token = await key.seal(value, binding);
  const joseToken = await new CompactEncrypt(value).setProtectedHeader(header).encrypt(raw);
  const joseKey = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, imported, value);
  const nobleSealed = gcm(raw, iv).encrypt(value);
  const seal = await compare(
    {
      csms: () => key.seal(value, binding),
      "in wasm": () => key.seal(value, { ...binding, engine: "wasm" }),
      "in WebCrypto": () => key.seal(value, { ...binding, engine: "webcrypto" }),
      "WebCrypto, bare": () => {
        const iv = crypto.getRandomValues(new Uint8Array(12));
        return crypto.subtle.encrypt({ name: "AES-GCM", iv }, imported, value);
      },
      jose: () => new CompactEncrypt(value).setProtectedHeader(header).encrypt(joseKey),
      "@noble/ciphers": () => gcm(raw, randomBytes(12)).encrypt(value),
    },
    options,
  );
  const open = await compare(
    {
      csms: () => key.open(token, binding),
      "in wasm": () => key.open(token, { ...binding, engine: "wasm" }),
      "in WebCrypto": () => key.open(token, { ...binding, engine: "webcrypto" }),
      "WebCrypto, bare": () => crypto.subtle.decrypt({ name: "AES-GCM", iv }, imported, sealed),
      jose: () => compactDecrypt(joseToken, joseKey),
      "@noble/ciphers": () => gcm(raw, iv).decrypt(nobleSealed),
    },
    options,
  );
  key.free();
  return { size, seal, open };
}

async function crossing(csms, size, options) {
  const key = await csms.JweKey.generate("dir");
  const value = new Uint8Array(size).fill(97);
  const { ratios } = await compare(
    {
      wasm: () => key.seal(value, { ...binding, engine: "wasm" }),
      own: () => key.seal(value, { ...binding, engine: own }),
    },
    options,
  );
  key.free();
  return { size, ratio: ratios.own };
}

async function validation(csms, options) {
  const ajv = new Ajv({ allErrors: true }).compile(ajvSchema);
  const contenders = (request) => ({
    csms: () => csms.validateCreateSecret(request, { now: 0 }),
    zod: () => zodSchema.safeParse(request),
    ajv: () => ajv(request),
  });
  return { good: await compare(contenders(good), options), bad: await compare(contenders(bad), options) };
}

/** Measures everything; the result is plain data. */
export async function measure(csms, options) {
  const sizes = options.quick ? [32, 4096, 32_768] : SIZES;
  const encrypted = [];
  for (const size of sizes) encrypted.push(await encryption(csms, size, options));
  const cut = [];
  for (const size of options.quick ? [] : AROUND_THE_CUT) cut.push(await crossing(csms, size, options));
  return { own, encrypted, cut, validated: await validation(csms, options) };
}
