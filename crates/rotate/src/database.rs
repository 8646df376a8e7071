//! What a rotation needs of a database, and which adapter serves which engine.

use core::time::Duration;

use csms_core::rotation::{
    Account, Engine, Probe,
    plan::{Cause, Change},
};
use tokio::time::{Instant, timeout_at};

use crate::{mysql, postgres};

/// What was found out, with the technical detail behind it for people: codes and texts of the connection, never
/// texts of a server, which may quote statements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<T> {
    /// The finding.
    pub finding: T,
    /// Such as `SQLSTATE 53300`; empty when there is nothing to add.
    pub detail: String,
}

impl<T> Answer<T> {
    /// A finding that speaks for itself.
    pub const fn plain(finding: T) -> Self {
        Self { finding, detail: String::new() }
    }

    /// A finding with its detail.
    pub fn detailed(finding: T, detail: impl Into<String>) -> Self {
        Self { finding, detail: detail.into() }
    }
}

/// Databases that accounts of secrets live in.
#[allow(async_fn_in_trait, reason = "an attempt runs on one thread and needs no Send bound")]
pub trait Databases {
    /// Tries to log in and leaves again.
    async fn probe(&self, account: &Account, deadline: Instant) -> Answer<Probe>;

    /// Logs in and changes the password of the account that logged in.
    async fn set_password(&self, login: &Account, password: &str, deadline: Instant) -> Answer<Change>;
}

/// How long one thing may take at most; the deadline of the attempt limits it further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the first packet of a connection to the end of the login.
    pub login: Duration,
    /// The statements that change a password. Servers are told to give up by then, so that a change does not happen
    /// long after its attempt has ended.
    pub change: Duration,
}

impl Default for Limits {
    /// Five seconds for a login, ten for a change.
    fn default() -> Self {
        Self { login: Duration::from_secs(5), change: Duration::from_secs(10) }
    }
}

/// PostgreSQL, MySQL and MariaDB, spoken to by SQL.
#[derive(Clone, Copy, Debug, Default)]
pub struct SqlDatabases {
    limits: Limits,
}

impl SqlDatabases {
    /// Databases with these limits of time.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self { limits }
    }
}

impl Databases for SqlDatabases {
    async fn probe(&self, account: &Account, deadline: Instant) -> Answer<Probe> {
        let until = sooner(deadline, self.limits.login);
        let probe = async {
            match account.login().engine {
                Engine::PostgreSql => postgres::probe(account).await,
                Engine::MySql | Engine::MariaDb => mysql::probe(account).await,
            }
        };
        timeout_at(until, probe).await.unwrap_or(Answer::plain(Probe::Unknown(Cause::TimedOut)))
    }

    async fn set_password(&self, login: &Account, password: &str, deadline: Instant) -> Answer<Change> {
        let until = sooner(deadline, self.limits.login.saturating_add(self.limits.change));
        let change = async {
            match login.login().engine {
                Engine::PostgreSql => postgres::set_password(login, password, self.limits.change).await,
                Engine::MySql | Engine::MariaDb => mysql::set_password(login, password, self.limits.change).await,
            }
        };
        timeout_at(until, change).await.unwrap_or(Answer::plain(Change::Unknown(Cause::TimedOut)))
    }
}

fn sooner(deadline: Instant, limit: Duration) -> Instant {
    Instant::now().checked_add(limit).map_or(deadline, |end| end.min(deadline))
}
