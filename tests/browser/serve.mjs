// A server for the files of a directory, on a free port of this machine.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const TYPES = {
  ".html": "text/html;charset=utf-8",
  ".js": "text/javascript",
  ".json": "application/json",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/**
 * Serves directories until `close` is called.
 *
 * @param mounts path prefixes and the directories behind them; the longest prefix counts
 * @param headers headers of every answer
 */
export async function serve(mounts, headers = {}) {
  const prefixes = Object.keys(mounts).sort((a, b) => b.length - a.length);
  const server = createServer(async (request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, "http://localhost").pathname));
    const prefix = prefixes.find((prefix) => path.startsWith(prefix));
    const inside = path.endsWith("/") ? `${path}index.html` : path;
    try {
      const body = await readFile(join(mounts[prefix], inside.slice(prefix.length)));
      response.writeHead(200, { "content-type": TYPES[extname(inside)] ?? "application/octet-stream", ...headers });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    close: () => new Promise((resolve) => server.close(resolve).closeAllConnections()),
  };
}
