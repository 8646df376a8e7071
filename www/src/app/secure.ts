// What browsers give to pages over HTTPS, and on this machine, only: cryptography, and a clipboard that can be cleared.

/** Whether values can be sealed and opened in this page. */
export const hasCryptography = (): boolean => globalThis.crypto?.subtle !== undefined;
