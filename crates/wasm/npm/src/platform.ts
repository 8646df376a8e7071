/**
 * Where it runs, as far as the choice between WebAssembly and WebCrypto depends on it.
 */

/** The engines that were measured; any other counts as `other`. */
export type Platform = "chromium" | "firefox" | "node" | "other";

function recognise(): Platform {
  const { process, navigator } = globalThis as { process?: { versions?: { node?: string } }; navigator?: Navigator };
  if (process?.versions?.node !== undefined) return "node";
  const agent = navigator?.userAgent ?? "";
  return agent.includes("Chrome/") ? "chromium" : agent.includes("Firefox/") ? "firefox" : "other";
}

/** The engine this runs in. */
export const platform = recognise();

/**
 * From how many bytes on WebCrypto seals and opens quicker than WebAssembly, its setting up included. Measured with
 * `cargo xtask bench wasm`, which prints where the two lines cross; unknown engines get the careful value.
 */
export const CUT_BYTES: Record<Platform, number> = {
  chromium: 384,
  firefox: 6144,
  node: 1536,
  other: 4096,
};
