//! Several servers on one PostgreSQL store, and the store itself behind their backs.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test support module")]

use core::time::Duration;
use std::{fs, process::Command};

use csms_core::{ProjectId, RotationPeriod, Secret, SecretName, UnixMillis};
use csms_kms::{DerivedKey, RootKey};
use csms_store::{Draft, PostgresSettings, PostgresStore, RowKey, Store};
use csms_testbed::{
    Postgres,
    postgres::{ADMIN, DATABASE},
    server::Options,
};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::service::Service;

/// Longest wait for a dead server's tasks: its leases, the interval of looking, and the rotations themselves.
pub const WITHIN: Duration = Duration::from_secs(240);

/// How often a condition is looked at.
pub const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Servers with one store and one root key. Each has its own data directory, with the first user's keys in it.
#[derive(Debug)]
pub struct Cluster {
    /// The store.
    pub store: PostgresStore,
    /// The servers.
    pub servers: Vec<Service>,
    settings: PostgresSettings,
    data: Vec<TempDir>,
}

impl Cluster {
    /// Starts as many servers; `adapt` may add to their options.
    pub async fn start(postgres: &Postgres, servers: usize, adapt: impl Fn(Options) -> Options) -> Self {
        let settings = PostgresSettings {
            password: Some(postgres.admin_password().to_owned().into()),
            ..PostgresSettings::at(format!("postgres://{ADMIN}@127.0.0.1:{}/{DATABASE}", postgres.port()))
        };
        let store = PostgresStore::open(&settings).await.unwrap();
        let mut cluster = Self { store, servers: Vec::new(), settings, data: Vec::new() };
        for _ in 0..servers {
            cluster.add(&adapt).await;
        }
        if let Some(first) = cluster.data.first() {
            let root = fs::read_to_string(first.path().join("root.key")).unwrap();
            let DerivedKey { number, key } = RootKey::from_hex(root.trim()).unwrap().derive_numbered(RowKey::PURPOSE);
            cluster.store.use_row_key(RowKey::new(number, key));
        }
        cluster
    }

    /// Starts a further server; `adapt` may add to its options.
    pub async fn add(&mut self, adapt: impl FnOnce(Options) -> Options) {
        let own = tempfile::tempdir().unwrap();
        if let Some(first) = self.data.first() {
            for file in ["root.key", "credentials.json"] {
                // Copying keeps the mode.
                fs::copy(first.path().join(file), own.path().join(file)).unwrap();
            }
        }
        let options = Options { data: Some(own.path().to_owned()), ..Options::default() };
        let options = options.argument("--store").argument(self.settings.url.as_str());
        let options = options.variable("PGPASSWORD", self.settings.password.as_ref().unwrap().as_str());
        self.servers.push(Service::start_with(adapt(options)).await);
        self.data.push(own);
    }

    /// The project that all work in.
    #[must_use]
    pub fn project(&self) -> ProjectId {
        ProjectId::parse(self.servers[0].server.project_id()).unwrap()
    }

    /// A secret as it is stored.
    pub async fn secret(&self, name: &SecretName) -> Secret {
        self.store.secret(&self.project(), name).await.unwrap().unwrap()
    }

    /// Switches the automatic rotation of a secret on, long overdue.
    pub async fn make_due(&self, name: &SecretName) {
        let due = |draft: &mut Draft| {
            draft.secret.auto_rotation = true;
            draft.secret.rotation_period = RotationPeriod::parse("4h").ok();
            draft.secret.next_rotation_time = Some(UnixMillis::new(1));
            Ok::<_, ()>(())
        };
        self.store.change_secret(&self.project(), name, false, due).await.unwrap();
    }

    /// How often a server's log has these words.
    #[must_use]
    pub fn counted(&self, server: usize, words: &str) -> usize {
        self.servers[server].server.log().matches(words).count()
    }

    /// Waits until a server is at a rotation.
    pub async fn until_active(&self, server: usize) {
        let deadline = Instant::now() + WITHIN;
        while self.counted(server, "rotation begins") <= self.counted(server, "rotation ended") {
            assert!(Instant::now() < deadline, "server {server} rotates nothing");
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Waits until a server is at nothing that it has begun: ended, left to another, or broken off.
    pub async fn let_go(&self, server: usize) {
        let deadline = Instant::now() + WITHIN;
        // Whether it finds its tasks taken or its connection closed depends on where it stood.
        let endings =
            || ["rotation ended", "rotation left", "rotation interrupted"].map(|words| self.counted(server, words));
        while self.counted(server, "rotation begins") > endings().iter().sum() {
            let log = || self.servers[server].server.log_tail();
            assert!(Instant::now() < deadline, "server {server} does not let go\n{}", log());
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Sends a signal such as `-STOP` to a server.
    pub fn signal(&self, server: usize, signal: &str) {
        let id = self.servers[server].server.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }
}

/// Ends all leases in the store of this database server, as if their time had passed.
pub async fn end_leases(postgres: &Postgres) {
    postgres.execute("UPDATE tasks SET lease_expires = 0 WHERE lease_holder IS NOT NULL").await.unwrap();
}

/// How many leases there are in the store of this database server.
pub async fn leases(postgres: &Postgres) -> i64 {
    let leases = "SELECT count(*) FROM tasks WHERE lease_holder IS NOT NULL";
    postgres.admin().await.unwrap().query_one(leases, &[]).await.unwrap().get(0)
}
