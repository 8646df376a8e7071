//! What a rotation needs of a database, and which adapter serves which engine.

use core::time::Duration;

use std::net::IpAddr;

use csms_core::{
    rotation::{
        Account, Engine, Login, Probe,
        plan::{Cause, Change},
    },
    target::TargetRules,
};
use tokio::time::{Instant, timeout_at};

use crate::{mysql, postgres, targets};

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
#[derive(Clone, Debug)]
pub struct SqlDatabases {
    limits: Limits,
    rules: TargetRules,
    log: fn(&str),
}

impl Default for SqlDatabases {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl SqlDatabases {
    /// Databases with these limits of time, at any address that [`TargetRules::default`] allows.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, rules: TargetRules::default(), log: |_| () }
    }

    /// Connects only where these rules allow it.
    #[must_use]
    pub fn within(self, rules: TargetRules) -> Self {
        Self { rules, ..self }
    }

    /// Where to write why a database was not reachable. Answers do not say it: whoever writes the value of a secret chooses
    /// the host and the port, and would learn which ports of the network are open.
    #[must_use]
    pub fn with_log(self, log: fn(&str)) -> Self {
        Self { log, ..self }
    }

    /// Resolves the host of a login and does `work` with the addresses that are allowed, before `until`. A target that is not
    /// allowed, takes no connection or stays silent is not reachable, without a detail.
    async fn at<T: Finding>(
        &self,
        login: &Login,
        until: Instant,
        work: impl AsyncFnOnce(Vec<IpAddr>) -> Answer<T>,
    ) -> Answer<T> {
        let answer = async {
            match targets::resolve(&self.rules, login).await {
                Ok(addresses) => work(addresses).await,
                Err(reason) => Answer::detailed(T::not_reached(), reason),
            }
        };
        let answer = timeout_at(until, answer).await;
        let answer = answer.unwrap_or_else(|_| Answer::detailed(T::cut_short(), "no answer in time"));
        match answer.finding.without_silence() {
            Some(finding) if !comes_from_a_server(&answer.detail) => {
                (self.log)(&format!("{}:{} is not reachable: {}", login.host, login.port, answer.detail));
                Answer::plain(finding)
            }
            Some(_) | None => answer,
        }
    }
}

/// Whether a detail is a code that a database sent: then there is a database, and it answered.
fn comes_from_a_server(detail: &str) -> bool {
    detail.starts_with("SQLSTATE ") || detail.starts_with("error ")
}

/// A finding that may be that nothing was reached.
trait Finding: Sized {
    /// Nothing was sent.
    fn not_reached() -> Self;

    /// Time ran out, wherever the work was.
    fn cut_short() -> Self;

    /// The same as [`Cause::Unreachable`], if it says that there was no connection or no answer.
    fn without_silence(&self) -> Option<Self>;
}

const fn is_silence(cause: Cause) -> bool {
    matches!(cause, Cause::Unreachable | Cause::TimedOut)
}

impl Finding for Probe {
    fn not_reached() -> Self {
        Self::Unknown(Cause::Unreachable)
    }

    fn cut_short() -> Self {
        Self::Unknown(Cause::TimedOut)
    }

    fn without_silence(&self) -> Option<Self> {
        match self {
            Self::Unknown(cause) if is_silence(*cause) => Some(Self::not_reached()),
            _ => None,
        }
    }
}

impl Finding for Change {
    fn not_reached() -> Self {
        Self::Failed(Cause::Unreachable)
    }

    fn cut_short() -> Self {
        Self::Unknown(Cause::TimedOut)
    }

    fn without_silence(&self) -> Option<Self> {
        match self {
            Self::Failed(cause) if is_silence(*cause) => Some(Self::Failed(Cause::Unreachable)),
            Self::Unknown(cause) if is_silence(*cause) => Some(Self::Unknown(Cause::Unreachable)),
            _ => None,
        }
    }
}

impl Databases for SqlDatabases {
    async fn probe(&self, account: &Account, deadline: Instant) -> Answer<Probe> {
        let login = account.login();
        let probe = async |at: Vec<IpAddr>| match login.engine {
            Engine::PostgreSql => postgres::probe(account, &at).await,
            Engine::MySql | Engine::MariaDb => mysql::probe(account, &at).await,
        };
        self.at(login, sooner(deadline, self.limits.login), probe).await
    }

    async fn set_password(&self, new: NewPassword<'_>, deadline: Instant) -> Answer<Change> {
        if let Some(refused) = not_this_account(&new) {
            return Answer::detailed(Change::Failed(Cause::Other), refused);
        }
        let until = sooner(deadline, self.limits.login.saturating_add(self.limits.change));
        let change = async |at: Vec<IpAddr>| match new.account.login().engine {
            Engine::PostgreSql => postgres::set_password(new, &at, self.limits.change).await,
            Engine::MySql | Engine::MariaDb => mysql::set_password(new, &at, self.limits.change).await,
        };
        self.at(new.account.login(), until, change).await
    }

    async fn forecast(&self, new: NewPassword<'_>, deadline: Instant) -> Forecast {
        if let Some(refused) = not_this_account(&new) {
            return Forecast::obstacle(Cause::Other, refused);
        }
        let until = sooner(deadline, self.limits.login.saturating_add(self.limits.change));
        let login = new.account.login();
        let look = async {
            let at = match targets::resolve(&self.rules, login).await {
                Ok(at) => at,
                Err(reason) => return Forecast::obstacle(Cause::Unreachable, reason),
            };
            match login.engine {
                Engine::PostgreSql => postgres::forecast(new, &at, self.limits.change).await,
                Engine::MySql | Engine::MariaDb => mysql::forecast(new, &at, self.limits.change).await,
            }
        };
        let forecast = timeout_at(until, look).await;
        let forecast = forecast.unwrap_or_else(|_| Forecast::obstacle(Cause::TimedOut, "no answer in time"));
        let reason = forecast.missing.join("; ");
        if forecast.obstacle.is_some_and(is_silence) && !comes_from_a_server(&reason) {
            (self.log)(&format!("{}:{} is not reachable: {reason}", login.host, login.port));
            return Forecast::obstacle(Cause::Unreachable, "a connection to the database");
        }
        forecast
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
