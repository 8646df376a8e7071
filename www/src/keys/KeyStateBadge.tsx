// The state of a key in one word.

import type { KeyState } from "csms";

import { useLanguage } from "../app/language";
import { Badge, type Tone } from "../ui/Badge";

const STATES: Record<KeyState, [text: string, tone: Tone]> = {
  1: ["Not activated", "plain"],
  2: ["Enabled", "good"],
  3: ["Disabled", "warning"],
  4: ["Pending deletion", "danger"],
  5: ["Without material", "plain"],
};

export function KeyStateBadge({ state }: { state: KeyState }) {
  const { t } = useLanguage();
  const [text, tone] = STATES[state];
  return <Badge tone={tone}>{t(text)}</Badge>;
}
