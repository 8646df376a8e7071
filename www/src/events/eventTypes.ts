// What an event may notify about, in words.

import type { EventType } from "csms";

import type { Translate } from "../app/language";

/** English texts to be translated, the most urgent first. */
export const EVENT_TYPES: Record<EventType, string> = {
  SECRET_ROTATED_FAILED: "Rotation failed",
  SECRET_DELETED: "Secret deleted",
  SECRET_VERSION_EXPIRED: "Version expired",
  SECRET_VERSION_CREATED: "Version added",
  SECRET_ROTATED: "Rotation succeeded",
};

/** Several types as one phrase, in the order above whatever order they were chosen in. */
export function typeWords(types: readonly EventType[], t: Translate): string {
  const chosen = Object.entries(EVENT_TYPES).filter(([type]) => types.includes(type as EventType));
  return chosen.map(([, text], index) => (index === 0 ? t(text) : t(text).toLowerCase())).join(t(", "));
}
