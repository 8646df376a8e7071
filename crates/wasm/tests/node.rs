//! The bindings in Node, and natively what of them needs no JavaScript.
#![allow(clippy::unwrap_used, reason = "a test ends where a value is missing")]

mod suite;
