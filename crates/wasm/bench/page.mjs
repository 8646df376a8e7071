// The measurement in a page: everything bundled but the package itself, which the page loads as users do.

import { measure } from "./cases.mjs";

globalThis.measure = async (options) => {
  const csms = await import(/* @vite-ignore */ new URL("/csms/index.js", location.href).href);
  await csms.init();
  return measure(csms, options);
};
