//! The `csms` server: HTTP, authentication, authorisation, rotation tasks and background work.
//!
//! Glue, on purpose: rules are decided in `csms-core`, bodies and codes live in `csms-api`, values are sealed by
//! `csms-kms` and kept by `csms-store`. What is here connects them to sockets, files and clocks.
//!
//! The one invariant to know: every operation passes [`dispatch`], which authenticates before it reads the body's
//! meaning, authorises before the operation runs, and writes every error in the shape of the operation.

pub mod access_file;
pub mod accounts;
pub mod answer;
pub mod app;
pub mod audit;
pub mod auth;
pub mod authorisation;
pub mod channels;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod connections;
pub mod console;
pub mod cors;
pub mod cts;
pub mod dispatch;
pub mod due;
pub mod failure;
pub mod function_rights;
pub mod functions;
pub mod http;
pub mod iam;
pub mod installation;
pub mod keyring;
pub mod keys;
pub mod kms;
pub mod metrics;
pub mod notifier;
pub mod operations;
mod outgoing;
pub mod permissions;
pub mod reference;
pub mod remote_keys;
pub mod replicas;
pub mod serve;
pub mod settings;
pub mod tasks;
pub mod traces;
mod wiped;
