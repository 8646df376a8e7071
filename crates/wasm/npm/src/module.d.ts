/** The bytes of the WebAssembly module in Base64; written when the package is built. */
export declare const MODULE: string;
