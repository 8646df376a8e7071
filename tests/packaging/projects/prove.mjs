// What every project proves about the package it was given: rules, signatures, encryption.

export async function prove(csms) {
  const good = csms.validateCreateSecret({ name: "demo", secret_string: "s3cr3t" });
  const bad = csms.validateCreateSecret({ name: "a.b" }, { language: "zh-CN" });
  const headers = csms.signRequest({ method: "GET", url: "https://kms.example.com/v1/p/secrets" }, { accessKey: "AK", secretKey: "SK" }, { date: 0 });
  const key = await csms.JweKey.generate("ECDH-ES+A256KW");
  const value = "v".repeat(20_000);
  const token = await key.seal(value, { name: "demo", purpose: "test" });
  const opened = await key.openText(token, { name: "demo", purpose: "test" });
  key.free();
  let freed = "";
  try {
    key.toJwk();
  } catch (error) {
    freed = error.code;
  }
  const facts = {
    good: good.ok && good.value.secret_type === "COMMON",
    bad: !bad.ok && bad.problems.length === 2 && bad.problems[0].path === "name",
    signed: headers.authorization.startsWith("SDK-HMAC-SHA256 Access=AK, SignedHeaders=host;x-sdk-date, Signature="),
    sealed: token.split(".").length === 5 && !token.includes(value),
    opened: opened === value,
    freed: freed === "client/freed",
    password: csms.generateDatabasePassword().length === 32,
  };
  const wrong = Object.keys(facts).filter((name) => !facts[name]);
  return wrong.length === 0 ? "proven" : `wrong: ${wrong.join(", ")}`;
}
