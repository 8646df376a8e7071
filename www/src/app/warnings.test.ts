// Warnings of the service reach the page, once each, and stay until they are closed.

import { afterEach, expect, test, vi } from "vitest";

import { closeWarning, currentWarnings, warningWords, watchedFetch } from "./warnings";
import words from "./zh";

const SHARED =
  "another secret of this project names the same database account, and a rotation of one makes the other's password wrong";

afterEach(() => {
  vi.unstubAllGlobals();
  for (const text of currentWarnings()) closeWarning(text);
});

async function ask(warning?: string): Promise<Response> {
  const headers = new Headers(warning === undefined ? {} : { "X-Csms-Warning": warning });
  vi.stubGlobal("fetch", async () => new Response("{}", { headers }));
  return watchedFetch("https://csms.example/v1/p/secrets");
}

test("an answer without a warning adds none", async () => {
  await ask();
  expect(currentWarnings()).toEqual([]);
});

test("a warning is kept once, and the caller gets the answer all the same", async () => {
  expect(await (await ask(SHARED)).json()).toEqual({});
  await ask(SHARED);
  await ask("something else");
  expect(currentWarnings()).toEqual([SHARED, "something else"]);
});

test("a closed warning is gone, and the others stay", async () => {
  await ask(SHARED);
  await ask("something else");
  closeWarning(SHARED);
  expect(currentWarnings()).toEqual(["something else"]);
});

test("the warning of a shared account has words in both languages, others those of the service", () => {
  const chinese = words as Record<string, string>;
  const english = (text: string) => text;
  expect(warningWords(SHARED, english)).toMatch(/^Another secret of this project .* names another account\.$/);
  expect(warningWords(SHARED, (text) => chinese[text] ?? "")).toMatch(/凭据.*数据库账号/);
  expect(warningWords("something else", english)).toBe("something else");
});
