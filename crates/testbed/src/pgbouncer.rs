//! A private PgBouncer in front of a private PostgreSQL.
//!
//! It looks passwords up in the server (`auth_query`), unless a test gives it a list of its own.

use std::fmt::Write as _;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::directory::Directory;
use crate::error::{Error, Result};
use crate::port::Port;
use crate::postgres::{ADMIN, Postgres};
use crate::process::{Daemon, Ending, Plan};
use crate::programs;
use crate::roots::{self, Recipe};
use crate::system_user::SystemUser;

const NAME: &str = "PgBouncer";
const READY_WITHIN: Duration = Duration::from_secs(30);

/// The file with names and passwords (`auth_file`).
const USERS: &str = "users.txt";

/// The next such file, until it takes the place of the other.
const NEXT_USERS: &str = "users.next.txt";

const LOG: &str = "pgbouncer.log";

/// How to start a pooler.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The root with the program.
    pub root: Recipe,
    /// How clients prove their passwords: `scram-sha-256`, `md5` or `plain`.
    pub auth_type: &'static str,
    /// `transaction` or `session`.
    pub pool_mode: &'static str,
    /// Names and passwords that the pooler knows, instead of looking them up in the server.
    pub users: Option<Vec<(String, String)>>,
}

impl Default for Setup {
    /// The newer PgBouncer; SCRAM, transactions, passwords looked up in the server.
    fn default() -> Self {
        Self { root: roots::POSTGRESQL, auth_type: "scram-sha-256", pool_mode: "transaction", users: None }
    }
}

/// A running pooler; it ends when it is dropped.
#[derive(Debug)]
pub struct PgBouncer {
    // Dropped in this order: the pooler ends before its directory goes.
    daemon: Daemon,
    directory: Directory,
    user: SystemUser,
    port: Port,
    version: String,
}

impl PgBouncer {
    /// Starts a pooler in front of `server`, without TLS.
    ///
    /// # Errors
    /// When the program is not there, or it does not listen within half a minute.
    pub async fn start(server: &Postgres, setup: &Setup) -> Result<Self> {
        let recipe = setup.root;
        let program = tokio::task::spawn_blocking(move || recipe.root())
            .await
            .map_err(|error| Error::Io { what: "cannot look for PgBouncer".into(), source: error.into() })??
            .path("usr/sbin/pgbouncer");
        let version = programs::run(NAME, Command::new(&program).arg("--version"))?;
        let version = version.lines().next().unwrap_or_default().trim_start_matches("PgBouncer ").to_owned();
        let user = SystemUser::unprivileged("postgres")?;
        let directory = Directory::create(user)?;
        let port = Port::take()?;
        let list = directory.private_file(USERS, &list(server, setup.users.as_deref().unwrap_or_default()), user)?;
        let lookup = match setup.users {
            Some(_) => String::new(),
            None => {
                format!("auth_user = {ADMIN}\nauth_query = SELECT usename, passwd FROM pg_shadow WHERE usename=$1\n")
            }
        };
        let configuration = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {}\n\
             auth_type = {}\nauth_file = {}\n{lookup}pool_mode = {}\nunix_socket_dir =\nserver_tls_sslmode = prefer\n\
             server_login_retry = 1\n",
            server.port(),
            port.number(),
            setup.auth_type,
            list.display(),
            setup.pool_mode,
        );
        let configuration = directory.private_file("pgbouncer.ini", &configuration, user)?;
        let log = directory.private_file(LOG, "", user)?;
        let mut command = Command::new(program);
        command.arg(configuration).current_dir(directory.path());
        let plan = Plan { name: NAME, command, user, log: &log, ending: Ending::TERMINATE, pipe_stdout: false };
        let (daemon, _) = Daemon::start(plan)?;
        daemon.listens(port.number(), READY_WITHIN).await?;
        Ok(Self { daemon, directory, user, port, version })
    }

    /// Gives a pooler with a list of its own another one, which counts for the next logins.
    ///
    /// # Errors
    /// When the list cannot be written, or the pooler has ended.
    pub fn set_users(&self, server: &Postgres, users: &[(String, String)]) -> Result<()> {
        // Another file each time: the pooler does not read one of the same size that was written within the same second.
        self.directory.private_file(NEXT_USERS, &list(server, users), self.user)?;
        let at = |name: &str| self.directory.path().join(name);
        std::fs::rename(at(NEXT_USERS), at(USERS))
            .map_err(|source| Error::Io { what: format!("cannot replace {USERS}"), source })?;
        self.daemon.signal_family(Signal::HUP)
    }

    /// All that it has logged.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn logs(&self) -> Result<String> {
        std::fs::read_to_string(self.directory.path().join(LOG))
            .map_err(|source| Error::Io { what: format!("cannot read {LOG}"), source })
    }

    /// The TCP port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// The version that the program states.
    pub fn version(&self) -> &str {
        &self.version
    }
}

/// The contents of an `auth_file`.
fn list(server: &Postgres, users: &[(String, String)]) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let mut list = format!("{} {}\n", quoted(ADMIN), quoted(server.admin_password()));
    for (name, password) in users {
        let _ = writeln!(list, "{} {}", quoted(name), quoted(password));
    }
    list
}
