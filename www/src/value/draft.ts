// A value while somebody writes it. Pure.

import { type Shape, type Stored, bytesIn, pairsOf, shapeOf, textOf } from "./value";

export interface Row {
  id: number;
  key: string;
  value: string;
}

export interface Draft {
  shape: Shape;
  rows: Row[];
  text: string;
  /** Base64. */
  binary: string;
  /** The JSON text that the rows came from. */
  former?: string;
}

let lastId = 0;
export const newRow = (key = "", value = ""): Row => ({ id: (lastId += 1), key, value });

export const emptyDraft = (): Draft => ({ shape: "pairs", rows: [newRow()], text: "", binary: "" });

export function draftOf(stored: Stored): Draft {
  const shape = shapeOf(stored);
  if ("secret_binary" in stored) return { ...emptyDraft(), shape, binary: stored.secret_binary };
  const pairs = pairsOf(stored.secret_string) ?? [];
  const rows = pairs.map(([key, value]) => newRow(key, value));
  return {
    ...emptyDraft(),
    shape,
    rows: rows.length > 0 ? rows : [newRow()],
    text: stored.secret_string,
    ...(rows.length > 0 && { former: stored.secret_string }),
  };
}

const written = (rows: readonly Row[]) => rows.filter(({ key, value }) => key !== "" || value !== "");

/** The value as it would be stored. */
export function storedOfDraft(draft: Draft): Stored {
  if (draft.shape === "binary") return { secret_binary: draft.binary };
  if (draft.shape === "text") return { secret_string: draft.text };
  const rows = written(draft.rows);
  return { secret_string: rows.length === 0 ? "" : textOf(rows.map(({ key, value }) => [key, value]), draft.former) };
}

/** The same value in another view, as far as it fits there. */
export function reshape(draft: Draft, shape: Shape): Draft {
  if (shape === draft.shape) return draft;
  if (shape === "text" && draft.shape === "pairs") {
    return { ...draft, shape, text: (storedOfDraft(draft) as { secret_string: string }).secret_string };
  }
  if (shape === "pairs" && draft.shape === "text") {
    const pairs = pairsOf(draft.text);
    if (pairs && pairs.length > 0) return { ...draftOf({ secret_string: draft.text }), binary: draft.binary };
    // Text that has no keys stays where it is, for the way back.
    return { ...draft, shape, rows: [newRow()] };
  }
  return { ...draft, shape };
}

export type RowProblem = "key-missing" | "key-twice";

/** What only this view can get wrong; everything else is judged by the service's rules. */
export function rowProblems({ shape, rows }: Draft): Map<number, RowProblem> {
  const found = new Map<number, RowProblem>();
  if (shape !== "pairs") return found;
  const seen = new Set<string>();
  const [first] = rows;
  if (first && written(rows).length === 0) found.set(first.id, "key-missing");
  for (const { id, key } of written(rows)) {
    if (key === "") found.set(id, "key-missing");
    else if (seen.has(key)) found.set(id, "key-twice");
    seen.add(key);
  }
  return found;
}

export const binarySize = ({ binary }: Draft) => bytesIn(binary);
