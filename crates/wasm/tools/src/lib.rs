//! Two programs of wasm-bindgen, built from the version in our lock file instead of being installed.
//!
//! The library is empty; the programs are the product. They do nothing of their own.
