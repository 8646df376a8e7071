// The state of a key in one word.

import type { KeyState } from "csms";

import { useLanguage } from "../app/language";
import { Badge, type Tone } from "../ui/Badge";
import { OnOff } from "../ui/OnOff";

const STATES: Record<Exclude<KeyState, "2" | "3">, [text: string, tone: Tone]> = {
  1: ["Not activated", "plain"],
  4: ["Pending deletion", "danger"],
  5: ["Without material", "plain"],
};

export function KeyStateBadge({ state }: { state: KeyState }) {
  const { t } = useLanguage();
  if (state === "2" || state === "3") return <OnOff isOn={state === "2"} />;
  const [text, tone] = STATES[state];
  return <Badge tone={tone}>{t(text)}</Badge>;
}
