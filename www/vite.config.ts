// The console is built into the server's directory, plain and compressed, from where the server embeds it.

import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";

import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const OUT = join(import.meta.dirname, "../crates/server/console");

/** Removes what an earlier build left, and puts `<file>.gz` beside each file. */
function compressed(): Plugin {
  let out = OUT;
  return {
    name: "compressed",
    apply: "build",
    configResolved({ root, build }) {
      out = resolve(root, build.outDir);
    },
    async buildStart() {
      await rm(join(out, "assets"), { recursive: true, force: true });
    },
    async closeBundle() {
      // The book and the notices beside the console are compressed by who writes them.
      const assets = (await readdir(join(out, "assets"))).map((name) => join("assets", name));
      for (const name of ["index.html", "favicon.svg", ...assets]) {
        const path = join(out, name);
        await writeFile(`${path}.gz`, await promisify(gzip)(await readFile(path), { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), compressed()],
  // `cargo xtask up` names a quick build of the package; otherwise it is the installed one.
  resolve: { alias: process.env.CSMS_PACKAGE ? { csms: process.env.CSMS_PACKAGE } : {} },
  // Its module is found beside its code, which the development server would move.
  optimizeDeps: { exclude: ["csms"] },
  build: {
    outDir: OUT,
    // It holds a checked-in file that says what it is for.
    emptyOutDir: false,
    target: ["chrome120", "firefox121", "safari17.2"],
    // The content policy allows no data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  // The service to develop against: `cargo xtask up` runs one.
  // Signatures cover the host that the browser names, so it is passed on.
  server: {
    proxy: { "^/v[0-9]": { target: process.env.CSMS_ENDPOINT ?? "http://127.0.0.1:7070", changeOrigin: false } },
  },
});
