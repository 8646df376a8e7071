//! The commands of `csms` that use a running server: `secret`, `exec`, `backup` and `restore`.
//!
//! They speak the service's API through `csms-client` and know nothing of the server that is linked into the same binary, so
//! they work against any server of that API. Values are read from files or standard input and printed only when asked for.
//!
//! The one invariant to know: no secret value passes through an argument, an error or a table.

mod backup;
mod command;
mod connection;
mod exec;
mod failure;
mod input;
mod output;
mod secret;

pub use command::{Command, run};
