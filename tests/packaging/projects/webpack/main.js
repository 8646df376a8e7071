import * as csms from "csms";

import { prove } from "./prove.mjs";

/** The same in a worker, which loads the module for itself. */
const inWorker = () =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    worker.onmessage = (message) => resolve(message.data);
    worker.onerror = (event) => reject(new Error(event.message || "the worker failed"));
  });

async function all() {
  await Promise.all([csms.init(), csms.init()]);
  return `page ${await prove(csms)}, worker ${await inWorker()}`;
}

all()
  .catch((error) => `failed: ${error.stack ?? error}`)
  .then((text) => (document.querySelector("output").textContent = text));
