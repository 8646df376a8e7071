// The packed package in fresh projects: what users get, not what stands in the repository.

import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

export const HERE = dirname(fileURLToPath(import.meta.url));
export const ROOT = join(HERE, "../..");

/** The tarball that `cargo xtask package` wrote. */
export const TARBALL =
  process.env.CSMS_TARBALL ??
  join(ROOT, "dist", readdirSync(join(ROOT, "dist")).find((name) => /^csms-.*\.tgz$/.test(name)) ?? "csms.tgz");

/** Runs a program of Node and returns what it printed; a failure carries its output. */
export async function node(script, args, cwd) {
  try {
    return (await run(process.execPath, [script, ...args], { cwd, maxBuffer: 1 << 24 })).stdout;
  } catch (error) {
    throw new Error(`${script} failed:\n${error.stdout}\n${error.stderr}`, { cause: error });
  }
}

/** A tool of this directory's own packages. */
export const tool = (path) => join(HERE, "node_modules", path);

/** Copies a project of a directory, installs the tarball into it, and removes it after the test. */
export async function project(test, name, projects = join(HERE, "projects")) {
  const directory = await mkdtemp(join(tmpdir(), `csms-${name}-`));
  test.after(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
  await cp(join(projects, name), directory, { recursive: true });
  const installed = join(directory, "node_modules/csms");
  await mkdir(installed, { recursive: true });
  // The package has no dependencies and runs no scripts, so that unpacking it is all that an installation does.
  await run("tar", ["--extract", "--gzip", "--strip-components=1", "--file", TARBALL, "--directory", installed]);
  return directory;
}
