// Validation while one types: every problem is known at once, and shown once its field has been touched.

import type { Result } from "csms";
import { useState } from "react";

import { useLanguage } from "../app/language";
import { problemWords } from "./problemWords";

export interface Problems {
  /** The problems of a field that may be shown. */
  of: (path: string) => string[];
  /** Marks a field as touched. */
  touch: (path: string) => void;
  /** Shows everything, as before saving. */
  showAll: () => void;
  isClean: boolean;
}

/** @param result what the package's rules say about the request as it stands */
export function useProblems(result: Result<unknown>): Problems {
  const { t } = useLanguage();
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [isAll, setIsAll] = useState(false);
  const problems = result.ok ? [] : result.problems;
  // `event_subscriptions[0]` belongs to `event_subscriptions`.
  const field = (path: string) => path.replace(/\[.*$/, "");
  return {
    of: (path) =>
      isAll || touched.has(path)
        ? [
            ...new Set(
              problems.filter((problem) => field(problem.path) === path).map((problem) => problemWords(problem, t)),
            ),
          ]
        : [],
    touch: (path) => setTouched((before) => (before.has(path) ? before : new Set([...before, path]))),
    showAll: () => setIsAll(true),
    isClean: result.ok,
  };
}
