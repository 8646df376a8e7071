// The module is found by its URL beside the code, which bundling in advance would break.
export default { base: "./", worker: { format: "es" }, optimizeDeps: { exclude: ["csms"] }, logLevel: "warn" };
