// WebKit, the engine of Safari: Debian's WebKitGTK, started with its own WebDriver on a display of its own, and ended whatever
// happens. What is done in its page is in `webkit-page.mjs`.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { command, WebKitPage } from "./webkit-page.mjs";

const DRIVER = process.env.CSMS_WEBKIT_DRIVER ?? "/usr/bin/WebKitWebDriver";

/** The browser that comes with the engine, below a directory of the processor's. */
function findBrowser() {
  const below = "/usr/lib";
  const places = readdirSync(below).filter((name) => name.includes("-linux-"));
  const paths = places.flatMap((place) => ["4.1", "6.0", "4.0"].map((version) => `${below}/${place}/webkit2gtk-${version}/MiniBrowser`));
  const found = paths.find((path) => existsSync(path));
  if (found === undefined) throw new Error("there is no WebKit: install webkit2gtk-driver and xvfb");
  return found;
}

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

/** Waits until the driver listens. */
async function listening(base, driver) {
  for (;;) {
    if (driver.exitCode !== null) throw new Error(`${DRIVER} ended with ${driver.exitCode}`);
    const status = await command("GET", `${base}/status`).catch(() => undefined);
    if (status?.ready === true) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A home directory whose downloads are in `downloads`. */
async function homeIn(directory) {
  const downloads = join(directory, "downloads");
  await mkdir(downloads);
  await mkdir(join(directory, ".config"));
  await writeFile(join(directory, ".config/user-dirs.dirs"), 'XDG_DOWNLOAD_DIR="$HOME/downloads"\n');
  return downloads;
}

/** Runs `use` with a page of a fresh browser in English, and ends everything whatever happens. */
export async function withWebKit(use) {
  const binary = findBrowser();
  const home = await mkdtemp(join(tmpdir(), "csms-webkit-"));
  const downloads = await homeIn(home);
  const display = spawn("/usr/bin/Xvfb", ["-displayfd", "3", "-screen", "0", "1680x1280x24", "-nolisten", "tcp"], {
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  const running = [display];
  try {
    const [number] = await once(display.stdio[3], "data");
    const port = await freePort();
    const env = { ...process.env, DISPLAY: `:${String(number).trim()}`, HOME: home, LC_ALL: "C" };
    for (const name of ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "WAYLAND_DISPLAY"]) delete env[name];
    // The sandbox needs rights that a container does not give; nothing but the tests' own pages is shown.
    env.WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS = "1";
    const driver = spawn(DRIVER, [`--port=${port}`, "--host=127.0.0.1"], { env, stdio: "ignore" });
    running.unshift(driver);
    const base = `http://127.0.0.1:${port}`;
    await listening(base, driver);
    const options = { "webkitgtk:browserOptions": { binary, args: ["--automation"] }, unhandledPromptBehavior: "ignore" };
    const { sessionId } = await command("POST", `${base}/session`, { capabilities: { alwaysMatch: options } });
    const session = `${base}/session/${sessionId}`;
    try {
      await command("POST", `${session}/timeouts`, { script: 300_000, pageLoad: 60_000 });
      return await use(new WebKitPage(session, downloads));
    } finally {
      await command("DELETE", session).catch(() => {});
    }
  } finally {
    for (const process of running) await end(process);
    await rm(home, { recursive: true, force: true, maxRetries: 5 });
  }
}
