//! What the commands of [`crate::cli`] do: one module for each group.
//!
//! Commands that use a running server are in `csms-cli`. A command is a synchronous function of its arguments; what needs the runtime asks [`block_on`] for it.

pub mod access;
pub mod agency;
pub mod audit;
pub mod completions;
pub mod config;
pub mod doctor;
pub mod drill;
pub mod licenses;
pub mod man;
pub mod migrate;
pub mod offline;
pub mod policy;
pub mod serve;
pub mod snapshot;
pub mod support_bundle;
pub mod user;

use std::error::Error;

/// What went wrong in a command, as it is told on stderr.
pub type Failed = Box<dyn Error + Send + Sync>;

/// Runs the asynchronous part of a command.
///
/// # Errors
/// What it fails with, or that threads cannot be started.
pub fn block_on<T, E: Into<Failed>>(work: impl Future<Output = Result<T, E>>) -> Result<T, Failed> {
    tokio::runtime::Runtime::new()?.block_on(work).map_err(Into::into)
}
