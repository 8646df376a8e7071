import * as csms from "./node_modules/csms/lib/index.js";
import { prove } from "./prove.mjs";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("message", (event) => {
  const proven = csms.init().then(() => prove(csms));
  event.waitUntil(proven.catch((error) => `failed: ${error}`).then((text) => event.source.postMessage(text)));
});
