// The tools of the tests are linked from another directory.
export default { turbopack: { root: "/" }, outputFileTracingRoot: "/" };
