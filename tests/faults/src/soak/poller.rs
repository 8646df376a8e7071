//! Processes that log in all the time with what the API returns, as applications do.
//!
//! Each writes a line for every login on its standard output, and one for every lock-out: SYSCURRENT was refused by the
//! database, and is still the same version afterwards.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use csms_client::{Client, Credentials};
use csms_core::{ProjectId, SecretName};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};
use tokio_postgres::{Config, NoTls, error::SqlState};

use super::victims::random;

/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(50);
const LOGGED_IN: &str = "logged in";

/// What a process needs to know. It reads it again before each look, since a server that was killed is back elsewhere.
#[derive(Debug, Serialize, Deserialize)]
pub struct Scene {
    /// Address of the server.
    pub url: String,
    /// The project of the secrets.
    pub project: String,
    /// Access key (AK).
    pub access_key: String,
    /// Secret key (SK).
    pub secret_key: String,
    /// The rotated secrets.
    pub secrets: Vec<String>,
    /// Port of the rotated database on 127.0.0.1.
    pub database_port: u16,
    /// Name of the rotated database.
    pub database: String,
}

/// The process itself: looks until it is killed.
///
/// # Errors
/// A standard output that nobody reads any more.
pub async fn poll(scene: &Path) -> io::Result<()> {
    loop {
        tokio::time::sleep(PAUSE).await;
        let Some(scene) = fs::read(scene).ok().and_then(|text| serde_json::from_slice::<Scene>(&text).ok()) else {
            continue;
        };
        for secret in &scene.secrets {
            let line = match look(&scene, secret).await {
                Some(true) => LOGGED_IN.to_owned(),
                Some(false) => format!("{secret}: SYSCURRENT does not log in"),
                None => continue,
            };
            writeln!(io::stdout().lock(), "{line}")?;
        }
    }
}

/// Whether SYSCURRENT logs in; `None` when that could not be found out.
async fn look(scene: &Scene, secret: &str) -> Option<bool> {
    let project = ProjectId::parse(scene.project.clone()).ok()?;
    let keys = Credentials::key_pair(&scene.access_key, &scene.secret_key);
    let client = Client::new(&scene.url, project, keys).ok()?;
    let secret = SecretName::parse(secret).ok()?;
    let (mut version, mut value) = current(&client, &secret).await?;
    loop {
        if logs_in(scene, &value).await? {
            return Some(true);
        }
        // It may have been rotated twice since it was read, which changes its password.
        let again = current(&client, &secret).await?;
        if again.0 == version {
            return Some(false);
        }
        (version, value) = again;
    }
}

async fn current(client: &Client, secret: &SecretName) -> Option<(String, Value)> {
    let shown = client.show_version(secret, "latest").await.ok()?;
    let value = serde_json::from_str(shown.version.secret_string.as_deref()?).ok()?;
    Some((shown.version.version_metadata.id.clone(), value))
}

/// Whether the database lets the account in; `None` when it gives no answer.
async fn logs_in(scene: &Scene, value: &Value) -> Option<bool> {
    let mut config = Config::new();
    config.host("127.0.0.1").port(scene.database_port).dbname(&scene.database);
    config.user(value["username"].as_str()?).password(value["password"].as_str()?);
    match config.connect(NoTls).await {
        Ok((client, connection)) => {
            tokio::spawn(connection);
            drop(client);
            Some(true)
        }
        Err(error) if error.code() == Some(&SqlState::INVALID_PASSWORD) => Some(false),
        Err(_) => None,
    }
}

/// The running processes.
pub(super) struct Pollers {
    program: PathBuf,
    scene: PathBuf,
    running: Vec<Child>,
    logins: Arc<AtomicUsize>,
    lock_outs: Arc<Mutex<Vec<String>>>,
}

impl Pollers {
    /// None yet. `program` is run with `poll` and the file `scene`.
    pub(super) fn begin(program: PathBuf, scene: PathBuf) -> Self {
        Self { program, scene, running: Vec::new(), logins: Arc::default(), lock_outs: Arc::default() }
    }

    /// Writes down where everything is now.
    pub(super) fn tell(&self, scene: &Scene) {
        let draft = self.scene.with_extension("draft");
        fs::write(&draft, serde_json::to_vec(scene).expect("JSON")).expect("the file is written");
        fs::rename(&draft, &self.scene).expect("the file is put in its place");
    }

    /// Starts one.
    pub(super) async fn add(&mut self) {
        let mut command = Command::new(&self.program);
        command.arg("poll").arg(&self.scene).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("the program runs");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let (logins, lock_outs) = (Arc::clone(&self.logins), Arc::clone(&self.lock_outs));
        tokio::spawn(async move {
            let mut lines = lines;
            while let Ok(Some(line)) = lines.next_line().await {
                if line == LOGGED_IN {
                    logins.fetch_add(1, Ordering::Relaxed);
                } else {
                    lock_outs.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                }
            }
        });
        self.running.push(child);
    }

    /// Kills one and starts another.
    pub(super) async fn kill_one(&mut self) -> bool {
        let place = usize::try_from(random()).unwrap_or(usize::MAX).checked_rem(self.running.len());
        let Some(mut child) = place.map(|place| self.running.swap_remove(place)) else { return false };
        child.kill().await.expect("a process of ours can be killed");
        self.add().await;
        true
    }

    /// Ends them; returns the number of logins, and the lock-outs.
    pub(super) async fn end(mut self) -> (usize, Vec<String>) {
        for child in &mut self.running {
            child.kill().await.expect("a process of ours can be killed");
        }
        let lock_outs = std::mem::take(&mut *self.lock_outs.lock().unwrap_or_else(PoisonError::into_inner));
        (self.logins.load(Ordering::Relaxed), lock_outs)
    }
}
