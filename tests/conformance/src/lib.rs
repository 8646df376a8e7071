//! What the tests of a running server share. They see the server as its users do: a process, its files, its API.
//!
//! The tests themselves are in `tests/`: `official_sdk` runs the official Python SDK (`python/`), `kill_nine` and `replicas`
//! kill the server under load, `process` looks at the command line, the files and the signals, `definitions` holds every operation
//! against the official definitions, `official_clients` runs the official SDKs of other languages (`clients/`),
//! `terraform_provider` the resources of the Terraform provider, `schemathesis` asks by our own description.

#![allow(clippy::expect_used, clippy::panic, clippy::missing_panics_doc, reason = "a test support crate")]

pub mod authority;
pub mod clients;
pub mod definitions;
pub mod deviations;
pub mod feature_table;
pub mod recorded;
pub mod schema;
pub mod world;

use csms_client::{Client, Credentials};
use csms_core::ProjectId;
use csms_testbed::Server;

/// A client with the keys of a server's first user.
#[must_use]
pub fn client(server: &Server) -> Client {
    let credentials = server.credentials();
    let project = ProjectId::parse(server.project_id()).expect("the server names its project");
    let keys = Credentials::key_pair(&credentials.access_key, &credentials.secret_key);
    Client::new(server.url(), project, keys).expect("the server's address is one")
}
