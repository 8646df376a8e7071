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

use std::collections::BTreeMap;

use csms_client::{Client, Credentials};
use csms_core::{ProjectId, SecretName};
use csms_testbed::Server;

/// A client with the keys of a server's first user.
#[must_use]
pub fn client(server: &Server) -> Client {
    let credentials = server.credentials();
    let project = ProjectId::parse(server.project_id()).expect("the server names its project");
    let keys = Credentials::key_pair(&credentials.access_key, &credentials.secret_key);
    Client::new(server.url(), project, keys).expect("the server's address is one")
}

/// Everything that a client can read: the metadata of each secret, its versions with their stages, and their values.
pub async fn everything(client: &Client) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::new();
    for mut secret in client.list_secrets(200, None).await.expect("secrets are listed").secrets {
        // Reading the values below is a use.
        secret.last_used_time = None;
        let name = SecretName::parse(&secret.name).expect("a name");
        let mut told = vec![serde_json::to_string(&secret).expect("JSON")];
        for version in client.list_versions(&name, 100, None).await.expect("versions are listed").version_metadatas {
            let shown = client.show_version(&name, &version.id).await.expect("a version");
            told.push(serde_json::to_string(&shown).expect("JSON"));
        }
        all.insert(secret.name, told);
    }
    all
}
