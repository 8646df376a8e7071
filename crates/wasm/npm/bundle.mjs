// Makes the files that are published from the TypeScript sources and the WebAssembly modules in `lib/`: the code of each
// entry for browsers, for Node and for `require`, with source maps, and the types for `require`. Names and line breaks stay,
// so that traces can be read and bundlers can leave out what is not used; they make it small. Comments go: the types have them.
//
// `node bundle.mjs DIRECTORY MODULE` makes the code of one module's entries, in another directory than `lib`.

import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";

import { build } from "esbuild";

import { withShortImports } from "./imports.mjs";

const [LIB = "lib", ONLY] = process.argv.slice(2);

/** The sources of the entries of each module. The entries of the whole share one instance of it. */
const ALL = {
  csms: ["index", "node", "slim"],
  "csms-client": ["client-only", "client-only-node"],
  "csms-jwe": ["jwe-only", "jwe-only-node"],
  "csms-rules": ["rules-only", "rules-only-node"],
};
const MODULES = ONLY ? { [ONLY]: ALL[ONLY] } : ALL;

/** Replaces text that has to be there. */
function replaced(text, pattern, replacement) {
  const result = text.replace(pattern, replacement);
  if (result === text) throw new Error(`the generated bindings have changed: there is no ${pattern}`);
  return result;
}

/** A source without the comments that have lines of their own; the other lines keep their places, for the source maps. */
function uncommented(text) {
  return text.replace(/^ *(?:\/\*\*[^]*?\*\/|\/\/.*)$/gm, (comment) => comment.replace(/[^\n]/g, ""));
}

/** How an instance is made of a module, which `engine.ts` has compiled. One that was made while another loads is kept. */
const INSTANTIATION = `
function initSync({ module }) {
    return wasm ?? __wbg_finalize_init(new WebAssembly.Instance(module, __wbg_get_imports()), module);
}

async function __wbg_init({ module_or_path: module }) {
    const instance = await WebAssembly.instantiate(module, __wbg_get_imports());
    return wasm ?? __wbg_finalize_init(instance, module);
}

export { initSync, __wbg_init as default };
`;

/**
 * The generated bindings of a module, changed so that importing them asks nothing of the engine and has no effect, and so
 * that they leave to `engine.ts` where a module comes from.
 */
async function bindings(module) {
  const generated = uncommented(await readFile(`${LIB}/${module}_bindings.js`, "utf8"));
  let { wasm, text } = withShortImports(await readFile(`${LIB}/${module}.wasm`), generated);
  await writeFile(`${LIB}/${module}.wasm`, wasm);
  text = text.replace(/^if \(Symbol\.dispose\) .*$\n/gm, "");
  text = text.replace(/: new FinalizationRegistry\(/g, ": /* @__PURE__ */ new FinalizationRegistry(");
  text = replaced(text, /^let cachedTextDecoder = new TextDecoder\(.*\);$/m, "let cachedTextDecoder;");
  text = replaced(text, /^cachedTextDecoder\.decode\(\);$/m, "");
  const decoder = "cachedTextDecoder ??= new TextDecoder('utf-8', { ignoreBOM: true });";
  text = replaced(text, /^function decodeText\(.*\) \{$/m, `$&\n    ${decoder}`);
  text = replaced(text, /^const cachedTextEncoder = new TextEncoder\(\);$/m, "let cachedTextEncoder;");
  text = replaced(text, /^if \(!\('encodeInto' in cachedTextEncoder\)\) \{[^]*?^\}$/m, "");
  text = replaced(text, /^function passStringToWasm0\(.*\) \{$/m, "$&\n    cachedTextEncoder ??= new TextEncoder();");
  return replaced(text, /^async function __wbg_load\([^]*$/m, INSTANTIATION);
}

const BINDINGS = {};
for (const module of Object.keys(MODULES)) BINDINGS[module] = await bindings(module);

/** A function of each feature that a module may have. */
const FEATURES = ["check_text", "sign_request", "encode_base64url"];

/** What the bindings of a module call of it, as far as it tells the modules apart. */
function calls(module) {
  const names = FEATURES.filter((name) => BINDINGS[module].includes(`wasm.${name}(`));
  if (names.length === 0) throw new Error(`the bindings of ${module} call none of ${FEATURES}`);
  return [...names, "__wbindgen_start"];
}

/** The parts that are not TypeScript, or differ by module. */
const parts = (module, extension) => ({
  name: "parts",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^\.\/bindings\.js$/ }, () => ({ path: "bindings", namespace: "parts" }));
    onLoad({ filter: /^bindings$/, namespace: "parts" }, () => ({ contents: BINDINGS[module] }));
    onResolve({ filter: /^\.\/exports\.js$/ }, () => ({ path: "exports", namespace: "parts" }));
    onLoad({ filter: /^exports$/, namespace: "parts" }, () => ({
      contents: `export const EXPORTS = ${JSON.stringify(calls(module))};`,
    }));
    onLoad({ filter: /\/src\/[\w-]+\.ts$/ }, async ({ path }) => ({
      contents: uncommented(await readFile(path, "utf8")).replace("./csms.wasm", `./${module}.wasm`),
      loader: "ts",
    }));
    // The module is long, and in no need of a source map.
    onResolve({ filter: /^\.\/module\.js$/ }, () => ({ path: `./${module}.module${extension}`, external: true }));
    // One class of errors for all entries, so that `instanceof` holds whichever throws.
    onResolve({ filter: /^\.\/error\.js$/ }, () => ({ path: `./error${extension}`, external: true }));
  },
});

const options = {
  outdir: LIB,
  bundle: true,
  minifySyntax: true,
  target: "es2022",
  platform: "neutral",
  sourcemap: "linked",
  legalComments: "none",
};
const FORMATS = { esm: ".js", cjs: ".cjs" };

for (const [format, extension] of Object.entries(FORMATS)) {
  const written = { ...options, format, outExtension: { ".js": extension } };
  await build({ ...written, entryPoints: ["src/error.ts"] });
  for (const [module, entries] of Object.entries(MODULES)) {
    const text = `"${await readFile(`${LIB}/${module}.wasm`, "base64")}"`;
    const code = format === "esm" ? `export const MODULE = ${text};\n` : `exports.MODULE = ${text};\n`;
    await writeFile(`${LIB}/${module}.module${extension}`, code);
    const plugins = [parts(module, extension)];
    // Without modules of the language there is no address of a file beside the code, so that the entries for browsers have none.
    const wanted = format === "esm" ? entries : entries.filter((entry) => entry !== entries[0]);
    if (format === "esm" && module === "csms") {
      const entryPoints = wanted.map((entry) => `src/${entry}.ts`);
      await build({ ...written, plugins, entryPoints, splitting: true, chunkNames: "shared" });
    } else {
      for (const entry of wanted) await build({ ...written, plugins, entryPoints: [`src/${entry}.ts`] });
    }
  }
}

// Tools that do not read `exports` find an entry of the package in a directory of its name.
const { exports } = JSON.parse(await readFile("package.json", "utf8"));
for (const name of ONLY ? [] : ["client", "jwe", "node", "rules", "slim"]) {
  const { require, import: module = exports[`./${name}`].default } = exports[`./${name}`];
  const paths = { main: require.default, module: module.default, types: module.types };
  const inside = Object.fromEntries(Object.entries(paths).map(([key, path]) => [key, `.${path}`]));
  await mkdir(name, { recursive: true });
  await writeFile(`${name}/package.json`, `${JSON.stringify(inside, null, 2)}\n`);
}

// The types for `require` are the same, under names that TypeScript reads so. The bundler names the source of each part in a comment, as
// the source maps do; its line stays for them.
for (const file of await readdir(LIB)) {
  if (/bindings\.(js|d\.ts)$/.test(file)) {
    await rm(`${LIB}/${file}`);
  } else if (/\.c?js$/.test(file) && !file.includes(".module.")) {
    const code = await readFile(`${LIB}/${file}`, "utf8");
    await writeFile(`${LIB}/${file}`, code.replace(/^\/\/ (?:src\/|parts:).*$/gm, ""));
  } else if (file.endsWith(".d.ts")) {
    const types = await readFile(`${LIB}/${file}`, "utf8");
    await writeFile(`${LIB}/${file.replace(/\.d\.ts$/, ".d.cts")}`, types.replace(/(from "\.\/[\w-]+)\.js"/g, '$1.cjs"'));
  }
}
