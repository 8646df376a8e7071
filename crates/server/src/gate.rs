//! The one way into an operation: it authenticates, reads the body, judges rights, runs the operation, records and counts it.
//!
//! Knows no operation; [`crate::services`] describes them.

pub mod access;
pub mod access_log;
pub mod answer;
pub mod authorisation;
pub mod body;
pub mod exchange;
pub mod json;
pub mod lease;
pub mod limits;
pub mod pace;
pub mod pipeline;
pub mod service;
