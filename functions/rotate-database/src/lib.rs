//! The rotation function: takes an event, makes one attempt to rotate the database account of a secret, replies.
//!
//! Wiring only. What is done is decided in `csms-core`, done by `csms-rotate`, and asked for by the platform through
//! `functiongraph-runtime`. Nothing is set up before an event arrives, so the function starts quickly.

pub mod databases;
#[cfg(feature = "fault-injection")]
pub mod fault;
pub mod handler;
pub mod sealed;
pub mod service;
pub mod steps;
