//! An application: it reads a secret through the API and logs in with what it got, all the time.

#![allow(clippy::panic, clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test support module")]

use core::time::Duration;
use std::sync::Arc;

use csms_client::{Client, ClientError};
use csms_core::{
    ProjectId, RotationMode, SecretName, SecretValue, StageName, VersionId,
    rotation::{
        Account,
        sealed::{SealingKey, is_sealed},
    },
    stage,
};
use tokio::sync::{Semaphore, watch};

use crate::Database;

/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// How often a look is repeated whose versions have changed under it.
const TRIES: usize = 10;

/// An application of one secret.
#[derive(Debug)]
pub struct Application {
    /// Where it logs in.
    pub database: Arc<Database>,
    /// `MultiUser`: SYSCURRENT has to log in. `SingleUser`: SYSCURRENT or SYSPENDING.
    pub mode: RotationMode,
    /// The project of the secret.
    pub project: ProjectId,
    /// The secret.
    pub name: SecretName,
    /// Opens sealed values.
    pub key: Arc<SealingKey>,
    /// Looks at the same time, of all applications of a test.
    pub turns: Arc<Semaphore>,
}

/// The versions that an application has read, SYSCURRENT first.
type Known = Vec<(VersionId, Account)>;

impl Application {
    /// Looks until the other end of `looks` is gone, and counts there. While there is no client, it goes on with what it
    /// has read before.
    pub async fn run(self, mut clients: watch::Receiver<Option<Client>>, looks: watch::Sender<u64>) {
        let mut known = Known::new();
        while !looks.is_closed() {
            let turn = self.turns.acquire().await.unwrap();
            let client = clients.borrow_and_update().clone();
            let read = match &client {
                Some(client) => self.look(client).await,
                None => Ok(known.clone()),
            };
            match read {
                Ok(read) => known = read,
                // The server went away during the look.
                Err(_) if clients.has_changed().unwrap_or(true) => {}
                Err(error) => panic!("{}: {error}", self.name),
            }
            if client.is_none() {
                assert!(self.lets_in(&known).await, "{}: nobody logs in while the server is away", self.name);
            }
            drop(turn);
            looks.send_modify(|count| *count += 1);
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Reads and logs in. A look during which the labels have moved says nothing.
    async fn look(&self, client: &Client) -> Result<Known, ClientError> {
        let mut known = self.read(client).await?;
        for _ in 0..TRIES {
            if self.lets_in(&known).await {
                return Ok(known);
            }
            let again = self.read(client).await?;
            let versions = |known: &Known| known.iter().map(|(version, _)| *version).collect::<Vec<_>>();
            assert!(versions(&known) != versions(&again), "{}: nobody logs in", self.name);
            known = again;
        }
        panic!("{}: the versions keep changing", self.name);
    }

    /// SYSPENDING first, because it becomes SYSCURRENT.
    async fn read(&self, client: &Client) -> Result<Known, ClientError> {
        let pending = match self.mode {
            RotationMode::SingleUser => self.account(client, stage::PENDING).await?,
            RotationMode::MultiUser => None,
        };
        let current = self.account(client, stage::CURRENT).await?;
        Ok(current.into_iter().chain(pending).collect())
    }

    /// The account in the version that a stage marks.
    ///
    /// # Errors
    /// As the client's.
    pub async fn account(&self, client: &Client, stage: &str) -> Result<Option<(VersionId, Account)>, ClientError> {
        let stage = match client.show_stage(&self.name, &StageName::parse(stage).unwrap()).await {
            Ok(found) => found.stage,
            Err(ClientError::Refused { status: 404, .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let found = client.show_version(&self.name, &stage.version_id).await?;
        let value = SecretValue::text(found.version.secret_string.clone().unwrap()).unwrap();
        let value = if is_sealed(&value) { self.key.open(&self.project, &self.name, &value).unwrap() } else { value };
        Ok(Some((VersionId::parse(&stage.version_id).unwrap(), Account::parse(&value).unwrap())))
    }

    async fn lets_in(&self, known: &Known) -> bool {
        for (_, account) in known {
            if self.database.can_log_in(&account.login().username, account.password()).await.unwrap() {
                return true;
            }
        }
        false
    }
}
