// Who is signed in, as the service knows the user. Not everybody may ask.

import type { IamUser } from "csms";

import { useSession } from "../app/session";
import { type Query, useQuery } from "../app/useQuery";

export function useOwnUser(): Query<IamUser | undefined> {
  const { client, identity } = useSession();
  return useQuery(identity.name, async (signal) => {
    // Who signs in with a password is told who it is; for an access key the service has to be asked.
    if (identity.userId) return (await client.showUserV5({ user_id: identity.userId }, { signal })).user;
    return (await client.listUsersV5({ access_key_id: identity.name }, { signal })).users[0];
  });
}
