//! Holds the program that builds the book; the library is empty, so that a plain build compiles nothing.
//!
//! `cargo xtask docs` builds and runs it. It does not check links: `cargo xtask` does that without mdBook.
