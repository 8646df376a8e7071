// Text as the package's rules can take it. What is not well-formed or has no end makes them throw, which would end the page
// in which it is typed; such text is judged by something like it that they refuse too. What is stored is never made of it. Pure.

import type { Problem, Result } from "csms";

/** More UTF-16 units than any rule allows. */
const MOST = 200_000;

const HALF = /\p{Surrogate}/u;

/** A text that is allowed as it is, or another that names are not allowed to be either. */
export const judgeable = (text: string): string => text.slice(0, MOST).replace(/\p{Surrogate}/gu, "\ufffd");

/** What the rules say about a request whose own members may be such texts. */
export function judged<R extends object, T>(request: R, judge: (request: R) => Result<T>): Result<T> {
  const changed = new Map<string, string>();
  const members = Object.entries(request).map(([name, member]: [string, unknown]) => {
    if (typeof member !== "string" || (member.length <= MOST && !HALF.test(member))) return [name, member];
    changed.set(name, member);
    return [name, judgeable(member)];
  });
  const result = judge(Object.fromEntries(members) as R);
  if (changed.size === 0) return result;
  // People are told the length of what they typed.
  const problems = (result.ok ? [] : result.problems).map((problem) => {
    const text = changed.get(problem.path);
    return text === undefined || problem.got === undefined
      ? problem
      : { ...problem, got: new TextEncoder().encode(text).length };
  });
  const halves = [...changed].filter(([, text]) => HALF.test(text));
  return {
    ...(result.ok ? { ok: false } : result),
    problems: [...halves.map(([path]) => halfProblem(path)), ...problems],
  };
}

/** Half of a surrogate pair has no form in UTF-8, so that what holds one is not text. */
const halfProblem = (path: string): Problem => ({ path, rule: "type", message: `${path} must be well-formed text` });
