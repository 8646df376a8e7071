//! What the tests of faults share: a server seen as its users and its operator see it, and waiting for conditions.
//!
//! The tests themselves are in `tests/suite/`, a module for each thing that fails. Nothing here makes a fault.

#![allow(clippy::expect_used, clippy::panic, clippy::missing_panics_doc, reason = "a test support crate")]

use std::time::{Duration, Instant};

use csms_client::{Client, ClientError, CreateSecretBody, Credentials};
use csms_core::{ProjectId, SecretName, VersionId};
use csms_testbed::Server;

/// Longest wait for something that the server should do within seconds. The machine may be busy with other tests.
pub const WITHIN: Duration = Duration::from_secs(60);

const POLL: Duration = Duration::from_millis(20);

/// A client with the keys of a server's first user.
#[must_use]
pub fn client(server: &Server) -> Client {
    let credentials = server.credentials();
    let project = ProjectId::parse(server.project_id()).expect("the server names its project");
    let keys = Credentials::key_pair(&credentials.access_key, &credentials.secret_key);
    Client::new(server.url(), project, keys).expect("the server's address is one")
}

/// A name of a secret.
#[must_use]
pub fn name(text: &str) -> SecretName {
    SecretName::parse(text).expect("a valid name")
}

/// Creates a secret whose value is its name.
///
/// # Errors
/// As the service refuses it.
pub async fn create(client: &Client, name: &str) -> Result<(), ClientError> {
    let body = CreateSecretBody { name, secret_string: Some(name), ..CreateSecretBody::default() };
    client.create_secret(&body).await.map(drop)
}

/// Creates secrets called `PREFIX-0` and so on.
pub async fn create_many(client: &Client, prefix: &str, number: usize) {
    for number in 0..number {
        create(client, &format!("{prefix}-{number}")).await.expect("a secret is created");
    }
}

/// Reads the first version of a secret.
///
/// # Errors
/// As the service refuses it.
pub async fn read(client: &Client, text: &str) -> Result<String, ClientError> {
    let shown = client.show_version(&name(text), &VersionId::FIRST.to_string()).await?;
    Ok(shown.version.secret_string.clone().unwrap_or_default())
}

/// Reads secrets that [`create_many`] created, and compares their values.
pub async fn require_many(client: &Client, prefix: &str, number: usize) {
    for number in 0..number {
        let name = format!("{prefix}-{number}");
        assert_eq!(read(client, &name).await.expect("the secret is there"), name);
    }
}

/// The status and the body of a path that needs no signature.
pub async fn get(server: &Server, path: &str) -> (u16, String) {
    let url = format!("{}{path}", server.url());
    let ask = move || {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        let mut response = agent.get(&url).call().expect("the server answers");
        (response.status().as_u16(), response.body_mut().read_to_string().expect("a text"))
    };
    tokio::task::spawn_blocking(ask).await.expect("the request ends")
}

/// Waits until a condition holds, [`WITHIN`] at most.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + WITHIN;
    while !holds().await {
        assert!(Instant::now() < deadline, "not within {WITHIN:?}: {what}");
        tokio::time::sleep(POLL).await;
    }
}

/// Waits until `/healthz` has this status.
pub async fn healthz_becomes(server: &Server, status: u16) {
    eventually(&format!("/healthz is {status}"), async || get(server, "/healthz").await.0 == status).await;
}
