//! The wire: operations, request and response bodies, and the error catalogue.
//!
//! Shared by the server, the client and the npm package, so that all three agree. Turns JSON into the parsed types of
//! `csms-core` and back; decides nothing about secrets, and knows no HTTP library.
//!
//! The one invariant to know: reading a request reports every problem it has, never only the first, and a problem
//! never contains a value from the request.
#![no_std]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

extern crate alloc;
#[cfg(test)]
extern crate std;

#[cfg(feature = "iam")]
pub mod cts;
#[cfg(feature = "iam")]
pub mod eps;
pub mod error;
pub mod fields;
#[cfg(feature = "iam")]
pub mod functiongraph;
#[cfg(feature = "iam")]
pub mod iam;
#[cfg(feature = "kms")]
pub mod kms;
pub mod normalised;
pub mod operation;
pub mod optional;
#[cfg(feature = "iam")]
pub mod permissions;
#[cfg(all(feature = "iam", feature = "kms"))]
pub mod policy_check;
pub mod request;
pub mod response;
#[cfg(feature = "schema")]
pub mod schema;
#[cfg(all(feature = "iam", feature = "kms"))]
pub mod vocabulary;

pub use error::{ApiError, ErrorCode};
pub use operation::{ErrorShape, Method, Operation};
