// Checks the npm package against the vectors beside this file, in whatever engine it is loaded. It returns what it
// checked and what went wrong, so that Node and pages report in their own ways.

/** The files of vectors. */
export const FILES = ["validation", "periods", "stages", "signing", "jwe"];

const sorted = (value) =>
  value === null || typeof value !== "object" || Array.isArray(value)
    ? Array.isArray(value)
      ? value.map(sorted)
      : value
    : Object.fromEntries(Object.keys(value).sort().map((name) => [name, sorted(value[name])]));

const same = (a, b) => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));

/** Problems as the vectors write them: without the message, which stands in both languages beside. */
const bare = (result) => (result.ok ? result : { ...result, problems: result.problems.map(({ message: _, ...rest }) => rest) });

const messages = (result) => [
  ...(result.problems ?? []).map((problem) => problem.message),
  ...(result.refusal ? [result.refusal.message] : []),
];

/**
 * @param csms the initialised package
 * @param vectors the parsed files, by name
 * @returns {Promise<{checked: number, failures: string[]}>}
 */
export async function check(csms, vectors) {
  let checked = 0;
  const failures = [];
  const expect = (name, found, expected) => {
    checked += 1;
    if (!same(found, expected)) failures.push(`${name}: ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`);
  };
  /** Compares an answer in both languages. */
  const answers = (name, ask, expected) => {
    const { en = [], "zh-CN": zh = [], ...rest } = expected;
    const strip = ({ refusal, ...result }) =>
      refusal ? { ...result, refusal: { reason: refusal.reason, code: refusal.code } } : result;
    expect(name, strip(bare(ask("en"))), rest);
    expect(`${name}, in English`, messages(ask("en")), en);
    expect(`${name}, in Chinese`, messages(ask("zh-CN")), zh);
  };

  const { validation, periods, stages, signing, jwe } = vectors;
  for (const vector of validation.cases) {
    const ask = (language) => csms.validate(vector.operation, vector.request, { now: validation.now, language });
    answers(`validation, ${vector.name}`, ask, vector.answer);
  }
  for (const vector of periods.periods) {
    const ask = (language) => {
      const result = csms.parseRotationPeriod(vector.text, { language });
      return result.ok ? { ...result, value: { ...result.value, humanised: undefined } } : result;
    };
    const { humanised, ...expected } = vector;
    answers(`period ${vector.text}`, ask, expected.answer);
    for (const language of Object.keys(humanised ?? {})) {
      expect(`period ${vector.text} in words`, csms.parseRotationPeriod(vector.text, { language }).value.humanised, humanised[language]);
    }
  }
  for (const { period, options, times } of periods.next) {
    expect(`rotations every ${period}`, csms.nextRotations(period, options), { ok: true, value: times });
  }
  for (const vector of periods.configs) {
    answers(`configuration ${vector.text}`, (language) => csms.parseRotationConfig(vector.text, { language }), vector.answer);
    if (vector.answer.ok) {
      expect(`configuration ${vector.text} printed`, csms.formatRotationConfig(vector.answer.value).value, vector.answer.value.text);
    }
  }
  for (const vector of periods.urns) {
    answers(`URN ${vector.text}`, (language) => csms.parseFunctionUrn(vector.text, { language }), vector.answer);
    if (vector.answer.ok) {
      expect(`URN ${vector.text} printed`, csms.formatFunctionUrn(vector.answer.value).value, vector.answer.value.qualified);
    }
  }
  const previews = {
    CreateSecretVersion: csms.previewNewVersion,
    UpdateSecretStage: csms.previewStageMove,
    DeleteSecretStage: csms.previewStageDeletion,
    RotateSecret: (secret, _, options) => csms.previewRotation(secret, options),
  };
  for (const { name, operation, secret, request, answer } of stages.previews) {
    const ask = (language) => previews[operation](secret, request, { now: stages.now, language });
    answers(`preview, ${name}`, ask, answer);
  }
  for (const { state, operation, reason } of stages.permits) {
    const result = csms.permits(state, operation);
    expect(`${operation} when ${state}`, result.ok ? null : result.refusal.reason, reason);
  }
  for (const vector of signing.requests) {
    const headers = Object.fromEntries(vector.signed_headers);
    const host = headers.host;
    const url = `https://${host}${vector.path}${vector.query ? `?${vector.query}` : ""}`;
    const date = Date.parse(vector.date.replace(/(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/, "$1-$2-$3T$4:$5:$6Z"));
    const key = { accessKey: vector.access_key, secretKey: vector.secret_key };
    const sent = csms.signRequest({ method: vector.method, url, headers, body: vector.body }, key, { date });
    expect(`signature, ${vector.name}`, sent.authorization.split("Signature=")[1], vector.signature);
  }
  await checkTokens(csms, jwe, expect);
  return { checked, failures };
}

const base64url = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

/** A key of the vectors: a JSON Web Key with its algorithm, or a passphrase. */
function keyOf(csms, key) {
  if (key.passphrase !== undefined) return csms.JweKey.passphrase(key.passphrase, { iterations: 10_000 });
  return csms.JweKey.fromJwk(key.jwk ?? key);
}

async function checkTokens(csms, jwe, expect) {
  const text = (vector) => vector.utf8 ?? undefined;
  const open = async (key, vector, engine) => {
    const options = { engine };
    try {
      const bytes = vector.binding
        ? await key.open(vector.token, { ...vector.binding, ...options })
        : await key.openUnbound(vector.token, options);
      return { bytes };
    } catch (error) {
      if (error?.name !== "CsmsError") throw error;
      return { code: error.code };
    }
  };
  const engines = ["wasm"];
  if (globalThis.crypto?.subtle) engines.push("webcrypto");
  if (globalThis.process?.getBuiltinModule) engines.push("node");
  for (const engine of engines) {
    for (const vector of [...jwe.sealed, ...jwe.foreign]) {
      const key = keyOf(csms, jwe.keys[vector.key]);
      const { bytes, code } = await open(key, vector, engine);
      const expected = vector.base64url === undefined ? new TextEncoder().encode(text(vector)) : base64url(vector.base64url);
      expect(`token, ${vector.name}, by ${engine}`, code ?? [...bytes], [...expected]);
      key.free();
    }
    for (const vector of jwe.refused) {
      const key = keyOf(csms, jwe.keys[vector.key]);
      const { code } = await open(key, vector, engine);
      expect(`refused token, ${vector.name}, by ${engine}`, code, `open/${vector.error}`);
      key.free();
    }
    // Every algorithm seals here what the other engine opens.
    for (const algorithm of ["dir", "A256GCMKW", "ECDH-ES+A256KW"]) {
      const key = await csms.JweKey.generate(algorithm);
      const binding = { name: "demo", purpose: "value" };
      const token = await key.seal("päss", { ...binding, engine });
      for (const other of engines) expect(`${algorithm} sealed by ${engine}`, await key.openText(token, { ...binding, engine: other }), "päss");
      const changed = token.slice(0, -2) + (token.at(-2) === "A" ? "B" : "A") + token.at(-1);
      const { code } = await open(key, { token: changed, binding }, engine);
      expect(`${algorithm} changed, by ${engine}`, code, "open/decryption");
      key.free();
    }
  }
}
