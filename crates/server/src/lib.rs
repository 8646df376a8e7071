//! The `csms` server: HTTP, authentication, authorisation, rotation tasks and background work.
//!
//! Glue, on purpose: rules are decided in `csms-core`, bodies and codes live in `csms-api`, values are sealed by
//! `csms-kms` and kept by `csms-store`. What is here connects them to sockets, files and clocks.
//!
//! The one invariant to know: every operation passes [`gate`], which authenticates before it reads the body's
//! meaning, authorises before the operation runs, and writes every error in the shape of the operation.

pub mod app;
pub mod audit;
pub mod auth;
pub mod background;
pub mod boot;
pub mod channels;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod deputy;
pub mod embedded;
pub mod failure;
pub mod functions;
pub mod gate;
pub mod http;
pub mod identity;
pub mod installation;
pub mod keys;
mod outgoing;
pub mod request;
pub mod rotation;
pub mod services;
pub mod telemetry;
pub mod version;
