// Gives the imports of a module short names. The binding generator names each with a hash that tells it from equally named ones
// of other modules; in a published file these are a hundredth of its size.

const IMPORTS = 2;
const FUNCTION = 0;

/** An unsigned number in LEB128. */
function numberAt(bytes, at) {
  let [value, shift] = [0, 0];
  for (;;) {
    const byte = bytes[at++];
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return { value, end: at };
    shift += 7;
  }
}

function written(value) {
  const bytes = [];
  for (; value >= 0x80; value >>>= 7) bytes.push((value & 0x7f) | 0x80);
  return [...bytes, value];
}

const named = (text) => [...written(text.length), ...Buffer.from(text)];

/** Where the section of imports is, its size included. */
function sectionOf(wasm) {
  for (let at = 8; at < wasm.length; ) {
    const size = numberAt(wasm, at + 1);
    const end = size.end + size.value;
    if (wasm[at] === IMPORTS) return { start: at + 1, content: size.end, end };
    at = end;
  }
  throw new Error("the module has no imports");
}

/**
 * Shortens the names in a module and in the bindings that were generated for it.
 *
 * @param wasm the module
 * @param text the bindings in JavaScript
 * @returns both with the short names
 */
export function withShortImports(wasm, text) {
  const { start, content, end } = sectionOf(wasm);
  const count = numberAt(wasm, content);
  const section = written(count.value);
  const nameAt = (at) => {
    const length = numberAt(wasm, at);
    return { name: wasm.toString("utf8", length.end, length.end + length.value), end: length.end + length.value };
  };
  let at = count.end;
  for (let index = 0; index < count.value; index += 1) {
    const module = nameAt(at);
    const own = nameAt(module.end);
    if (wasm[own.end] !== FUNCTION) throw new Error(`${own.name} is imported, and no function`);
    const type = numberAt(wasm, own.end + 1);
    const [from, short] = [module.name.replace(/^\.\//, ""), `f${index}`];
    if (!text.includes(`"./${from}": import0`) || text.split(`${own.name}: function(`).length !== 2) {
      throw new Error(`the generated bindings have changed: ${own.name} is not among them`);
    }
    text = text.replace(`${own.name}: function(`, `${short}: function(`);
    section.push(...named("w"), ...named(short), FUNCTION, ...written(type.value));
    at = type.end;
  }
  const shorter = [wasm.subarray(0, start), Buffer.from([...written(section.length), ...section]), wasm.subarray(end)];
  return { wasm: Buffer.concat(shorter), text: text.replace(/"\.\/[\w-]+_bg\.js": import0/, "w: import0") };
}
