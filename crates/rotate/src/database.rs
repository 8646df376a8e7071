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

/// Who sets a password.
#[derive(Clone, Copy, Debug)]
pub enum By<'a> {
    /// The account itself, logged in with this password of it.
    Itself(&'a Account),
    /// An administrator of the same server.
    Admin(&'a Account),
    /// The management service of the cloud, without a login.
    Service,
}

/// A new password for an account.
#[derive(Clone, Copy, Debug)]
pub struct NewPassword<'a> {
    /// Who sets it.
    pub by: By<'a>,
    /// The account with its new password.
    pub account: &'a Account,
    /// Whether the old password is to go on working beside the new one, where the server can do that.
    pub keep_old: bool,
}

impl<'a> NewPassword<'a> {
    /// The login that makes the change; none for the management service.
    #[must_use]
    pub const fn login(&self) -> Option<&'a Account> {
        match self.by {
            By::Itself(login) | By::Admin(login) => Some(login),
            By::Service => None,
        }
    }
}

/// What a change of a password would meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// Why it would fail, if that can be seen.
    pub obstacle: Option<Cause>,
    /// Whether the old password would go on working until the next change.
    pub keeps_old: bool,
    /// What is missing for the change, or for keeping the old password; in words.
    pub missing: Vec<String>,
}

impl Forecast {
    /// A change that would fail.
    #[must_use]
    pub fn obstacle(cause: Cause, missing: impl Into<String>) -> Self {
        Self { obstacle: Some(cause), keeps_old: false, missing: vec![missing.into()] }
    }
}

/// Databases that accounts of secrets live in.
#[allow(async_fn_in_trait, reason = "an attempt runs on one thread and needs no Send bound")]
pub trait Databases {
    /// Whether passwords are set through the management service of a cloud instead of by SQL.
    fn are_managed(&self) -> bool {
        false
    }

    /// Tries to log in and leaves again.
    async fn probe(&self, account: &Account, deadline: Instant) -> Answer<Probe>;

    /// Changes the password of an account.
    async fn set_password(&self, new: NewPassword<'_>, deadline: Instant) -> Answer<Change>;

    /// Looks at what a change would meet, and changes nothing.
    async fn forecast(&self, new: NewPassword<'_>, deadline: Instant) -> Forecast;
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

    async fn set_password(&self, new: NewPassword<'_>, deadline: Instant) -> Answer<Change> {
        if let Some(refused) = not_this_account(&new) {
            return Answer::detailed(Change::Failed(Cause::Other), refused);
        }
        let until = sooner(deadline, self.limits.login.saturating_add(self.limits.change));
        let change = async {
            match new.account.login().engine {
                Engine::PostgreSql => postgres::set_password(new, self.limits.change).await,
                Engine::MySql | Engine::MariaDb => mysql::set_password(new, self.limits.change).await,
            }
        };
        timeout_at(until, change).await.unwrap_or(Answer::plain(Change::Unknown(Cause::TimedOut)))
    }

    async fn forecast(&self, new: NewPassword<'_>, deadline: Instant) -> Forecast {
        if let Some(refused) = not_this_account(&new) {
            return Forecast::obstacle(Cause::Other, refused);
        }
        let until = sooner(deadline, self.limits.login.saturating_add(self.limits.change));
        let look = async {
            match new.account.login().engine {
                Engine::PostgreSql => postgres::forecast(new, self.limits.change).await,
                Engine::MySql | Engine::MariaDb => mysql::forecast(new, self.limits.change).await,
            }
        };
        timeout_at(until, look)
            .await
            .unwrap_or_else(|_| Forecast::obstacle(Cause::TimedOut, "an answer of the database"))
    }
}

/// What forbids this change whatever the server would say. The planner asks for no such change; this is the last place to
/// see to it.
fn not_this_account(new: &NewPassword<'_>) -> Option<&'static str> {
    let account = new.account.login();
    match new.by {
        By::Itself(login) if !login.login().is_the_account_of(account) => {
            Some("the login is not the account that is to be changed")
        }
        By::Admin(admin) if !admin.login().is_on_the_server_of(account) => {
            Some("the administrator is one of another server")
        }
        By::Service => Some("passwords are set by SQL here"),
        By::Itself(_) | By::Admin(_) => None,
    }
}

fn sooner(deadline: Instant, limit: Duration) -> Instant {
    Instant::now().checked_add(limit).map_or(deadline, |end| end.min(deadline))
}
