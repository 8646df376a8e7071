// Reading users and policies, all pages of them.

import type { IamAccessKey, IamAttachedPolicy, IamPolicy, IamUser } from "csms";

import { allPages } from "../app/allPages";
import { useSession } from "../app/session";
import { type Query, useQuery } from "../app/useQuery";

/** The most that the service gives at once. */
const limit = 200;

export function useUsers(): Query<IamUser[]> {
  const { client } = useSession();
  return useQuery("users", async (signal) => {
    const pages = await allPages((page) => client.listUsersV5({ limit, ...page }, { signal }));
    return pages.flatMap(({ users }) => users);
  });
}

export function usePolicies(): Query<IamPolicy[]> {
  const { client } = useSession();
  return useQuery("policies", async (signal) => {
    const pages = await allPages((page) => client.listPoliciesV5({ limit, ...page }, { signal }));
    return pages.flatMap(({ policies }) => policies);
  });
}

export function useUser(user_id: string): Query<IamUser> {
  const { client } = useSession();
  return useQuery(user_id, async (signal) => (await client.showUserV5({ user_id }, { signal })).user);
}

export function useAccessKeys(user_id: string): Query<IamAccessKey[]> {
  const { client } = useSession();
  return useQuery(user_id, async (signal) => {
    const pages = await allPages((page) => client.listAccessKeysV5({ user_id, limit, ...page }, { signal }));
    return pages.flatMap(({ access_keys }) => access_keys);
  });
}

export function useAttachedPolicies(user_id: string): Query<IamAttachedPolicy[]> {
  const { client } = useSession();
  return useQuery(user_id, async (signal) => {
    const pages = await allPages((page) => client.listAttachedUserPoliciesV5({ user_id, limit, ...page }, { signal }));
    return pages.flatMap(({ attached_policies }) => attached_policies);
  });
}

/** Milliseconds since 1970 of a time as text. */
export const millisOf = (text: string | undefined) => (text === undefined ? undefined : Date.parse(text));
