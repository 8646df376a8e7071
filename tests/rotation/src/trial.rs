//! One rotation of one account of a real server with everything that has to hold around it: the dry run's word is what then
//! happens and changes nothing, an application logs in before, during and after as it did before, no other account changes,
//! and no password of any version is in a log of the server or in anything that csms says.

#![allow(clippy::expect_used, clippy::missing_panics_doc, reason = "a test support module")]

use core::{cell::Cell, ops::ControlFlow, time::Duration};
use std::{collections::BTreeMap, fmt::Write as _};

use csms_core::{
    VersionId,
    rotation::{Account, DryRunReport, RotationEvent},
    stage,
};
use csms_rotate::{Failure, Moment, Observer, SqlDatabases, dry_run, rotate};
use getrandom::SysRng;
use tokio::time::Instant;

use crate::{Database, MemorySecret, Place};

/// The longest that a dry run or a rotation may take; servers may take seconds to refuse a login.
const WITHIN: Duration = Duration::from_secs(120);

/// Time between two logins of the application.
const PAUSE: Duration = Duration::from_millis(20);

/// What a trial is about.
#[derive(Debug)]
pub struct Trial<'a> {
    /// The server.
    pub database: &'a Database,
    /// The secret.
    pub secret: &'a MemorySecret,
    /// What the function is invoked with.
    pub event: RotationEvent,
    /// The adapters.
    pub adapters: SqlDatabases,
    /// Where the application logs in.
    pub place: Place,
    /// The password that the application has so far; the account is the one in SYSCURRENT.
    pub password: &'a str,
    /// Further passwords that nobody is to read in a log: an administrator's, for instance.
    pub further: &'a [&'a str],
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// The dry run's report.
    pub report: DryRunReport,
    /// The rotation's result.
    pub done: Result<VersionId, Failure>,
    /// Accounts whose hash is another one afterwards, with the hash.
    pub changed: BTreeMap<String, String>,
}

impl Outcome {
    /// What the dry run said.
    #[must_use]
    pub fn foretold(&self) -> String {
        self.report.error_msg.clone().unwrap_or_else(|| "would rotate".to_owned())
    }

    /// What the rotation said.
    #[must_use]
    pub fn said(&self) -> String {
        self.done.as_ref().map_or_else(|failure| failure.message.english(), |_| "rotates".to_owned())
    }
}

/// The outcomes of all steps, which logs and tasks show.
#[derive(Debug, Default)]
struct Heard(String);

impl Observer for Heard {
    fn observe(&mut self, step: &'static str, moment: Moment<'_>) -> ControlFlow<()> {
        if let Moment::After { outcome } = moment {
            let _ = writeln!(self.0, "{step}: {outcome}");
        }
        ControlFlow::Continue(())
    }
}

impl Trial<'_> {
    /// Looks, rotates and checks what holds in every case.
    ///
    /// # Errors
    /// Says what does not hold.
    pub async fn run(&self) -> Result<Outcome, String> {
        let account = self.secret.account(stage::CURRENT);
        let user = account.map(|account| account.login().username.clone()).unwrap_or_default();
        let hashes = self.database.hashes().await;
        let let_in = self.place.logs_in(self.database, &user, self.password).await;
        let counts = self.in_logs();
        let report = dry_run(&self.event, self.secret, &self.adapters, &mut SysRng, Instant::now() + WITHIN).await;
        if self.database.hashes().await != hashes {
            return Err("the dry run has changed a password".to_owned());
        }
        if self.place.logs_in(self.database, &user, self.password).await != let_in {
            return Err("the dry run has locked the account".to_owned());
        }
        let mut heard = Heard::default();
        let done = self.rotate_beside_an_application(&user, let_in == Some(true), &mut heard).await?;
        let after = self.database.hashes().await;
        let changed = after.into_iter().filter(|(name, hash)| hashes.get(name) != Some(hash)).collect();
        let outcome = Outcome { report, done, changed };
        self.check(&outcome, &user, let_in, &counts, &heard.0).await.map_err(|what| {
            format!("{what}\n  dry run: {}\n  rotation: {}\n  {}", outcome.foretold(), outcome.said(), heard.0)
        })?;
        Ok(outcome)
    }

    /// Rotates while the application logs in with the passwords that it can have read.
    async fn rotate_beside_an_application(
        &self,
        user: &str,
        is_let_in: bool,
        heard: &mut Heard,
    ) -> Result<Result<VersionId, Failure>, String> {
        let (over, looks, locked_out) = (Cell::new(false), Cell::new(0_u32), Cell::new(false));
        let of = |name| {
            let account = self.secret.account(name)?;
            Some((account.login().username.clone(), account.password().to_owned()))
        };
        let enters = async |login: Option<(String, String)>| match login {
            Some((user, password)) => self.place.logs_in(self.database, &user, &password).await == Some(true),
            None => false,
        };
        let application = async {
            while is_let_in && self.place.is_busy() && !over.get() {
                let known = [Some((user.to_owned(), self.password.to_owned())), of(stage::PENDING), of(stage::CURRENT)];
                let mut lets_in = false;
                for login in known {
                    lets_in = lets_in || enters(login).await;
                }
                // The passwords may have been read before the change, and tried after it.
                if !lets_in && !enters(of(stage::PENDING)).await && !enters(of(stage::CURRENT)).await {
                    locked_out.set(true);
                }
                looks.set(looks.get().saturating_add(1));
                tokio::time::sleep(PAUSE).await;
            }
        };
        let rotation = async {
            let deadline = Instant::now() + WITHIN;
            let done = rotate(&self.event, self.secret, &self.adapters, &mut SysRng, deadline, heard).await;
            over.set(true);
            done
        };
        let ((), done) = tokio::join!(application, rotation);
        if locked_out.get() {
            return Err(format!("the application is not let in during the rotation: {done:?}"));
        }
        if is_let_in && self.place.is_busy() && looks.get() == 0 {
            return Err("the application has not logged in during the rotation".to_owned());
        }
        Ok(done)
    }

    async fn check(
        &self,
        outcome: &Outcome,
        user: &str,
        let_in: Option<bool>,
        counts: &BTreeMap<String, usize>,
        heard: &str,
    ) -> Result<(), String> {
        if outcome.report.would_succeed != outcome.done.is_ok() {
            return Err("the dry run is not what happens".to_owned());
        }
        match &outcome.done {
            Ok(_) => {
                let current = self.secret.account(stage::CURRENT).expect("a rotated secret has a SYSCURRENT account");
                let user = &current.login().username;
                let own = |name: &str| name == user || name.rsplit_once('@').is_some_and(|(name, _)| name == user);
                if outcome.changed.len() != 1 || !outcome.changed.keys().all(|name| own(name)) {
                    return Err(format!("not the account alone has changed, but {:?}", outcome.changed.keys()));
                }
                if self.place.logs_in(self.database, user, current.password()).await == Some(false) {
                    return Err("the application is not let in afterwards".to_owned());
                }
            }
            Err(_) if outcome.changed.is_empty() => {
                if self.place.logs_in(self.database, user, self.password).await != let_in {
                    return Err("the application is not let in afterwards as it was before".to_owned());
                }
            }
            // What was begun is for the case to judge.
            Err(_) => {}
        }
        let said = format!(
            "{heard}{}{}",
            outcome.said(),
            serde_json::to_string(&outcome.report).expect("a report can be printed")
        );
        for (password, count) in self.in_logs() {
            if count > counts.get(&password).copied().unwrap_or_default() {
                return Err("a password is in a log of the server".to_owned());
            }
        }
        if self.secret.passwords().iter().any(|password| said.contains(password)) {
            return Err("csms says a password".to_owned());
        }
        Ok(())
    }

    /// How often each password is in the logs of the server. What tests themselves send may be there, and candidates that the
    /// server has refused, which are never used again (`sql_errlog`).
    fn in_logs(&self) -> BTreeMap<String, usize> {
        let logs = self.database.logs().expect("the logs can be read");
        let in_use = self.secret.accounts();
        let all = in_use.iter().map(Account::password).chain([self.password]).chain(self.further.iter().copied());
        all.map(|password| (password.to_owned(), logs.matches(password).count())).collect()
    }
}
