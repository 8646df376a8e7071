//! The server is killed at random moments while many clients write: whatever it has acknowledged is there afterwards.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use core::time::Duration;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use csms_client::{Client, ClientError, CreateSecretBody, CreateVersionBody};
use csms_conformance::client;
use csms_core::SecretName;
use csms_testbed::{Server, server::Options};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, timeout, timeout_at},
};

const ROUNDS: u32 = 6;
const WRITERS: u32 = 24;

/// Writers that write versions of the same secrets.
const GROUP: u32 = 4;

/// Versions that each writer of a group adds to one secret. With the first one that makes 17, below the 20 at which the
/// service begins to remove old versions.
const VERSIONS: u32 = 4;

/// The code for a secret whose name is taken.
const EXISTS: &str = "CSMS.0101";

const WITHIN: Duration = Duration::from_secs(120);

/// Longest wait for answers that the server had already sent when it was killed.
const LATE_ANSWERS: Duration = Duration::from_secs(1);

/// What the server has acknowledged: the value of each version, by secret and version.
#[derive(Default)]
struct Acknowledged(Mutex<BTreeMap<(String, String), String>>);

impl Acknowledged {
    fn add(&self, secret: &str, version: String, value: String) {
        let twice = self.0.lock().unwrap().insert((secret.to_owned(), version), value);
        assert!(twice.is_none(), "one version was acknowledged for two writes");
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// Writes until the server is gone. Every value is written once in the whole test.
async fn write(
    client: Client,
    round: u32,
    writer: u32,
    acknowledged: Arc<Acknowledged>,
    progress: watch::Sender<usize>,
) {
    for generation in 0.. {
        let own = format!("own-{round}-{writer}-{generation}");
        let shared = format!("shared-{round}-{}-{generation}", writer / GROUP);
        for name in [&own, &shared] {
            let value = format!("first value of {name} by writer {writer}");
            let body = CreateSecretBody { name, secret_string: Some(&value), ..CreateSecretBody::default() };
            match client.create_secret(&body).await {
                Ok(_) => acknowledged.add(name, "v1".to_owned(), value),
                // Another writer of the group was first.
                Err(ClientError::Refused { code, .. }) if code == EXISTS => {}
                Err(_) => return,
            }
        }
        let name = SecretName::parse(shared.as_str()).unwrap();
        for number in 0..VERSIONS {
            let value = format!("value {number} of {shared} by writer {writer}");
            let body = CreateVersionBody { secret_string: Some(&value), ..CreateVersionBody::default() };
            let Ok(made) = client.create_version(&name, &body).await else { return };
            acknowledged.add(&shared, made.version_metadata.id, value);
            progress.send_replace(acknowledged.count());
        }
    }
}

async fn assert_all_is_there(client: &Client, acknowledged: &Acknowledged, round: u32) {
    let expected = acknowledged.0.lock().unwrap().clone();
    for ((secret, version), value) in &expected {
        let name = SecretName::parse(secret.as_str()).unwrap();
        let found = client.show_version(&name, version).await;
        let found = found.unwrap_or_else(|error| panic!("round {round}: {version} of {secret} is lost: {error}"));
        assert_eq!(
            found.version.secret_string.as_deref(),
            Some(value.as_str()),
            "round {round}: {version} of {secret}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_under_load_keeps_every_acknowledged_write() {
    let mut server = Server::start(Options::default().argument("--secret-quota").argument("1000000")).await.unwrap();
    let acknowledged = Arc::new(Acknowledged::default());
    for round in 1..=ROUNDS {
        let client = client(&server);
        let before = acknowledged.count();
        let (progress, mut seen) = watch::channel(before);
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            writers.spawn(write(client.clone(), round, writer, Arc::clone(&acknowledged), progress.clone()));
        }
        let [writes, delay, ..] = getrandom::u32().unwrap().to_le_bytes();
        let until = before + 20 + usize::from(writes);
        timeout(WITHIN, seen.wait_for(|count| *count >= until)).await.unwrap().unwrap();
        // Answers come in groups, one for each commit. A kill right after one would always meet the same phase of it.
        sleep(Duration::from_micros(u64::from(delay) * 10)).await;
        server.kill().await.unwrap();
        let deadline = Instant::now() + LATE_ANSWERS;
        while let Ok(Some(ended)) = timeout_at(deadline, writers.join_next()).await {
            ended.unwrap();
        }
        writers.shutdown().await;
        server.restart().await.unwrap();
        assert_all_is_there(&csms_conformance::client(&server), &acknowledged, round).await;
    }
    assert!(acknowledged.count() > 20 * ROUNDS as usize);
}
