// The current values of several secrets, as a file holds them. A batch that fails as a whole is read one by one, so that the
// secret that is at fault is known and the others are read. Knows no React.

import { CsmsError, type Secret, type Version } from "csms";

import { storedOf } from "../value/value";
import type { Exported } from "./exchange";

/** As many as the service reads at once. */
const BATCH = 20;

export interface Values {
  found: Exported[];
  failed: { secret: Secret; error: unknown }[];
}

/** @param read gives the versions of some names, each of which can make it fail */
export async function readEach(
  secrets: readonly Secret[],
  read: (names: string[]) => Promise<readonly Version[]>,
): Promise<Values> {
  const values: Values = { found: [], failed: [] };
  const add = async (part: readonly Secret[]) => {
    const versions = await read(part.map(({ name }) => name));
    for (const version of versions) {
      const name = version.version_metadata.secret_name;
      const description = part.find((secret) => secret.name === name)?.description;
      values.found.push({ name, ...(description && { description }), ...storedOf(version) });
    }
  };
  for (let at = 0; at < secrets.length; at += BATCH) {
    const part = secrets.slice(at, at + BATCH);
    try {
      await add(part);
    } catch (error) {
      if (!isOfOne(error)) throw error;
      for (const secret of part) {
        await add([secret]).catch((error: unknown) => {
          if (!isOfOne(error)) throw error;
          values.failed.push({ secret, error });
        });
      }
    }
  }
  return values;
}

/** Whether the service has refused something about a secret, rather than failed itself. */
const isOfOne = (error: unknown) =>
  error instanceof CsmsError && !error.retryable && error.status !== undefined && error.status < 500;
