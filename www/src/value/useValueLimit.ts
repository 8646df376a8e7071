// How long a value may be: the server's setting, which an operator may have raised.

import { useSession } from "../app/session";
import { useQuery } from "../app/useQuery";

/** What holds until the server has said more, and where the person may not read its settings. */
const DEFAULT_BYTES = 32_768;

/** Most bytes of a text, and of the Base64 that stands for a file. */
export function useValueLimit(): number {
  const { client, project } = useSession();
  const { data } = useQuery(project.id, (signal) => client.showSecretsConfig({}, { signal }));
  // An older server does not say it.
  return data?.max_value_bytes ?? DEFAULT_BYTES;
}

/** Most bytes of a file: four characters of Base64 stand for three of them. */
export const fileLimit = (bytes: number) => Math.floor(bytes / 4) * 3;
