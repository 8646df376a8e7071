/** Functions of the WebAssembly module that no other has together; written when the package is built. */
export declare const EXPORTS: readonly string[];
