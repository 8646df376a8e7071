//! The bindings in a browser: `wasm-pack test --headless --chrome crates/wasm`, or `cargo xtask test`.
#![allow(clippy::unwrap_used, reason = "a test ends where a value is missing")]
#![cfg(target_arch = "wasm32")]

mod suite;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);
