// No byte of a value changes unless a person changed it: for generated JSON documents, texts and edits.

import fc from "fast-check";
import { describe, expect, test } from "vitest";

import {
  contentOf,
  type Draft,
  draftOf,
  emptyDraft,
  leftOut,
  reshape,
  rowProblems,
  storedOfDraft,
  withChosenLineEnd,
  withNewRow,
  withoutRow,
  withRowKey,
  withShownRowValue,
  withShownText,
  withText,
} from "./draft";
import { parseObject } from "./json";
import { type Edit, shownLines } from "./lines";

const draftOfText = (text: string): Draft => draftOf({ secret_string: text });
const storedText = (draft: Draft) => (storedOfDraft(draft) as { secret_string: string }).secret_string;
const rowOf = (draft: Draft, key: string) => {
  const row = draft.rows.find((each) => each.key === key);
  if (!row) throw new Error(`no row ${key}`);
  return row;
};
/** Edits the value of a key as a person does: by what the field then shows. */
const edit = (text: string, key: string, shown: string) => {
  const draft = draftOfText(text);
  return storedText(withShownRowValue(draft, rowOf(draft, key).id, shown));
};

const PEM = "-----BEGIN KEY-----\nAAAA\nBBBB\n-----END KEY-----\n";

/** A string as JSON, with escapes that `JSON.stringify` would not write. */
const rawString = fc
  .array(fc.oneof(fc.string({ maxLength: 4 }), fc.constantFrom("\n", "\r\n", "é", "😀", '"', "\\", "/", "\u2028")), {
    maxLength: 4,
  })
  .chain((parts) =>
    fc.constantFrom(
      JSON.stringify(parts.join("")),
      JSON.stringify(parts.join("")).replaceAll("/", "\\/"),
      `"${[...parts.join("")]
        .flatMap((c) => c.split(""))
        .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
        .join("")}"`,
    ),
  );
const rawNumber = fc.oneof(
  fc.constantFrom(
    "0",
    "-0",
    "1.0",
    "1e2",
    "1E+2",
    "0.10",
    "-12.50",
    "9223372036854775807",
    "18446744073709551615",
    "1e400",
  ),
  fc.integer().map(String),
);
const rawScalar = fc.oneof(rawString, rawNumber, fc.constantFrom("true", "false", "null"));
const nested = fc.constantFrom("[]", "{}", "[1, 2.0]", '{"a" : {"b":[ ]}}');
const space = fc.constantFrom("", " ", "\n", "\r\n", "\n  ", "\t");
/** A JSON object with its text and how each member is written. */
const document = fc
  .tuple(fc.uniqueArray(rawString, { maxLength: 6, selector: (raw) => JSON.parse(raw) as string }), space, space, space)
  .chain(([keys, one, two, three]) =>
    fc
      .tuple(...keys.map(() => fc.oneof({ weight: 6, arbitrary: rawScalar }, { weight: 1, arbitrary: nested })))
      .map((values) => {
        const members = keys.map((key, index) => ({ key, value: values[index] as string }));
        const text = `${one}{${two}${members.map(({ key, value }) => `${key}${three}:${one}${value}`).join(`${three},${two}`)}${one}}${three}`;
        return { text, members };
      }),
  );

describe("what nobody edits", () => {
  test("any text is stored as it was read, whichever views were looked at", () => {
    const views = fc.array(fc.constantFrom("pairs" as const, "text" as const), { maxLength: 6 });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          document.map(({ text }) => text),
          fc.constant("A=1\r\nB=2\r\n"),
        ),
        views,
        (text, shapes) => {
          expect(storedText(shapes.reduce(reshape, draftOfText(text)))).toBe(text);
        },
      ),
    );
  });

  test("typed text is there again after a look at Key/value", () => {
    for (const typed of ["hello", '{"a":{"b":1}}', '{"n": 1e2}\n', "[1]"]) {
      const draft = withShownText({ ...emptyDraft(), shape: "text" }, typed);
      expect(storedText(reshape(reshape(draft, "pairs"), "text"))).toBe(typed);
    }
  });

  test("a value whose key is still to come stays when the text is edited meanwhile", () => {
    const draft = withNewRow(draftOfText('{"a":"1"}'));
    const typed = withShownRowValue(draft, draft.rows[1]?.id ?? 0, "waiting");
    for (const text of ['{"a":"2"}', "no JSON", ""]) {
      const edited = withShownText(reshape(typed, "text"), text);
      const back = reshape(edited, "pairs");
      expect(storedText(back)).toBe(text);
      expect(back.rows.at(-1)?.value).toBe("waiting");
    }
  });

  test("a row that has no key yet stays when another view is looked at", () => {
    const draft = withNewRow(draftOfText('{"a":"1"}'));
    const typed = withShownRowValue(draft, draft.rows[1]?.id ?? 0, "waiting");
    expect(reshape(reshape(typed, "text"), "pairs").rows.map(({ value }) => value)).toEqual(["1", "waiting"]);
  });
});

describe("what is edited", () => {
  test("one value of any document changes, and no other character", () => {
    fc.assert(
      fc.property(document, fc.nat(), fc.string({ minLength: 1 }).map(shownLines), ({ text, members }, at, added) => {
        fc.pre(members.length > 0);
        const index = at % members.length;
        const draft = draftOfText(text);
        const row = draft.rows[index];
        if (!row) throw new Error("a member has no row");
        const stored = storedText(withShownRowValue(draft, row.id, shownLines(row.value) + added));
        const before = parseObject(text)?.members[index];
        const after = parseObject(stored)?.members[index];
        if (!before || !after) throw new Error("it is no JSON object any more");
        expect(stored.slice(0, after.valueSpan.start)).toBe(text.slice(0, before.valueSpan.start));
        expect(stored.slice(after.valueSpan.end)).toBe(text.slice(before.valueSpan.end));
        expect(shownLines(after.text)).toBe(shownLines(before.text) + added);
      }),
    );
  });

  test("a key that is added to a new value and removed again leaves nothing that would be lost", () => {
    const empty = withNewRow(emptyDraft());
    const [first] = empty.rows;
    const gone = withoutRow(withRowKey(empty, first?.id ?? 0, "key"), first?.id ?? 0);
    expect(contentOf(gone)).toBe(contentOf(empty));
    expect(leftOut({ ...gone, shape: "binary" }, empty)).toEqual([]);
  });

  test("a key is renamed, added and removed without another change", () => {
    fc.assert(
      fc.property(document, fc.nat(), ({ text, members }, at) => {
        fc.pre(members.length > 0);
        const index = at % members.length;
        const draft = draftOfText(text);
        const row = draft.rows[index];
        if (!row) throw new Error("a member has no row");
        const renamed = storedText(withRowKey(draft, row.id, `${row.key}x`));
        expect(renamed).toBe(withPart(text, index, JSON.stringify(`${row.key}x`)));
        const wider = withNewRow(draft);
        const added = withRowKey(wider, wider.rows.at(-1)?.id ?? 0, "brand new");
        expect(
          parseObject(storedText(added))
            ?.members.slice(0, -1)
            .map(({ text }) => text),
        ).toEqual(parseObject(text)?.members.map(({ text }) => text));
        expect(storedText(withoutRow(added, added.rows.at(-1)?.id ?? 0))).toBe(text);
        const fewer = parseObject(storedText(withoutRow(draft, row.id)))?.members.map(({ key }) => key);
        expect(fewer).toEqual(
          members.map(({ key }) => JSON.parse(key) as string).filter((_, other) => other !== index),
        );
      }),
    );
  });

  test("a value keeps its JSON type while its text is of that type, also under another key", () => {
    const text = '{"port":5432,"tls":true,"none":null,"name":"a"}';
    expect(edit(text, "port", "5433")).toBe('{"port":5433,"tls":true,"none":null,"name":"a"}');
    expect(edit(text, "port", "18446744073709551615")).toContain('"port":18446744073709551615');
    expect(edit(text, "port", "none")).toContain('"port":"none"');
    expect(edit(text, "tls", "false")).toContain('"tls":false');
    expect(edit(text, "name", "5")).toContain('"name":"5"');
    const draft = draftOfText('{"port":5432}');
    expect(storedText(withRowKey(draft, rowOf(draft, "port").id, "db_port"))).toBe('{"db_port":5432}');
  });

  test("a number that was text for a moment is a number again", () => {
    const draft = draftOfText('{"port":5432}');
    const { id } = rowOf(draft, "port");
    expect(storedText(withShownRowValue(withShownRowValue(draft, id, ""), id, "54"))).toBe('{"port":54}');
  });

  test("lines of a value survive, with the ends they have", () => {
    const text = `{"user":"app","key":${JSON.stringify(PEM)}}`;
    expect(JSON.parse(edit(text, "key", PEM.replace("AAAA", "AAA")))).toEqual({
      user: "app",
      key: PEM.replace("AAAA", "AAA"),
    });
    const carriage = PEM.replaceAll("\n", "\r\n");
    expect(JSON.parse(edit(JSON.stringify({ key: carriage }), "key", `${PEM}more\n`))).toEqual({
      key: `${carriage}more\r\n`,
    });
  });

  test("text keeps the line ends of the lines that were not edited", () => {
    const draft = draftOfText("A=1\r\nB=2\r\n");
    expect(storedText(withShownText({ ...draft, shape: "text" }, "A=1\nB=2\nC=3\n"))).toBe("A=1\r\nB=2\r\nC=3\r\n");
    const mixed = draftOfText("a\r\nb\nc\rd");
    expect(storedText(withShownText(mixed, "a\nb\nc\nde"))).toBe("a\r\nb\nc\rde");
    expect(storedText(withChosenLineEnd(draft, "\n"))).toBe("A=1\nB=2\n");
  });

  test("what is pasted into a text of one line, or in its place, is stored as it was copied", () => {
    const copied = "a\r\nb\nc\rd\r\n";
    const shown = shownLines(copied);
    for (const before of ["", "KEY=", "old\r\ntext\r\n"]) {
      const start = before === "KEY=" ? 4 : 0;
      const paste = { added: copied, caret: start + shown.length };
      const draft = { ...draftOfText(before), shape: "text" as const };
      const field = before.slice(0, start) + shown;
      expect(storedText(withShownText(draft, field, paste))).toBe(before.slice(0, start) + copied);
      const row = draftOfText(JSON.stringify({ key: before }));
      const stored = withShownRowValue(row, rowOf(row, "key").id, field, paste);
      expect(JSON.parse(storedText(stored))).toEqual({ key: before.slice(0, start) + copied });
    }
  });

  test("what is pasted between lines takes their line ends", () => {
    const draft = { ...draftOfText("a\r\nb\r\n"), shape: "text" as const };
    expect(storedText(withShownText(draft, "a\nx\ny\nb\n", { added: "x\ny\n", caret: 6 }))).toBe(
      "a\r\nx\r\ny\r\nb\r\n",
    );
  });

  test("a field that shows something else than was pasted counts", () => {
    const draft = { ...emptyDraft(), shape: "text" as const };
    expect(storedText(withShownText(draft, "ab", { added: "a\0b", caret: 2 }))).toBe("ab");
  });

  test("a text from a file is stored as it is, and says how its lines end", () => {
    const draft = withText({ ...emptyDraft(), shape: "text" }, "\ufeffA=1\r\nB=2\r\n");
    expect(storedText(draft)).toBe("\ufeffA=1\r\nB=2\r\n");
    expect(draft.lineEnd).toBe("\r\n");
  });

  const texts = fc
    .array(fc.constantFrom("a", "b", "\n", "\r\n", "\r", "é"), { maxLength: 12 })
    .map((parts) => parts.join(""));

  test("any edit of any text leaves what is around it as it was, and the field shows what is stored", () => {
    fc.assert(
      fc.property(texts, texts, texts, texts, (before, removed, typed, after) => {
        const cuts: [string, string][] = [
          [before, removed + after],
          [before + removed, after],
        ];
        // A field cannot stand between the two halves of a line end.
        fc.pre(!cuts.some(([left, right]) => left.endsWith("\r") && right.startsWith("\n")));
        const start = shownLines(before) + shownLines(typed);
        const [shown, caret] = [start + shownLines(after), start.length];
        const stored = storedText(withShownText(draftOfText(before + removed + after), shown, { caret }));
        expect(shownLines(stored)).toBe(shown);
        expect(stored.startsWith(before)).toBe(true);
        // A line feed behind a carriage return that was alone becomes CRLF, so that it stays a line of its own.
        expect(stored.endsWith(after.replace(/^\n/, ""))).toBe(true);
      }),
    );
  });

  test("a line that is typed behind a lone carriage return is there", () => {
    const typed = withShownText(draftOfText("a\rb\rc"), "a\n\nb\nc", { caret: 3 });
    expect(storedText(typed)).toBe("a\r\r\nb\rc");
    const deleted = withShownText(draftOfText("a\rx\nb"), "a\n\nb", { caret: 2 });
    expect(storedText(deleted)).toBe("a\r\r\nb");
  });

  test("of two lines with the same words the one at the cursor goes", () => {
    const deletedAt = (caret: number) => storedText(withShownText(draftOfText("x\r\nx\ny\n"), "x\ny\n", { caret }));
    expect(deletedAt(0)).toBe("x\ny\n");
    expect(deletedAt(2)).toBe("x\r\ny\n");
  });

  test("undo and redo bring every line back with the end it had", () => {
    const line = texts.filter((text) => text !== "");
    const step = fc.record({ start: fc.nat(), end: fc.nat(), added: line, isPasted: fc.boolean() });
    fc.assert(
      fc.property(texts, fc.array(step, { minLength: 1, maxLength: 6 }), (beginning, steps) => {
        const states = [draftOfText(beginning)];
        const carets: number[] = [0];
        for (const { start, end, added, isPasted } of steps) {
          const before = states.at(-1) ?? emptyDraft();
          const shown = shownLines(before.text);
          const [one = 0, other = 0] = [start % (shown.length + 1), end % (shown.length + 1)].sort((a, b) => a - b);
          const after = shown.slice(0, one) + shownLines(added) + shown.slice(other);
          const caret = one + shownLines(added).length;
          const edit: Edit = { caret, added: isPasted ? added : undefined };
          states.push(withShownText(before, after, edit));
          carets.push(caret);
        }
        // The same words with other line ends look the same in the field, which cannot say which of them it shows.
        fc.pre(new Set(states.map(({ text }) => shownLines(text))).size === states.length);
        const [forth, back] = [states.map(({ text }) => text), states.map(({ text }) => text).reverse()];
        let draft = states.at(-1) ?? emptyDraft();
        for (const text of [...back.slice(1), ...forth.slice(1)]) {
          draft = withShownText(draft, shownLines(text), { caret: shownLines(text).length, isHistory: true });
          expect(storedText(draft)).toBe(text);
        }
      }),
    );
  });

  test("undo brings back lines that were replaced by others of the same ends", () => {
    const pasted = withShownText(draftOfText("\r\n\r\n\n"), "\n\na\na", { caret: 5, added: "\r\n\r\na\na" });
    expect(storedText(pasted)).toBe("\r\n\r\na\na");
    expect(storedText(withShownText(pasted, "\n\n\n", { caret: 3, isHistory: true }))).toBe("\r\n\r\n\n");
  });

  test("undo after a paste brings the line ends back with the text, also in the value of a key", () => {
    const copied = "a\r\nb\nc\r\nd\re";
    const edits: [string, Edit][] = [
      [shownLines(copied), { caret: shownLines(copied).length, added: copied }],
      ["", { caret: 0, isHistory: true }],
      [shownLines(copied), { caret: shownLines(copied).length, isHistory: true }],
    ];
    const text = edits.reduce((draft, [shown, edit]) => withShownText(draft, shown, edit), draftOfText(""));
    expect(storedText(text)).toBe(copied);
    const row = draftOfText('{"key":""}');
    const { id } = rowOf(row, "key");
    const value = edits.reduce((draft, [shown, edit]) => withShownRowValue(draft, id, shown, edit), row);
    expect(JSON.parse(storedText(value))).toEqual({ key: copied });
  });
});

describe("what was typed in any view", () => {
  const isTouched = (draft: Draft, beginning: Draft) => contentOf(draft) !== contentOf(beginning);
  const withWaiting = (draft: Draft) => {
    const wider = withNewRow(draft);
    return withShownRowValue(wider, wider.rows.at(-1)?.id ?? 0, "waiting");
  };

  test("looking at every view types nothing", () => {
    for (const beginning of [
      emptyDraft(),
      draftOfText('{"a":"1"}'),
      draftOfText("words\r\n"),
      draftOf({ secret_binary: "AP8Q" }),
    ]) {
      const looked = (["text", "binary", "pairs", "binary"] as const).reduce(reshape, withNewRow(beginning));
      expect(isTouched(looked, beginning)).toBe(false);
      expect(leftOut(looked, beginning).filter((view) => view !== beginning.shape)).toEqual([]);
    }
  });

  test("a text, bytes and a value without a key count in whichever view they are looked at", () => {
    const beginning = emptyDraft();
    for (const typed of [
      withShownText({ ...beginning, shape: "text" }, "typed"),
      { ...beginning, shape: "binary" as const, binary: "AP8Q" },
      withWaiting(beginning),
    ]) {
      for (const view of ["pairs", "text", "binary"] as const) {
        expect(isTouched(reshape(typed, view), beginning)).toBe(true);
      }
    }
  });

  test("what another view holds is named before it is left out", () => {
    const beginning = draftOfText('{"a":"1"}');
    const waiting = withWaiting(beginning);
    expect(leftOut(waiting, beginning)).toEqual([]);
    expect(leftOut(reshape(waiting, "text"), beginning)).toEqual(["pairs"]);
    // Where the text has no keys there are no rows to be seen either.
    const words = withShownText(reshape(waiting, "text"), "words");
    expect(leftOut(reshape(words, "pairs"), beginning)).toEqual(["pairs"]);
    expect(leftOut(reshape(words, "binary"), beginning)).toEqual(["pairs", "text"]);
    expect(leftOut({ ...beginning, binary: "AP8Q" }, beginning)).toEqual(["binary"]);
    // A file in place of the current text is the change itself.
    expect(leftOut({ ...beginning, shape: "binary", binary: "AP8Q" }, beginning)).toEqual([]);
  });
});

describe("what cannot be saved from rows", () => {
  test("a key that is missing or occurs twice", () => {
    const draft = draftOfText('{"a":"1","b":"2"}');
    const twice = withRowKey(draft, rowOf(draft, "b").id, "a");
    expect([...rowProblems(twice).values()]).toEqual(["key-twice"]);
    expect([...rowProblems(withRowKey(draft, rowOf(draft, "b").id, "")).values()]).toEqual(["key-missing"]);
    expect(rowProblems(emptyDraft()).size).toBe(1);
    expect(rowProblems(draftOfText('{"":"1","b":"2"}')).size).toBe(0);
  });
});

/** The text with the key at `index` replaced by `raw`. */
function withPart(text: string, index: number, raw: string): string {
  const span = parseObject(text)?.members[index]?.keySpan;
  if (!span) throw new Error("there is no such member");
  return text.slice(0, span.start) + raw + text.slice(span.end);
}
