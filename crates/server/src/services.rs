//! The services behind the port: each describes its operations and runs them.
//!
//! Does not authenticate, parse bodies, judge rights, audit or count; that is done once, in [`crate::gate`].

pub mod csms;
pub mod cts;
pub mod eps;
pub mod functiongraph;
pub mod iam;
pub mod kms;
pub mod permissions;
