// A state in one word. The colour repeats the word and never stands for it.

import type { ReactNode } from "react";

export type Tone = "plain" | "good" | "warning" | "danger" | "accent";

export function Badge({ tone = "plain", children }: { tone?: Tone; children: ReactNode }) {
  return <span className={`badge badge-${tone}`}>{children}</span>;
}
