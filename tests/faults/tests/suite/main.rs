//! Faults around a server: everything that it acknowledged is there afterwards, and what it says is so.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod archives;
mod audit_sinks;
mod database;
mod failing_disk;
mod failover;
mod full_disk;
mod keyring;
mod left_behind;
mod lost_files;
mod one_file;
mod receivers;
mod releases;
mod scans;
mod signals;
mod soak;
mod taken_up;
mod time;
