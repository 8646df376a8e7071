//! What a rotation needs of a database, and which adapter serves which engine.

use core::time::Duration;

use csms_core::{
    rotation::{
        Account, Engine, Inspection, Message, Probe,
        message::{attempt, connection as say},
        plan::{Cause, Change},
    },
    target::TargetRules,
};
use tokio::time::Instant;

use crate::{
    address::{Way, at_each},
    mysql, postgres,
};

/// What was found out, with the technical detail behind it for people: codes and texts of the connection, never
/// texts of a server, which may quote statements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<T> {
    /// The finding.
    pub finding: T,
    /// Such as `SQLSTATE 53300`; `None` when there is nothing to add.
    pub detail: Option<Message>,
    /// Of an account that was read: a digest of its hashes, by which a later change of it is noticed.
    pub seen: Option<String>,
    /// Of a login, that of an administrator who has read an account included: whether the server itself, and no pooler before
    /// it, has said that it checked the password.
    pub checked: bool,
    /// Of a login, and of an account that was read: whether one refused login locks the account.
    pub refusal_locks: bool,
    /// Of a change that failed: whether its statement may be in a log of the server with what logs in as the new password does.
    pub exposed: bool,
    /// Of a login, and of an account that was read: the host part of the account, where accounts have one.
    pub host: Option<String>,
}

impl<T> Answer<T> {
    /// A finding that speaks for itself.
    pub fn plain(finding: T) -> Self {
        Self::detailed(finding, None)
    }

    /// A finding with its detail.
    pub fn detailed(finding: T, detail: impl Into<Option<Message>>) -> Self {
        Self {
            finding,
            detail: detail.into(),
            seen: None,
            checked: false,
            refusal_locks: false,
            exposed: false,
            host: None,
        }
    }

    /// The detail as an English sentence; empty when there is none.
    pub fn detail_text(&self) -> String {
        self.detail.as_ref().map(Message::english).unwrap_or_default()
    }
}

/// Who sets a password.
#[derive(Clone, Copy, Debug)]
pub enum By<'a> {
    /// The account itself, logged in with this password of it.
    Itself(&'a Account),
    /// The account itself, logged in with its second password, which is to be the first one again in place of another.
    Restored {
        /// The login.
        login: &'a Account,
        /// The account with the password that is the first one so far.
        first: &'a Account,
    },
    /// An administrator of the same server.
    Admin {
        /// The administrator's login.
        login: &'a Account,
        /// The account with the password that applications use, where that logs in.
        in_use: Option<&'a Account>,
    },
    /// The management service of the cloud, without a login of its own.
    Service {
        /// The host part of the account that the function's logins lead to, or that an administrator has read.
        host: Option<&'a str>,
    },
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
    /// The host part of the account, where the configuration names one.
    pub host: Option<&'a str>,
    /// The digest of the account's hashes when the administrator read it. Nothing is written when it is another one by then.
    pub seen: Option<&'a str>,
}

impl<'a> NewPassword<'a> {
    /// The login that makes the change; none for the management service.
    #[must_use]
    pub const fn login(&self) -> Option<&'a Account> {
        match self.by {
            By::Itself(login) | By::Restored { login, .. } | By::Admin { login, .. } => Some(login),
            By::Service { .. } => None,
        }
    }

    /// The same change by this administrator, if there is one.
    fn made_by(self, admin: Option<&'a Account>) -> Self {
        match (self.by, admin) {
            (By::Admin { in_use, .. }, Some(login)) => Self { by: By::Admin { login, in_use }, ..self },
            _ => self,
        }
    }
}

/// The stored versions of an account.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stored<'a> {
    /// SYSPENDING's.
    pub pending: Option<&'a Account>,
    /// SYSCURRENT's.
    pub current: Option<&'a Account>,
    /// SYSPREVIOUS's.
    pub previous: Option<&'a Account>,
}

/// A look at an account by an administrator.
#[derive(Clone, Copy, Debug)]
pub struct Inspect<'a> {
    /// The administrator.
    pub admin: &'a Account,
    /// The account, with the protection that a rotation would use.
    pub account: &'a Account,
    /// Versions whose passwords are compared with the account's.
    pub stored: Stored<'a>,
    /// The host part of the account, where the configuration names one.
    pub host: Option<&'a str>,
}

/// What a change of a password would meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// What would come of it, as far as that can be seen.
    pub expected: Change,
    /// Whether the old password would go on working until the next change.
    pub keeps_old: bool,
    /// What is missing for the change, or for keeping the old password.
    pub missing: Vec<Message>,
    /// The account as the server names it, `app@%` for instance.
    pub account: Option<String>,
}

impl Forecast {
    /// A change that would fail.
    #[must_use]
    pub fn obstacle(cause: Cause, missing: impl Into<Option<Message>>) -> Self {
        let missing = missing.into().into_iter().collect();
        Self { expected: Change::NotDone(cause), keeps_old: false, missing, account: None }
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

    /// Tries to log in with a password that was just set: as [`Databases::probe`], without what only a decision before a change
    /// needs.
    async fn prove(&self, account: &Account, deadline: Instant) -> Answer<Probe> {
        self.probe(account, deadline).await
    }

    /// Changes the password of an account.
    async fn set_password(&self, new: NewPassword<'_>, deadline: Instant) -> Answer<Change>;

    /// Has an administrator read an account, and changes nothing.
    async fn inspect(&self, inspect: Inspect<'_>, deadline: Instant) -> Answer<Inspection>;

    /// What an account may do, in the words of the server, for comparing it with another account; `None` when that cannot be
    /// found out.
    async fn rights(&self, _account: &Account, _deadline: Instant) -> Option<Vec<String>> {
        None
    }

    /// Looks at what a change would meet, and changes nothing.
    async fn forecast(&self, new: NewPassword<'_>, deadline: Instant) -> Forecast;
}

/// How long one thing may take at most at one address; the deadline of the attempt limits it further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the first packet of a connection to the end of the login. Servers make refused logins wait (`auth_delay`,
    /// `connection_control`).
    pub login: Duration,
    /// The statements that change a password. Servers are told to give up by then, so that a change does not happen
    /// long after its attempt has ended.
    pub change: Duration,
}

impl Default for Limits {
    /// Twenty seconds for a login, ten for a change.
    fn default() -> Self {
        Self { login: Duration::from_secs(20), change: Duration::from_secs(10) }
    }
}

/// PostgreSQL, MySQL and MariaDB, spoken to by SQL.
#[derive(Clone, Debug)]
pub struct SqlDatabases {
    limits: Limits,
    way: Way,
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
        Self { limits, way: Way { rules: TargetRules::default(), log: |_| () } }
    }

    /// Connects only where these rules allow it.
    #[must_use]
    pub fn within(mut self, rules: TargetRules) -> Self {
        self.way.rules = rules;
        self
    }

    /// Where to write why a database was not reachable. Answers do not say it: whoever writes the value of a secret chooses
    /// the host and the port, and would learn which ports of the network are open.
    #[must_use]
    pub fn with_log(mut self, log: fn(&str)) -> Self {
        self.way.log = log;
        self
    }

    /// Writes a line where the reasons go.
    pub(crate) fn log(&self, line: &str) {
        (self.way.log)(line);
    }

    const fn in_all(&self) -> Duration {
        self.limits.login.saturating_add(self.limits.change)
    }

    /// A login has its own limit, and further questions do not take a login back that has succeeded.
    async fn try_login(&self, account: &Account, deadline: Instant, asks_about_locks: bool) -> Answer<Probe> {
        let limit = self.limits.login;
        let in_all = limit.saturating_add(mysql::QUESTION.max(postgres::QUESTION));
        at_each(&self.way, account.login(), deadline, in_all, async |address| match account.login().engine {
            Engine::PostgreSql => postgres::probe(account, address, self.limits).await,
            Engine::MySql | Engine::MariaDb => mysql::probe(account, address, limit, asks_about_locks).await,
        })
        .await
    }
}

impl Databases for SqlDatabases {
    async fn probe(&self, account: &Account, deadline: Instant) -> Answer<Probe> {
        self.try_login(account, deadline, true).await
    }

    async fn prove(&self, account: &Account, deadline: Instant) -> Answer<Probe> {
        self.try_login(account, deadline, false).await
    }

    async fn set_password(&self, new: NewPassword<'_>, deadline: Instant) -> Answer<Change> {
        let admin = match administrator(&new) {
            Ok(admin) => admin,
            Err(refused) => return Answer::detailed(Change::NotDone(Cause::Other), refused),
        };
        let new = new.made_by(admin.as_ref());
        at_each(&self.way, new.account.login(), deadline, self.in_all(), async |address| {
            match new.account.login().engine {
                Engine::PostgreSql => postgres::set_password(new, address, self.limits).await,
                Engine::MySql | Engine::MariaDb => mysql::set_password(new, address, self.limits).await,
            }
        })
        .await
    }

    async fn inspect(&self, inspect: Inspect<'_>, deadline: Instant) -> Answer<Inspection> {
        let Some(admin) = inspect.admin.at_the_rotation_address_of(inspect.account.login()) else {
            return Answer::detailed(Inspection::Failed(Cause::Other), say::admin_of_other_server());
        };
        let inspect = Inspect { admin: &admin, ..inspect };
        at_each(&self.way, inspect.account.login(), deadline, self.in_all(), async |address| {
            match inspect.account.login().engine {
                Engine::PostgreSql => postgres::inspect(inspect, address, self.limits).await,
                Engine::MySql | Engine::MariaDb => mysql::inspect(inspect, address).await,
            }
        })
        .await
    }

    async fn rights(&self, account: &Account, deadline: Instant) -> Option<Vec<String>> {
        let found = at_each(&self.way, account.login(), deadline, self.in_all(), async |address| {
            match account.login().engine {
                Engine::PostgreSql => postgres::rights(account, address, self.limits).await,
                Engine::MySql | Engine::MariaDb => mysql::rights(account, address).await,
            }
        });
        found.await.finding.ok()
    }

    async fn forecast(&self, new: NewPassword<'_>, deadline: Instant) -> Forecast {
        let admin = match administrator(&new) {
            Ok(admin) => admin,
            Err(refused) => return Forecast::obstacle(Cause::Other, refused),
        };
        let new = new.made_by(admin.as_ref());
        let found = at_each(&self.way, new.account.login(), deadline, self.in_all(), async |address| {
            let forecast = match new.account.login().engine {
                Engine::PostgreSql => postgres::forecast(new, address, self.limits).await,
                Engine::MySql | Engine::MariaDb => mysql::forecast(new, address, self.limits).await,
            };
            let detail = attempt::together(forecast.missing.clone());
            Answer::detailed(forecast, detail)
        })
        .await;
        let mut forecast = found.finding;
        if forecast.missing.is_empty() {
            forecast.missing.extend(found.detail);
        }
        forecast
    }
}

/// The administrator of a change, if it has one, as it logs in at the account's address; or what forbids the change whatever the
/// server would say. The planner asks for no such change; this is the last place to see to it.
fn administrator(new: &NewPassword<'_>) -> Result<Option<Account>, Message> {
    let account = new.account.login();
    match new.by {
        By::Itself(login) | By::Restored { login, .. } if login.login().is_the_account_of(account) => Ok(None),
        By::Itself(_) | By::Restored { .. } => Err(say::other_login()),
        By::Admin { login, .. } => {
            login.at_the_rotation_address_of(account).map(Some).ok_or_else(say::admin_of_other_server)
        }
        By::Service { .. } => Err(say::by_sql_here()),
    }
}
