import { CsmsError, type Secret, type Version } from "csms";
import { expect, test } from "vitest";

import { readEach } from "./readEach";

const secrets = Array.from({ length: 50 }, (_, number) => ({ name: `s${number}`, description: "" }) as Secret);
const version = (name: string) =>
  ({ version_metadata: { secret_name: name }, secret_string: `value of ${name}` }) as Version;
const refusal = new CsmsError("CSMS.0401", "the key of secret_name_list[1] is disabled", { status: 400 });

/** A service that refuses a batch in which one of these names is, and counts what it is asked. */
function service(refused: readonly string[], error = refusal) {
  const asked: number[] = [];
  const read = async (names: string[]) => {
    asked.push(names.length);
    if (names.some((name) => refused.includes(name))) throw error;
    return names.map(version);
  };
  return { asked, read };
}

test("values are read twenty at a time", async () => {
  const { asked, read } = service([]);
  const { found, failed } = await readEach(secrets, read);
  expect([found.length, failed, asked]).toEqual([50, [], [20, 20, 10]]);
  expect(found[0]).toEqual({ name: "s0", secret_string: "value of s0" });
});

test("a secret that is refused is named, and the others are read", async () => {
  const { asked, read } = service(["s21", "s30"]);
  const { found, failed } = await readEach(secrets, read);
  expect(failed).toEqual([secrets[21], secrets[30]].map((secret) => ({ secret, error: refusal })));
  expect(found.map(({ name }) => name)).toEqual(
    secrets.map(({ name }) => name).filter((name) => name !== "s21" && name !== "s30"),
  );
  expect(asked).toEqual([20, 20, ...Array(20).fill(1), 10]);
});

test("a service that fails itself is not asked for one after the other", async () => {
  for (const error of [
    new CsmsError("CSMS.0701", "try again", { status: 503, retryable: true }),
    new CsmsError("client/network", "the service could not be reached", { retryable: true }),
  ]) {
    const { asked, read } = service(["s5"], error);
    await expect(readEach(secrets, read)).rejects.toBe(error);
    expect(asked).toEqual([20]);
  }
});
