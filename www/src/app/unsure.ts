// Failures that leave open whether a change was made.

import { CsmsError } from "csms";

/** Whether the service may have done what it was asked, although it did not say so: its answer was lost, or it failed on the way. */
export const isUnsure = (error: unknown): boolean =>
  error instanceof CsmsError && (error.status === undefined ? error.retryable : error.status >= 500);
