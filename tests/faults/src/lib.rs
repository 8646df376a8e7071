//! What the tests of faults share: a server seen as its users and its operator see it, a database for the shared store, and
//! waiting for conditions.
//!
//! The tests themselves are in `tests/suite/`, a module for each thing that fails. Nothing here makes a fault.

#![allow(clippy::expect_used, clippy::panic, clippy::missing_panics_doc, reason = "a test support crate")]

pub mod rotated;
pub mod soak;

use std::{
    io::BufRead,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use csms_client::{Client, ClientError, CreateSecretBody, Credentials};
use csms_core::{ProjectId, SecretName, VersionId};
use csms_testbed::{
    Server,
    postgres::{DATABASE, Postgres, Setup},
    server::{Options, binary},
};
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinSet;

/// Longest wait for something that the server should do within seconds. The machine may be busy with other tests.
pub const WITHIN: Duration = Duration::from_secs(60);

const POLL: Duration = Duration::from_millis(20);

/// A client with the keys of a server's first user.
#[must_use]
pub fn client(server: &Server) -> Client {
    let credentials = server.credentials();
    client_with(server, Credentials::key_pair(&credentials.access_key, &credentials.secret_key))
}

/// A token of the first user.
pub async fn log_in(server: &Server) -> String {
    let credentials = server.credentials();
    let body = json!({ "auth": {
        "identity": { "methods": ["password"], "password": { "user": {
            "name": credentials.user_name, "password": credentials.password, "domain": { "name": credentials.domain_name },
        } } },
        "scope": { "project": { "name": credentials.region } },
    } });
    let url = format!("{}/v3/auth/tokens", server.url());
    let ask = move || {
        let response = ureq::post(url).header("content-type", "application/json").send(body.to_string());
        let response = response.expect("the first user logs in");
        response.headers()["x-subject-token"].to_str().expect("a text").to_owned()
    };
    tokio::task::spawn_blocking(ask).await.expect("the request ends")
}

/// Requires that a write with this token is refused with 503, and returns after how many seconds the client should repeat it.
pub async fn refused_for(server: &Server, token: &str) -> u64 {
    let url = format!("{}/v1/{}/secrets", server.url(), server.project_id());
    let (token, body) = (token.to_owned(), json!({ "name": "refused", "secret_string": "value" }).to_string());
    let ask = move || {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        let request = agent.post(&url).header("content-type", "application/json").header("x-auth-token", token);
        let response = request.send(body).expect("the server answers");
        assert_eq!(response.status(), 503);
        let after = response.headers().get("retry-after").and_then(|after| after.to_str().ok()?.parse().ok());
        after.expect("a response with Retry-After")
    };
    tokio::task::spawn_blocking(ask).await.expect("the request ends")
}

/// A client with other credentials than the keys of the first user.
#[must_use]
pub fn client_with(server: &Server, credentials: Credentials) -> Client {
    let project = ProjectId::parse(server.project_id()).expect("the server names its project");
    Client::new(server.url(), project, credentials).expect("the server's address is one")
}

/// What a server's gauge shows.
pub async fn gauge(server: &Server, name: &str) -> f64 {
    let metrics = get(server, "/metrics").await.1;
    let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.and_then(|value| value.parse().ok()).expect("the server has this gauge")
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

/// Reads an HTTP request and returns its body, a text; `None` when the request is not complete.
pub fn body_of_request(reader: &mut impl BufRead) -> Option<String> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(String::from_utf8(body).expect("a text"))
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

/// Whether tests may take long (`cargo xtask test --long`).
#[must_use]
pub fn is_long() -> bool {
    std::env::var_os("CSMS_TEST_LONG").is_some()
}

/// Connections of a server to its database in these tests.
pub const CONNECTIONS: usize = 8;

/// The role of the servers in their database.
pub const ROLE: &str = "csms";
/// Its password.
pub const PASSWORD: &str = "Csms-1-password";

/// A database for the shared store, whose servers log in with a role of their own.
#[derive(Debug)]
pub struct Database {
    /// The server that has it.
    pub postgres: Postgres,
}

impl Database {
    /// A new one.
    pub async fn start() -> Self {
        Self::start_with(Setup::default()).await
    }

    /// A new one on a server as `setup` says.
    pub async fn start_with(setup: Setup) -> Self {
        let postgres = Postgres::start_with(setup).await.expect("PostgreSQL starts");
        postgres.create_login(ROLE, PASSWORD).await.expect("a role");
        postgres.execute(&format!("ALTER DATABASE {DATABASE} OWNER TO {ROLE}")).await.expect("its owner");
        Self { postgres }
    }

    /// The address for `--store`.
    #[must_use]
    pub fn address(&self) -> String {
        self.address_of(DATABASE)
    }

    /// The address of another database there.
    #[must_use]
    pub fn address_of(&self, database: &str) -> String {
        format!("postgres://{ROLE}@127.0.0.1:{}/{database}", self.postgres.port())
    }

    /// A server that keeps its data there.
    #[must_use]
    pub fn options(&self) -> Options {
        self.options_on(DATABASE)
    }

    /// A server that keeps its data in another database there.
    #[must_use]
    pub fn options_on(&self, database: &str) -> Options {
        Options::default()
            .argument("--store")
            .argument(self.address_of(database))
            .argument("--store-connections")
            .argument(CONNECTIONS.to_string())
            .variable("PGPASSWORD", PASSWORD)
    }

    /// Starts a second server on the data of the first, and returns its directory, too. It runs `binary` if one is named.
    pub async fn beside(&self, first: &Server, binary: Option<PathBuf>) -> (Server, TempDir) {
        let data = tempfile::tempdir().expect("a directory");
        for file in ["root.key", "credentials.json"] {
            std::fs::copy(first.data().join(file), data.path().join(file)).expect("a copy");
        }
        let options = Options { binary, data: Some(data.path().to_owned()), ..self.options() };
        (Server::start(options).await.expect("a second server starts"), data)
    }

    /// Runs a command of `csms` on it, with what is in `data` besides.
    pub async fn command(&self, data: &Path, arguments: &[&str]) -> Output {
        let store = self.address();
        let mut all = arguments.to_vec();
        all.extend(["--store", &store]);
        command(data, &all).await
    }

    /// The number that a query of the superuser returns.
    pub async fn number(&self, sql: &str) -> i64 {
        let admin = self.postgres.admin().await.expect("the superuser gets in");
        admin.query_one(sql, &[]).await.expect("a number").get(0)
    }

    /// Creates another database for servers.
    pub async fn create(&self, name: &str) {
        self.postgres.execute(&format!("CREATE DATABASE {name} OWNER {ROLE}")).await.expect("a database");
    }

    /// Copies the servers' database, which nobody may use meanwhile, into a new one.
    pub async fn copy(&self, to: &str) {
        self.end_connections().await;
        self.postgres
            .execute(&format!("CREATE DATABASE {to} TEMPLATE {DATABASE} OWNER {ROLE}"))
            .await
            .expect("the database is copied");
    }

    /// Ends every connection of the servers.
    pub async fn end_connections(&self) {
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'csms'";
        self.postgres.execute(end).await.expect("the connections end");
    }
}

/// Runs a command of `csms` on the data in a directory.
pub async fn command(data: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(binary().expect("the binary"));
    command.args(arguments).arg("--data").arg(data).env("PGPASSWORD", PASSWORD);
    let run = move || command.output().expect("the command runs");
    tokio::task::spawn_blocking(run).await.expect("the command ends")
}

/// Runs a command of `csms` with these arguments alone.
pub async fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(binary().expect("the binary"));
    command.args(arguments).env("PGPASSWORD", PASSWORD);
    let run = move || command.output().expect("the command runs");
    tokio::task::spawn_blocking(run).await.expect("the command ends")
}

/// Clients that create secrets one after the other until they are stopped, each with a name of its own.
#[derive(Debug)]
pub struct Writers {
    stopped: Arc<AtomicBool>,
    acknowledged: Arc<Mutex<Vec<String>>>,
    refusals: Arc<Vec<AtomicUsize>>,
    tasks: JoinSet<()>,
}

impl Writers {
    /// Begins with that many. Names begin with `prefix`.
    #[must_use]
    pub fn begin(client: &Client, prefix: &str, number: usize) -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        let acknowledged = Arc::new(Mutex::new(Vec::new()));
        let refusals: Arc<Vec<_>> = Arc::new((0..number).map(|_| AtomicUsize::new(0)).collect());
        let mut tasks = JoinSet::new();
        for writer in 0..number {
            let (client, prefix) = (client.clone(), prefix.to_owned());
            let (stopped, acknowledged, refusals) = (stopped.clone(), acknowledged.clone(), refusals.clone());
            tasks.spawn(async move {
                for number in 0.. {
                    if stopped.load(Ordering::SeqCst) {
                        break;
                    }
                    let name = format!("{prefix}-{writer}-{number}");
                    match create(&client, &name).await {
                        Ok(()) => acknowledged.lock().unwrap_or_else(PoisonError::into_inner).push(name),
                        Err(_) => {
                            if let Some(refused) = refusals.get(writer) {
                                refused.fetch_add(1, Ordering::SeqCst);
                            }
                            // A server that is gone refuses at once.
                            tokio::time::sleep(POLL).await;
                        }
                    }
                }
            });
        }
        Self { stopped, acknowledged, refusals, tasks }
    }

    /// How many secrets have been created.
    #[must_use]
    pub fn acknowledged(&self) -> usize {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// How many creations have been refused.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.refusals.iter().map(|refused| refused.load(Ordering::SeqCst)).sum()
    }

    /// Whether each of them has been refused at least once.
    #[must_use]
    pub fn all_refused(&self) -> bool {
        self.refusals.iter().all(|refused| refused.load(Ordering::SeqCst) > 0)
    }

    /// Waits until more secrets have been created.
    pub async fn go_on(&self) {
        let before = self.acknowledged();
        eventually("writes go on", async || self.acknowledged() > before + 10).await;
    }

    /// Stops them, and returns what was created.
    pub async fn end(mut self) -> Vec<String> {
        self.stopped.store(true, Ordering::SeqCst);
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("a writer ends well");
        }
        std::mem::take(&mut *self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Requires that every acknowledged secret is there with its value.
pub async fn require_all(client: &Client, names: &[String]) {
    assert!(!names.is_empty(), "nothing was acknowledged");
    for name in names {
        assert_eq!(read(client, name).await.expect("an acknowledged secret is there"), *name);
    }
}
