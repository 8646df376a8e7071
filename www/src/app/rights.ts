// What the person may do, asked before anybody clicks. The service judges it by the code that judges the operations.

import { useLanguage } from "./language";
import { useSession } from "./session";
import { useQuery } from "./useQuery";

/** Actions by what they are for. Older names of an action do as well as the newer one. */
export const RIGHTS = {
  createVersion: ["csms:secret:createVersion", "csms:secretVersion:create"],
  getVersion: ["csms:secret:getVersion", "csms:secretVersion:get"],
  update: ["csms:secret:update"],
  schedule: ["csms:secret:scheduleDeletion"],
  delete: ["csms:secret:delete"],
  restore: ["csms:secret:restoreSecret"],
  rotate: ["csms:secret:rotate"],
  moveStage: ["csms:secret:updateStage", "csms:secretStage:update"],
  expire: ["csms:secret:updateVersion"],
} satisfies Record<string, readonly string[]>;

export type Right = keyof typeof RIGHTS;

/**
 * Why the person may do none of some things with a secret; `undefined` where it is allowed. Until the answer is there, and where
 * the service has none, nothing is held back: the operation itself says no.
 */
export function useLacking(secret: string): (...rights: Right[]) => string | undefined {
  const { t } = useLanguage();
  const { client, identity } = useSession();
  // Somebody else may sign in over the page.
  const { data } = useQuery(`${identity.name}/${secret}`, (signal) =>
    client.checkPermissions({ actions: Object.values(RIGHTS).flat(), secret_name: secret }, { signal }),
  );
  // What depends on conditions of the request itself is in neither list; only the operation can judge it.
  const denied = new Set(data?.denied);
  return (...rights) => {
    const wanted = rights.flatMap((right) => RIGHTS[right]);
    if (data === undefined || wanted.some((action) => !denied.has(action))) return undefined;
    return t("You lack the right {action}.", { action: wanted[0] ?? "" });
  };
}
