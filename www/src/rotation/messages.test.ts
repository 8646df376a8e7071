// Messages in words: the console says what the command line says.

import { describe, expect, test } from "vitest";

import { type Catalogue, sayerOf, sentenceOf } from "./messages";
import written from "./messages.json";

const catalogue = written as unknown as Catalogue;
const said = (text: string) => ({ code: "connection.said", fields: { text } });

describe("a message in words", () => {
  const refused = {
    code: "attempt.detailed",
    fields: {
      what: { code: "operator.login-barred", fields: { stage: "SYSCURRENT", cause: { code: "cause.locked" } } },
      detail: { code: "attempt.joined", fields: { all: [said("a"), said("b")] } },
    },
  };

  test("is a sentence in either language", () => {
    expect(sentenceOf(refused, "en", catalogue)).toBe("SYSCURRENT does not log in: the account is locked (a; b)");
    expect(sentenceOf(refused, "zh-CN", catalogue)).toBe("SYSCURRENT 无法登录：账号已被锁定（a；b）");
  });

  test("has numbers, and phrases of rules in Chinese", () => {
    const rule = (phrase: string) => ({ code: "rule.at-most-not", fields: { phrase, got: 70 } });
    expect(sentenceOf(rule("64 characters long"), "zh-CN", catalogue)).toBe("不得超过 64 个字符（实际为 70）");
    expect(sentenceOf(rule("64 characters long"), "en", catalogue)).toBe("must be at most 64 characters long (got 70)");
    const object = { code: "rule.type", fields: { phrase: "a JSON object" } };
    expect(sentenceOf(object, "zh-CN", catalogue)).toBe("必须是 JSON 对象");
  });

  test("is the text that came with it when it is not known, lacks a field or is too deep", () => {
    const sayer = sayerOf("zh-CN", catalogue);
    let deep: ReturnType<typeof said> | { code: string; fields: object } = said("x");
    for (let depth = 0; depth < 100; depth += 1) deep = { code: "attempt.joined", fields: { all: deep } };
    for (const message of [{ code: "cause.of-the-future" }, { code: "connection.said" }, deep, undefined]) {
      expect(sayer.say(message as never, "as it came")).toEqual({ text: "as it came", lang: "en" });
    }
    expect(sayer.say({ code: "change.done" }, "done")).toEqual({ text: "已完成", lang: "zh-CN" });
  });

  test("keeps braces that are no field", () => {
    const example = '{"status":"SUCCESS","version_id":"vN"}';
    expect(sentenceOf({ code: "task.reply-unknown" }, "en", catalogue)).toContain(example);
  });
});

test("steps have names in words, and those of other functions stay as they are", () => {
  const sayer = sayerOf("zh-CN", catalogue);
  expect(sayer.step("set-password")).toBe("在数据库中设置新密码");
  expect(sayer.step("rotate-my-thing")).toBe("rotate-my-thing");
});
