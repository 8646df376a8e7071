// WebKit, the engine of Safari: Debian's WebKitGTK, driven by its own WebDriver on a display of its own.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { existsSync } from "node:fs";

const DRIVER = process.env.CSMS_WEBKIT_DRIVER ?? "/usr/bin/WebKitWebDriver";
const BROWSERS = ["4.1", "6.0", "4.0"].map((version) => `/usr/lib/x86_64-linux-gnu/webkit2gtk-${version}/MiniBrowser`);

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

async function end(process) {
  if (process.exitCode !== null || process.signalCode !== null) return;
  process.kill();
  await once(process, "exit");
}

/** Sends a command of WebDriver, and returns its value. */
async function command(method, address, body) {
  const request = { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
  const { value } = await (await fetch(address, request)).json();
  if (value?.error !== undefined) throw new Error(`${value.error}: ${value.message}`);
  return value;
}

/** Waits until the driver listens. */
async function listening(base, driver) {
  for (;;) {
    if (driver.exitCode !== null) throw new Error(`${DRIVER} ended with ${driver.exitCode}`);
    const status = await command("GET", `${base}/status`).catch(() => undefined);
    if (status?.ready === true) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/**
 * Runs `use` with a page: `goto(address)`, and `evaluate(body)`, which returns what the body of an async function returns.
 * Ends everything whatever happens.
 */
export async function withWebKit(use) {
  const binary = BROWSERS.find((path) => existsSync(path));
  if (binary === undefined) throw new Error("there is no WebKit: install webkit2gtk-driver and xvfb");
  const display = spawn("/usr/bin/Xvfb", ["-displayfd", "3", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"], {
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  const running = [display];
  try {
    const [number] = await once(display.stdio[3], "data");
    const port = await freePort();
    const env = { ...process.env, DISPLAY: `:${String(number).trim()}` };
    // The sandbox needs rights that a container does not give; nothing but the tests' own pages is shown.
    env.WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS = "1";
    const driver = spawn(DRIVER, [`--port=${port}`, "--host=127.0.0.1"], { env, stdio: "ignore" });
    running.unshift(driver);
    const base = `http://127.0.0.1:${port}`;
    await listening(base, driver);
    const options = { "webkitgtk:browserOptions": { binary, args: ["--automation"] } };
    const { sessionId } = await command("POST", `${base}/session`, { capabilities: { alwaysMatch: options } });
    const session = `${base}/session/${sessionId}`;
    try {
      await command("POST", `${session}/timeouts`, { script: 300_000, pageLoad: 60_000 });
      return await use({
        goto: (url) => command("POST", `${session}/url`, { url }),
        async evaluate(body) {
          const script = `const done = arguments[arguments.length - 1];
            (async () => { ${body} })().then((value) => done({ value }), (error) => done({ error: String(error) }));`;
          const { value, error } = await command("POST", `${session}/execute/async`, { script, args: [] });
          if (error !== undefined) throw new Error(error);
          return value;
        },
      });
    } finally {
      await command("DELETE", session).catch(() => {});
    }
  } finally {
    for (const process of running) await end(process);
  }
}
