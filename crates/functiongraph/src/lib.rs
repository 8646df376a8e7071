//! FunctionGraph's custom runtime, from both ends, over one description of the protocol.
//!
//! | feature | contents |
//! |---|---|
//! | `guest` | the loop inside a function: take an event, run the handler, report exactly one result (module `guest`) |
//! | `host` | runs functions on this machine and serves the invoke API (module `host`) |
//!
//! Both are on by default. A function wants `default-features = false, features = ["guest"]`: small, blocking,
//! without an async runtime and without TLS (the runtime API is plain HTTP on the loopback interface).
#![cfg_attr(all(feature = "guest", feature = "host"), doc = include_str!("../README.md"))]

mod credentials;
mod failure;
#[cfg(feature = "guest")]
pub mod guest;
#[cfg(feature = "host")]
pub mod host;
pub mod protocol;

pub use credentials::Credentials;
pub use failure::Failure;
