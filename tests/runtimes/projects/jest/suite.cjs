const { JweKey, parseRotationPeriod } = require("csms");

test("the package runs", async () => {
  expect(parseRotationPeriod("24h").value.canonical).toBe("1d");
  const binding = { name: "demo", purpose: "test" };
  for (const key of [await JweKey.generate("ECDH-ES+A256KW"), JweKey.dataKey(new Uint8Array(32))]) {
    for (const value of ["s3cr3t", "v".repeat(20_000)]) {
      expect(await key.openText(await key.seal(value, binding), binding)).toBe(value);
    }
  }
});
