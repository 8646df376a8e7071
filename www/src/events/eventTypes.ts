// What an event may tell of, in words.

import type { EventType } from "csms";

/** English texts to be translated. */
export const EVENT_TYPES: Record<EventType, string> = {
  SECRET_VERSION_CREATED: "A version was added",
  SECRET_VERSION_EXPIRED: "A version expired",
  SECRET_ROTATED: "A rotation succeeded",
  SECRET_ROTATED_FAILED: "A rotation failed",
  SECRET_DELETED: "A secret was deleted",
};
