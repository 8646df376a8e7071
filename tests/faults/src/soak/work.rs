//! The clients that write and rotate meanwhile, and the ledger of the responses they got.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use csms_client::{Client, ClientError, CreateVersionBody, ListTasksQuery};
use csms_core::SecretName;
use tokio::{sync::watch, task::JoinSet};

use super::Report;
use crate::{create, name};

/// Versions that are added to one secret: together with the first one, fewer than the service keeps.
const VERSIONS: u32 = 12;
/// Clients that read everything back at the end, and the versions that each of them reads in one go.
const READERS: usize = 8;
const PART: usize = 1_000;
/// Time between two rotations of an account.
const PAUSE: Duration = Duration::from_millis(500);

/// The changes that clients have asked for, and the responses.
#[derive(Default)]
pub(super) struct Ledger(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    /// The values of acknowledged versions, by secret and version.
    acknowledged: BTreeMap<(String, String), String>,
    /// Values of changes that got no response, or an error, by secret.
    unanswered: BTreeMap<String, Vec<String>>,
    rotations: usize,
}

impl Ledger {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many changes were acknowledged.
    pub(super) fn acknowledged(&self) -> usize {
        self.entries().acknowledged.len()
    }

    fn note(&self, secret: &str, value: &str, outcome: Result<String, ClientError>) -> bool {
        let mut entries = self.entries();
        match outcome {
            Ok(version) => {
                entries.acknowledged.insert((secret.to_owned(), version), value.to_owned());
                true
            }
            Err(_) => {
                entries.unanswered.entry(secret.to_owned()).or_default().push(value.to_owned());
                false
            }
        }
    }

    /// Reads everything back: an acknowledged change has to be there, an unanswered one either whole or not at all.
    pub(super) async fn compare(&self, client: &Client, report: &mut Report) {
        let Entries { acknowledged, unanswered, rotations } = std::mem::take(&mut *self.entries());
        report.rotations = rotations;
        report.acknowledged = acknowledged.len();
        report.unanswered = unanswered.values().map(Vec::len).sum();
        for (secret, values) in &unanswered {
            let versions = match client.list_versions(&name(secret), 50, None).await {
                Ok(found) => found.version_metadatas,
                Err(ClientError::Refused { status: 404, .. }) => continue,
                Err(error) => {
                    report.torn.push(format!("{secret}: its versions: {error}"));
                    continue;
                }
            };
            for version in versions {
                if acknowledged.contains_key(&(secret.clone(), version.id.clone())) {
                    continue;
                }
                match client.show_version(&name(secret), &version.id).await {
                    Ok(shown) => {
                        let value = shown.version.secret_string.clone().unwrap_or_default();
                        if !values.contains(&value) {
                            report.torn.push(format!("{secret} {}: a value that nobody wrote", version.id));
                        }
                    }
                    Err(error) => report.torn.push(format!("{secret} {}: {error}", version.id)),
                }
            }
        }
        let mut left = acknowledged.into_iter();
        let mut readers = JoinSet::new();
        loop {
            let part: Vec<_> = left.by_ref().take(PART).collect();
            if part.is_empty() || readers.len() == READERS {
                let Some(read) = readers.join_next().await else { return };
                let (lost, torn) = read.expect("a reader ends well");
                report.lost.extend(lost);
                report.torn.extend(torn);
            }
            if !part.is_empty() {
                readers.spawn(read_back(client.clone(), part));
            }
        }
    }
}

/// Reads acknowledged versions, and returns those that are lost and those that are torn.
async fn read_back(client: Client, part: Vec<((String, String), String)>) -> (Vec<String>, Vec<String>) {
    let (mut lost, mut torn) = (Vec::new(), Vec::new());
    for ((secret, version), value) in part {
        match client.show_version(&name(&secret), &version).await {
            Ok(shown) if shown.version.secret_string.as_ref() == Some(&value) => {}
            Ok(_) => torn.push(format!("{secret} {version} has another value")),
            Err(error) => lost.push(format!("{secret} {version}: {error}")),
        }
    }
    (lost, torn)
}

/// The client of the server that runs now; `None` when it is time to stop.
async fn present(clients: &mut watch::Receiver<Option<Client>>, stopped: &watch::Receiver<bool>) -> Option<Client> {
    loop {
        if *stopped.borrow() {
            return None;
        }
        if let Some(client) = clients.borrow_and_update().clone() {
            return Some(client);
        }
        // Woken by the next server; the time is for the end.
        let _ = tokio::time::timeout(PAUSE, clients.changed()).await;
    }
}

/// Creates secrets and versions, one after the other, until it is stopped.
pub(super) async fn write(
    number: usize,
    mut clients: watch::Receiver<Option<Client>>,
    stopped: watch::Receiver<bool>,
    ledger: Arc<Ledger>,
) {
    for round in 0.. {
        let secret = format!("soak-{number}-{round}");
        let Some(client) = present(&mut clients, &stopped).await else { return };
        let created = create(&client, &secret).await.map(|()| "v1".to_owned());
        if !ledger.note(&secret, &secret, created) {
            tokio::time::sleep(PAUSE / 10).await;
            continue;
        }
        for version in 0..VERSIONS {
            let Some(client) = present(&mut clients, &stopped).await else { return };
            let value = format!("{secret}: {version}");
            let body = CreateVersionBody { secret_string: Some(&value), ..CreateVersionBody::default() };
            let made = client.create_version(&name(&secret), &body).await;
            if !ledger.note(&secret, &value, made.map(|made| made.version_metadata.id)) {
                tokio::time::sleep(PAUSE / 10).await;
            }
        }
    }
}

/// Rotates a secret again and again until it is stopped.
pub(super) async fn rotate(
    secret: SecretName,
    mut clients: watch::Receiver<Option<Client>>,
    stopped: watch::Receiver<bool>,
    ledger: Arc<Ledger>,
) {
    while let Some(client) = present(&mut clients, &stopped).await {
        // Refused while one runs, or while the server goes away.
        if let Ok(begun) = client.rotate_secret(&secret).await {
            let id = begun.rotation_task_id;
            while let Some(client) = present(&mut clients, &stopped).await {
                let query = ListTasksQuery { task_id: Some(&id), ..ListTasksQuery::default() };
                let status = client.list_tasks(query).await.ok().and_then(|found| found.tasks.into_iter().next());
                match status.map(|task| task.task_status) {
                    Some(status) if status == "SUCCESS" => {
                        ledger.entries().rotations += 1;
                        break;
                    }
                    Some(status) if status != "RUNNING" => break,
                    _ => tokio::time::sleep(PAUSE / 10).await,
                }
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}
