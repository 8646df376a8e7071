// Every English text of the console has its Chinese counterpart, and no counterpart is left over.

import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { ROOT } from "../../packaging/unpack.mjs";

const SOURCE = join(ROOT, "www/src");
const literal = (text) => JSON.parse(`"${text}"`);

async function sources() {
  const found = [];
  for (const name of await readdir(SOURCE, { recursive: true })) {
    if (/\.tsx?$/.test(name) && name !== "app/zh.ts") found.push(await readFile(join(SOURCE, name), "utf8"));
  }
  return found.join("\n");
}

async function translated() {
  const text = await readFile(join(SOURCE, "app/zh.ts"), "utf8");
  return [...text.matchAll(/^ {2}(?:"((?:[^"\\]|\\.)*)"|(\w+)):/gm)].map(([, quoted, bare]) => bare ?? literal(quoted));
}

test("every text has a translation", async () => {
  const known = new Set(await translated());
  const used = [...(await sources()).matchAll(/\bt\(\s*"((?:[^"\\]|\\.)*)"/g)].map(([, text]) => literal(text));
  assert.ok(used.length > 150, `${used.length} texts`);
  assert.deepEqual(used.filter((text) => !known.has(text)), []);
});

test("every translation is of a text that occurs", async () => {
  const all = await sources();
  assert.deepEqual((await translated()).filter((text) => !all.includes(JSON.stringify(text))), []);
});

/** What an English term is called in Chinese, and what it is not to be called beside. */
const GLOSSARY = [
  [/\bsecret key\b/i, "秘密访问密钥", ["私有访问密钥", "私密密钥"]],
  [/\bstages?\b/i, "版本状态", ["状态标记", "阶段"]],
  [/\brotat(?:es?|ed|ions?|ing)\b/i, "轮转", ["轮换"]],
  [/\b(?:seal|sealed|sealing|seals)\b/i, "加密", ["封装"]],
  [/\bpolic(?:y|ies)\b/i, "策略", ["政策"]],
  [/\breplicas?\b/i, "副本", ["复制品"]],
  [/\bagenc(?:y|ies)\b/i, "委托", ["代理机构"]],
  [/\bdry runs?\b/i, "试运行", ["空运行"]],
];

/** Sentences in which the context says the term. */
const EXCEPTIONS = new Set(["{stage} marks {version} now."]);

test("one term has one translation", async () => {
  const text = await readFile(join(SOURCE, "app/zh.ts"), "utf8");
  const entries = [...text.matchAll(/^ {2}(?:"((?:[^"\\]|\\.)*)"|(\w+)):\s*"((?:[^"\\]|\\.)*)",?$/gm)];
  assert.ok(entries.length > 400, `${entries.length} texts`);
  const wrong = entries.flatMap(([, quoted, bare, chinese]) => {
    const english = bare ?? literal(quoted);
    return GLOSSARY.flatMap(([term, word, others]) => {
      const other = others.find((each) => chinese.includes(each));
      if (other !== undefined) return [`${english}: ${other}`];
      return term.test(english) && !EXCEPTIONS.has(english) && !chinese.includes(word) ? [`${english}: no ${word}`] : [];
    });
  });
  assert.deepEqual(wrong, []);
});
