// Whether the service refused something because the person may not do it.

import { CsmsError } from "csms";

export const isForbidden = (error: unknown): boolean => error instanceof CsmsError && error.status === 403;
