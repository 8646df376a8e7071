import type { Secret } from "csms";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { asOne, csvOf, formatOf, jsonOf, read, Unreadable } from "./exchange";

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

  test("what begins with a quotation mark and is no quotation is refused, with its line", () => {
    for (const wrong of ['"open', "'open", "'x' y", '"x"y', "  'x", '"a\\"', "`x`", " `x y`", "`"]) {
      expect(() => read(`A=1\nB=${wrong}\nC=3`, "env"), wrong).toThrow(
        new Unreadable("This line is not NAME=value.", 2),
      );
    }
  });

  test("blanks and comments around a value are left out, and a sign of comments within it stays", () => {
    expect(values('A= x # y\nB=#1\nC=a#b\t# c\nD= # empty\nE=it\'s "so"\nF=\u00a0x\u2028', "env")).toEqual([
      ["A", "x"],
      ["B", "#1"],
      ["C", "a#b"],
      ["D", ""],
      ["E", 'it\'s "so"'],
      ["F", "\u00a0x\u2028"],
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

  test("numbers keep their digits, and names their number, order and place", () => {
    const text = '{"10":1.0,"2":9223372036854775807,"__proto__":"p","b":{"c": 1e2},"2":"again"}';
    expect(values(text, "json")).toEqual([
      ["10", "1.0"],
      ["2", "9223372036854775807"],
      ["__proto__", "p"],
      ["b", '{"c": 1e2}'],
      ["2", "again"],
    ]);
  });

  test("one secret of all keeps types, digits and order, and refuses a name that occurs twice", () => {
    const found = read('{"10":1.0,"2":"5","__proto__":true}', "json");
    expect(asOne(found)).toBe('{\n  "10": 1.0,\n  "2": "5",\n  "__proto__": true\n}');
    expect(asOne(read("A=1\nB=true\n", "env"))).toBe('{\n  "A": "1",\n  "B": "true"\n}');
    expect(() => asOne(read("A=1\nA=2\n", "env"))).toThrow(Unreadable);
  });

  test("quoted cells keep commas, quotes and lines", () => {
    expect(values('name,value\r\na,"x, ""y""\nz"\r\nb,2\r\n', "csv")).toEqual([
      ["a", 'x, "y"\nz'],
      ["b", "2"],
    ]);
  });

  test("a row with more cells than columns is refused, with its line: a value would be cut", () => {
    const wrong = "This row has more cells than";
    for (const [text, line] of [
      ["name,value\nX-db,postgres://u:p@h/db?options=a,b,c\n", 2],
      ['name,value\n\na,"two\nlines"\r\nb,c,d\n', 5],
      ["name,username,password\ndb,app,s3cret", 1],
      ["a,b\nc,d,", 2],
    ] as const) {
      expect(() => read(text, "csv"), text).toThrow(
        expect.objectContaining({ line, message: expect.stringContaining(wrong) }),
      );
    }
    expect(values("name,description,value\na,,1\n", "csv")).toEqual([["a", "1"]]);
  });

  test("a column that is not read is refused, and so is one that occurs twice", () => {
    for (const head of ["name,value,notes", "name,value,value", "name,value,"]) {
      expect(() => read(`${head}\na,b,c\n`, "csv"), head).toThrow("Only the columns name, value and description");
    }
  });

  test("cells of CSV are read as they were written, or not at all", () => {
    const cell = fc.string({ unit: fc.constantFrom("a", ",", '"', "\r", "\n", " ", "=", "终") });
    const bare = fc.array(fc.tuple(fc.stringMatching(/^[a-z]{1,8}$/), cell), { minLength: 1 });
    fc.assert(
      fc.property(bare, fc.constantFrom("\n", "\r\n"), (pairs, end) => {
        const quoted = pairs.map(([name, value]) => `${name},"${value.replaceAll('"', '""')}"${end}`).join("");
        expect(values(`name,value${end}${quoted}`, "csv")).toEqual(pairs);
        for (const [name, value] of pairs.filter(([, value]) => !/[\r\n"]/.test(value))) {
          const one = () => values(`name,value${end}${name},${value}${end}`, "csv");
          if (value.includes(",")) expect(one).toThrow(Unreadable);
          else expect(one()).toEqual([[name, value]]);
        }
      }),
    );
  });

  test("a list is refused that holds more than is read, and bytes are no value of a key", () => {
    for (const item of [
      '{"name":"a","secret_string":"b","kms_key_id":"c"}',
      '{"name":"a","secret_string":"b","secret_string":"c"}',
      '{"name":"a","secret_string":"b","description":5}',
      '{"name":"a","secret_string":"b","secret_binary":"AA=="}',
      '{"name":"a"}',
      "5",
    ]) {
      const text = `[{"name":"one","secret_string":"1"},\n${item}]`;
      expect(() => read(text, "json"), item).toThrow(expect.objectContaining({ line: 2 }));
    }
    const bytes = read('[{"name":"cert","secret_binary":"AP8Q","description":null}]', "json");
    expect(bytes).toEqual([{ name: "cert", secret_binary: "AP8Q" }]);
    expect(() => asOne(bytes)).toThrow(Unreadable);
  });

  test("JSON that is broken says in which line", () => {
    expect(() => read('{"a": 1,\n"b": }', "json")).toThrow(new Unreadable("This is not JSON.", 2));
    expect(() => read("[1, 2", "json")).toThrow(new Unreadable("This is not JSON.", 1));
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

describe("files with a line of millions of characters", () => {
  const LONG = 8 << 20;
  const long = "x".repeat(LONG);

  test("are read whole, in whatever format", () => {
    for (const [text, format] of [
      [`A=${long}`, "env"],
      [`A="${long}"`, "env"],
      [`{"A":"${long}"}`, "json"],
      [`A,"${long}"`, "csv"],
    ] as const) {
      expect(read(text, format), format).toEqual([{ name: "A", secret_string: long }]);
    }
  });

  test("are read whole, whatever millions of escapes they hold", () => {
    const count = 5_000_000;
    for (const [text, format, value] of [
      [`A="${"\\n".repeat(count)}"`, "env", "\n"],
      [`{"A":"${"\\n".repeat(count)}"}`, "json", "\n"],
      [`A,"${'""'.repeat(count)}"`, "csv", '"'],
    ] as const) {
      // Compared by `expect`, a difference of this length would take minutes to print.
      expect(values(text, format)[0]?.[1] === value.repeat(count), format).toBe(true);
    }
  }, 60_000);

  test("take no longer for blanks", () => {
    expect(values(`A=x${" ".repeat(LONG)}y`, "env")[0]?.[1]?.length).toBe(LONG + 2);
  });
});
