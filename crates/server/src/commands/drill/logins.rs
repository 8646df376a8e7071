//! Logins with the passwords that are SYSCURRENT in a snapshot: one attempt for each, by the code that rotations use.
//!
//! A password that a database refuses was rotated after the snapshot, or by somebody else. The operator's rules for targets apply,
//! as they do to rotations.

use std::{rc::Rc, time::Duration};

use csms_core::{
    Secret, SecretValue, VersionId,
    rotation::{Account, Probe, sealed},
    target::TargetRules,
};
use csms_rotate::{Answer, Databases as _, Limits, SqlDatabases};
use serde::Serialize;
use tokio::{
    sync::Semaphore,
    task::{JoinSet, LocalSet},
    time::Instant,
};

/// Logins at the same time.
const MOST: usize = 8;

/// Longest time for one login.
const WITHIN: Duration = Duration::from_secs(20);

/// An account to log in to.
#[derive(Debug)]
pub(super) struct Candidate {
    /// The project of its secret.
    pub project: String,
    /// The secret's name.
    pub name: String,
    /// The version that is SYSCURRENT.
    pub version: VersionId,
    /// Engine, user and address.
    pub account: String,
    login: Account,
}

impl Candidate {
    /// The account in a value, or why it cannot be tried.
    pub(super) fn of(secret: &Secret, version: VersionId, value: &SecretValue) -> Result<Self, String> {
        if sealed::is_sealed(value) {
            return Err("the value is sealed for the rotation function".to_owned());
        }
        let login = Account::parse(value).map_err(|_| "the value does not name a database account".to_owned())?;
        let (host, port) = login.login().rotation_address();
        let account = format!("{} {}@{host}:{port}", login.login().engine, login.login().username);
        let (project, name) = (secret.project.to_string(), secret.name.to_string());
        Ok(Self { project, name, version, account, login })
    }
}

/// How a login ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// The database refused it.
    Refused,
    /// The password is right and has expired.
    Expired,
    /// Nothing is known of the password.
    Unknown,
    /// It succeeded.
    LogsIn,
}

impl Outcome {
    /// The words for it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Refused => "NO LONGER LOGS IN",
            Self::Expired => "EXPIRED",
            Self::Unknown => "UNKNOWN",
            Self::LogsIn => "logs in",
        }
    }
}

/// An account that was logged in to.
#[derive(Debug, Serialize)]
pub(super) struct Tried {
    pub(super) project: String,
    pub(super) name: String,
    pub(super) version: VersionId,
    pub(super) account: String,
    pub(super) outcome: Outcome,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) detail: String,
}

/// Tries all candidates and returns them, those that do not log in first.
pub(super) async fn all(candidates: Vec<Candidate>, rules: &TargetRules) -> Vec<Tried> {
    let limits = Limits { login: WITHIN, ..Limits::default() };
    let databases = Rc::new(SqlDatabases::new(limits).within(rules.clone()));
    let places = Rc::new(Semaphore::new(MOST));
    // What a login does need not be sendable between threads.
    let on_this_thread = LocalSet::new();
    let mut running = JoinSet::new();
    for candidate in candidates {
        let (databases, places) = (Rc::clone(&databases), Rc::clone(&places));
        let login = async move {
            // The semaphore is never closed.
            let _place = places.acquire().await;
            let answer = databases.probe(&candidate.login, Instant::now() + WITHIN).await;
            ended(candidate, &answer)
        };
        running.spawn_local_on(login, &on_this_thread);
    }
    let mut tried = on_this_thread.run_until(running.join_all()).await;
    tried.sort_by(|one, other| {
        (one.outcome, &one.name, &one.project).cmp(&(other.outcome, &other.name, &other.project))
    });
    tried
}

fn ended(candidate: Candidate, answer: &Answer<Probe>) -> Tried {
    let Candidate { project, name, version, account, login } = candidate;
    let (outcome, mut detail) = match answer.finding {
        Probe::Accepted if !answer.checked && !login.login().engine.login_proves_the_password() => {
            (Outcome::LogsIn, "; the server does not say whether it checked the password".to_owned())
        }
        Probe::Accepted => (Outcome::LogsIn, String::new()),
        Probe::Refused | Probe::WrongPassword => (Outcome::Refused, String::new()),
        Probe::Expired => (Outcome::Expired, String::new()),
        Probe::Unknown(cause) => (Outcome::Unknown, format!("; {cause}")),
    };
    if outcome != Outcome::LogsIn && answer.detail.is_some() {
        detail = format!("{detail}; {}", answer.detail_text());
    }
    Tried { project, name, version, account, outcome, detail }
}
