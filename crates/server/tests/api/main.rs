//! Tests of the server's API and commands: one program, so that it links once.
#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up fails")]
#![allow(unreachable_pub, missing_docs, reason = "no crate uses a test")]

mod access;
mod access_file;
mod access_keys;
mod access_log;
mod accounts;
mod acting_functions;
mod admin_secret;
mod administration;
mod agencies;
mod audit;
mod backups;
mod batch;
mod bound_rows;
mod clients;
mod command_line;
mod console;
mod cors;
mod cts;
mod events;
mod fair_rotations;
mod grants;
mod invoked_functions;
mod key_clients;
mod kms;
mod life;
mod login_clients;
mod monitoring;
mod passwords;
mod permissions;
mod port;
mod reference;
mod remote_kms;
mod replayed_clients;
mod replicas;
mod robust;
mod schedule;
mod service_manager;
mod settings;
mod shared_accounts;
mod support;
mod tags;
mod tasks;
mod touched;
mod users;
