import type { Secret } from "csms";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { csvOf, formatOf, jsonOf, read, Unreadable } from "./exchange";

const values = (text: string, format: "env" | "json" | "csv") =>
  read(text, format).map((secret) => [secret.name, "secret_string" in secret ? secret.secret_string : undefined]);

describe("reading .env", () => {
  test("plain, quoted and exported values, with comments", () => {
    const text = "# comment\nA=1\nexport B = 'two words' # why\nC=\"line\\nnext\"\n\nD=\nE=a=b\r\nF=x y # note\n";
    expect(values(text, "env")).toEqual([
      ["A", "1"],
      ["B", "two words"],
      ["C", "line\nnext"],
      ["D", ""],
      ["E", "a=b"],
      ["F", "x y"],
    ]);
  });

  test("a value in quotes keeps its lines", () => {
    expect(values('KEY="-----BEGIN-----\nAAAA\n-----END-----\n"\nB=2', "env")).toEqual([
      ["KEY", "-----BEGIN-----\nAAAA\n-----END-----\n"],
      ["B", "2"],
    ]);
  });

  test("a line that is no assignment is named", () => {
    expect(() => read("A=1\nnot a line\n", "env")).toThrow(Unreadable);
    try {
      read("A=1\nnot a line\n", "env");
    } catch (error) {
      expect((error as Unreadable).line).toBe(2);
    }
  });
});

describe("reading JSON and CSV", () => {
  test("an object of names with values; what is no text is kept as JSON", () => {
    expect(values('{"a":"1","b":{"c":2}}', "json")).toEqual([
      ["a", "1"],
      ["b", '{"c":2}'],
    ]);
  });

  test("quoted cells keep commas, quotes and lines", () => {
    expect(values('name,value\r\na,"x, ""y""\nz"\r\nb,2\r\n', "csv")).toEqual([
      ["a", 'x, "y"\nz'],
      ["b", "2"],
    ]);
  });

  test("what is exported is read again as it was", () => {
    const secret = fc.record({ name: fc.string(), secret_string: fc.string() }, { noNullPrototype: true });
    fc.assert(
      fc.property(fc.array(secret), (secrets) => {
        expect(read(jsonOf(secrets), "json")).toEqual(secrets);
      }),
    );
  });

  test("the format is told by the name and the text", () => {
    expect([formatOf("x.csv", ""), formatOf("a", '{"b":1}'), formatOf(".env", "A=1")]).toEqual(["csv", "json", "env"]);
  });
});

test("a cell that a spreadsheet would compute is text", () => {
  const secret = { name: "=cmd()", state: "ENABLED", secret_type: "COMMON", description: "" } as Secret;
  expect(csvOf([secret])).toContain(`"'=cmd()"`);
});
