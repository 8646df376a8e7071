// The state of a secret in a word.

import type { SecretState } from "csms";

import { useLanguage } from "../app/language";
import { Badge, type Tone } from "../ui/Badge";

const STATES: Record<SecretState, [text: string, tone: Tone]> = {
  ENABLED: ["Enabled", "good"],
  DISABLED: ["Disabled", "plain"],
  PENDING_DELETE: ["Pending deletion", "danger"],
  FROZEN: ["Frozen", "warning"],
};

export const STATE_TEXT = (state: SecretState) => STATES[state][0];

export function StateBadge({ state }: { state: SecretState }) {
  const { t } = useLanguage();
  const [text, tone] = STATES[state];
  return <Badge tone={tone}>{t(text)}</Badge>;
}
