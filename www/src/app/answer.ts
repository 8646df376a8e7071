// What the console takes from an answer that the client of the package has not read for it. Pure.

import { CsmsError } from "csms";

/** An answer that is JSON, and not of the form that the service has for it. */
export const unexpectedAnswer = (message: string) => new CsmsError("client/unexpected-answer", message);

/** The members of an object; none of anything else. */
export const membersIn = (body: unknown): Record<string, unknown> =>
  typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};

/**
 * The list that a member of an answer is.
 *
 * @param isItem whether the list may hold something
 * @throws CsmsError `client/unexpected-answer` where it is not such a list
 */
export function listIn<T>(body: unknown, member: string, isItem: (item: unknown) => item is T): T[] {
  const list = membersIn(body)[member];
  if (!Array.isArray(list) || !list.every(isItem)) throw unexpectedAnswer(`the answer has no list ${member}`);
  return list;
}

export const isText = (item: unknown): item is string => typeof item === "string";
