// The tools of this directory and the projects that they are run in.

import { execFile } from "node:child_process";
import { copyFile, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { HERE as PACKAGING, project } from "../packaging/unpack.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));

/** A file of an installed tool. */
export const tool = (path) => join(HERE, "node_modules", path);

/** A project with the package and the common proof beside its own files. */
export async function prepared(context, name) {
  const directory = await project(context, name, join(HERE, "projects"));
  await copyFile(join(PACKAGING, "projects/prove.mjs"), join(directory, "prove.mjs"));
  return directory;
}

/** The same, with packages of this directory that the project imports by name. */
export async function preparedWith(context, name, packages) {
  const directory = await prepared(context, name);
  for (const name of packages) await symlink(tool(name), join(directory, "node_modules", name));
  return directory;
}

/** Runs a program and returns what it printed; a failure carries its output. */
export async function run(program, args, cwd, env = {}) {
  const options = { cwd, maxBuffer: 1 << 24, env: { ...process.env, ...env } };
  try {
    const { stdout, stderr } = await promisify(execFile)(program, args, options);
    return { stdout, stderr };
  } catch (error) {
    throw new Error(`${program} ${args.join(" ")} failed:\n${error.stdout}\n${error.stderr}`, { cause: error });
  }
}

/** Runs a script of a tool in Node. */
export const script = (path, args, cwd, env) => run(process.execPath, [tool(path), ...args], cwd, env);
