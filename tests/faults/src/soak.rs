//! The long run: real processes of every kind, one of them killed every few seconds, and a count of what that cost.
//!
//! Clients write and rotate accounts of a database without a pause, and further processes log in with what the API returns
//! ([`poller`]). Killed with SIGKILL, at random: the server, a session of the store's database (which makes
//! that server recover from its log), a session of the rotated database, a function, a process that logs in. At the end every
//! acknowledged change is read back, and the audit trail is verified.

pub mod poller;
mod victims;
mod work;

use std::{
    fmt,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use csms_client::{Client, CreateSecretBody, CreateVersionBody};
use csms_core::{SecretName, stage};
use csms_testbed::{Server, postgres::DATABASE, server::Options};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;

use crate::{Database, client, command, name, rotated::Rotated};
use poller::{Pollers, Scene};
use victims::{Victim, pause, random};
use work::{Ledger, rotate, write};

/// Clients that write.
const WRITERS: usize = 8;
/// Accounts that are rotated.
const ACCOUNTS: usize = 4;
/// Processes that log in.
const POLLERS: usize = 2;
/// Longest wait for the rotations that are under way at the end.
const LAST_ROTATIONS: Duration = Duration::from_secs(180);

/// Which store the server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The embedded file.
    Sqlite,
    /// A PostgreSQL database.
    Postgres,
}

/// What a run has cost.
#[derive(Debug, Default)]
pub struct Report {
    /// The store.
    pub store: &'static str,
    /// How often something was killed: server, store, rotated database, function, process that logs in.
    pub kills: [usize; 5],
    /// Changes that were acknowledged.
    pub acknowledged: usize,
    /// Changes that got no response, or an error.
    pub unanswered: usize,
    /// Rotations that ended well.
    pub rotations: usize,
    /// Logins with what the API returned.
    pub logins: usize,
    /// Longest time from the end of a server to the next acknowledged change.
    pub longest_pause: Duration,
    /// Acknowledged changes that are not there.
    pub lost: Vec<String>,
    /// Changes of which a part is there.
    pub torn: Vec<String>,
    /// Times at which SYSCURRENT did not log in.
    pub lock_outs: Vec<String>,
    /// What `csms audit verify` says, when it finds the trail broken.
    pub broken_trail: Option<String>,
}

impl Report {
    /// Whether nothing was lost, nothing torn, nobody locked out, and the trail verifies.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.lost.is_empty() && self.torn.is_empty() && self.lock_outs.is_empty() && self.broken_trail.is_none()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [server, store, database, function, poller] = self.kills;
        writeln!(
            f,
            "{}: killed {server} × server, {store} × store, {database} × rotated database, {function} × function, \
             {poller} × poller",
            self.store
        )?;
        writeln!(
            f,
            "  {} changes acknowledged, {} unanswered; {} rotations, {} logins; longest pause {:.1} s",
            self.acknowledged,
            self.unanswered,
            self.rotations,
            self.logins,
            self.longest_pause.as_secs_f64()
        )?;
        let trail = if self.broken_trail.is_none() { "verifies" } else { "is broken" };
        let (lost, torn, locked) = (self.lost.len(), self.torn.len(), self.lock_outs.len());
        write!(f, "  {lost} lost, {torn} torn, {locked} lock-outs; the audit trail {trail}")?;
        for line in self.lost.iter().chain(&self.torn).chain(&self.lock_outs).chain(&self.broken_trail) {
            write!(f, "\n    {line}")?;
        }
        Ok(())
    }
}

/// Everything of one run.
struct Run {
    data: TempDir,
    store: Option<Database>,
    rotated: Rotated,
    server: Server,
    clients: watch::Sender<Option<Client>>,
    report: Report,
}

impl Run {
    fn options(data: &TempDir, store: Option<&Database>) -> Options {
        let options = store.map_or_else(Options::default, Database::options);
        let options = options.argument("--secret-quota").argument("10000000");
        Options { data: Some(data.path().to_owned()), ..options }
    }

    async fn begin(kind: Kind) -> Self {
        let data = tempfile::tempdir().expect("a directory");
        let store = match kind {
            Kind::Sqlite => None,
            Kind::Postgres => Some(Database::start().await),
        };
        let rotated = Rotated::start().await;
        let server = Server::start(Self::options(&data, store.as_ref())).await.expect("the server starts");
        let clients = watch::Sender::new(Some(client(&server)));
        let store_name = if store.is_some() { "PostgreSQL" } else { "SQLite" };
        let report = Report { store: store_name, ..Report::default() };
        Self { data, store, rotated, server, clients, report }
    }

    /// Makes the accounts and their secrets.
    async fn make_accounts(&self) -> Vec<SecretName> {
        let client = client(&self.server);
        let function = self.server.credentials().rotation_func_urn.clone();
        let function = function.expect("rotate-database.zip lies beside the server; `cargo xtask package` makes it");
        let config = json!({ "InstanceId": "local", "SecretSubType": "MultiUser" }).to_string();
        let mut names = Vec::new();
        for number in 0..ACCOUNTS {
            let (first, second) = (format!("account_{number}"), format!("account_{number}_b"));
            let value = self.rotated.create_account(&first).await.to_string();
            let other = self.rotated.create_account(&second).await.to_string();
            let body = CreateSecretBody {
                name: &first,
                secret_string: Some(&value),
                secret_type: Some("RDS-FG"),
                rotation_config: Some(&config),
                rotation_func_urn: Some(&function),
                ..CreateSecretBody::default()
            };
            client.create_secret(&body).await.expect("a secret is created");
            let body = CreateVersionBody {
                secret_string: Some(&other),
                version_stages: Some(&[stage::PREVIOUS]),
                ..CreateVersionBody::default()
            };
            client.create_version(&name(&first), &body).await.expect("a version is created");
            names.push(name(&first));
        }
        names
    }

    /// What processes that log in need to know.
    fn scene(&self, accounts: &[SecretName]) -> Scene {
        let credentials = self.server.credentials();
        Scene {
            url: self.server.url().to_owned(),
            project: self.server.project_id().to_owned(),
            access_key: credentials.access_key.clone(),
            secret_key: credentials.secret_key.clone(),
            secrets: accounts.iter().map(ToString::to_string).collect(),
            database_port: self.rotated.port(),
            database: DATABASE.to_owned(),
        }
    }

    /// Kills the server and starts it again on its data.
    async fn kill_server(&mut self, ledger: &Ledger) {
        self.clients.send_replace(None);
        self.server.kill().await.expect("the server can be killed");
        let (killed, before) = (Instant::now(), ledger.acknowledged());
        self.server = loop {
            match Server::start(Self::options(&self.data, self.store.as_ref())).await {
                Ok(server) => break server,
                // Its database may be recovering from a kill of its own.
                Err(error) if self.store.is_some() && killed.elapsed() < LAST_ROTATIONS => {
                    drop(error);
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(error) => panic!("the server does not start again: {error}"),
            }
        };
        self.clients.send_replace(Some(client(&self.server)));
        while ledger.acknowledged() == before {
            assert!(killed.elapsed() < LAST_ROTATIONS, "no write succeeds any more: {}", self.server.log_tail());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.report.longest_pause = self.report.longest_pause.max(killed.elapsed());
    }

    async fn kill(&mut self, victim: Victim, ledger: &Ledger, pollers: &mut Pollers) {
        let hit = match victim {
            Victim::Server => {
                self.kill_server(ledger).await;
                true
            }
            Victim::Store => match &self.store {
                Some(store) => victims::kill_session(&store.postgres, crate::ROLE).await,
                None => false,
            },
            Victim::Database => victims::kill_session(self.rotated.server(), "account_%").await,
            Victim::Function => victims::kill_child(self.server.id()),
            Victim::Poller => pollers.kill_one().await,
        };
        if let Some(kills) = self.report.kills.get_mut(victim as usize) {
            *kills += usize::from(hit);
        }
    }

    /// Waits until no rotation runs, and requires that what SYSCURRENT says logs in.
    async fn settle(&mut self, accounts: &[SecretName]) {
        let client = client(&self.server);
        let deadline = Instant::now() + LAST_ROTATIONS;
        for account in accounts {
            loop {
                let tasks = csms_client::ListTasksQuery {
                    secret_name: Some(account.as_str()),
                    limit: Some(1),
                    ..csms_client::ListTasksQuery::default()
                };
                // The newest task comes first, and one secret has one running task at most.
                match client.list_tasks(tasks).await {
                    Ok(found) if found.tasks.iter().all(|task| task.task_status != "RUNNING") => break,
                    found if Instant::now() > deadline => panic!("{account}: rotations do not end: {found:?}"),
                    _ => tokio::time::sleep(Duration::from_millis(100)).await,
                }
            }
            let shown = client.show_version(account, "latest").await.expect("SYSCURRENT is read");
            let value = shown.version.secret_string.clone().unwrap_or_default();
            let value: Value = serde_json::from_str(&value).expect("a value of an account");
            let (user, password) = (value["username"].as_str(), value["password"].as_str());
            let (user, password) = (user.unwrap_or_default(), password.unwrap_or_default());
            if !self.rotated.lets_in(user, password).await {
                self.report.lock_outs.push(format!("{account}: {user} cannot log in at the end"));
            }
        }
    }
}

/// Runs for this long on a store. `program` is this program, which also runs as the processes that log in.
pub async fn run(kind: Kind, lasts: Duration, program: PathBuf) -> Report {
    let mut run = Run::begin(kind).await;
    let accounts = run.make_accounts().await;
    let ledger = Arc::new(Ledger::default());
    let (stop, stopped) = watch::channel(false);
    let mut work = tokio::task::JoinSet::new();
    for number in 0..WRITERS {
        work.spawn(write(number, run.clients.subscribe(), stopped.clone(), Arc::clone(&ledger)));
    }
    for account in &accounts {
        work.spawn(rotate(account.clone(), run.clients.subscribe(), stopped.clone(), Arc::clone(&ledger)));
    }
    let mut pollers = Pollers::begin(program, run.data.path().join("scene.json"));
    pollers.tell(&run.scene(&accounts));
    for _ in 0..POLLERS {
        pollers.add().await;
    }
    let end = Instant::now() + lasts;
    while Instant::now() < end {
        tokio::time::sleep(pause().min(end.saturating_duration_since(Instant::now()))).await;
        let victim = Victim::choose(random());
        run.kill(victim, &ledger, &mut pollers).await;
        pollers.tell(&run.scene(&accounts));
    }
    stop.send_replace(true);
    while let Some(ended) = work.join_next().await {
        ended.expect("a client ends well");
    }
    run.settle(&accounts).await;
    let (logins, lock_outs) = pollers.end().await;
    run.report.lock_outs.extend(lock_outs);
    run.report.logins = logins;
    ledger.compare(&client(&run.server), &mut run.report).await;
    run.server.terminate().await.expect("the server ends");
    let verify: &[&str] = &["audit", "verify", "--offline"];
    let verified = match &run.store {
        Some(store) => store.command(run.data.path(), verify).await,
        None => command(run.data.path(), verify).await,
    };
    if !verified.status.success() {
        run.report.broken_trail = Some(String::from_utf8_lossy(&verified.stderr).into_owned());
    }
    run.report
}
