//! Whole rotations of real accounts, interrupted everywhere. The secret lives in memory; all logins are real.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use core::{cell::Cell, ops::ControlFlow, time::Duration};

use csms_core::{
    RotationMode, SecretName, VersionId,
    rotation::{
        Account, Engine, FailureCode, Inspection, Probe, RotationEvent,
        plan::{Cause, Change},
    },
    stage,
};
use csms_rotate::{
    Answer, Databases, Failure, Forecast, Inspect, Moment, NewPassword, Observer, SqlDatabases, Unobserved, rotate,
};
use csms_rotation_tests::{Database, MemorySecret, on};
use getrandom::SysRng;
use tokio::time::Instant;

const FIRST: &str = "First-password-1";
const SECOND: &str = "Second-password-2";

fn event(mode: RotationMode) -> RotationEvent {
    RotationEvent::new(SecretName::parse("db").unwrap(), mode)
}

async fn attempt(
    mode: RotationMode,
    secret: &MemorySecret,
    databases: &impl Databases,
    observer: &mut impl Observer,
) -> Result<VersionId, Failure> {
    let deadline = Instant::now() + Duration::from_secs(60);
    rotate(&event(mode), secret, databases, &mut SysRng, deadline, observer).await
}

async fn rotated(mode: RotationMode, secret: &MemorySecret) -> VersionId {
    attempt(mode, secret, &SqlDatabases::default(), &mut Unobserved).await.unwrap()
}

/// A secret with its accounts, named after `name`: one account in SYSCURRENT, or two in SYSPREVIOUS and SYSCURRENT.
async fn secret(database: &Database, mode: RotationMode, name: &str) -> MemorySecret {
    let secret = MemorySecret::default();
    database.create_login(name, SECOND).await.unwrap();
    if mode == RotationMode::MultiUser {
        let other = format!("{name}_b");
        database.create_login(&other, FIRST).await.unwrap();
        secret.add(&database.value(&other, FIRST), stage::PREVIOUS);
    }
    secret.add(&database.value(name, SECOND), stage::CURRENT);
    secret
}

async fn logs_in(database: &Database, account: &Account) -> bool {
    database.can_log_in(&account.login().username, account.password()).await.unwrap()
}

/// What must hold whatever has happened.
async fn assert_nobody_is_locked_out(database: &Database, mode: RotationMode, secret: &MemorySecret, when: &str) {
    let mut somebody = false;
    for account in secret.accounts() {
        somebody |= logs_in(database, &account).await;
    }
    assert!(somebody, "{mode:?}: no version logs in {when}");
    if mode == RotationMode::MultiUser {
        let current = secret.account(stage::CURRENT).unwrap();
        assert!(logs_in(database, &current).await, "SYSCURRENT does not log in {when}");
    }
}

/// Ends the attempt at the given moment, counted over all steps, and tells where that was.
struct InterruptAt {
    left: usize,
    at: Option<String>,
}

impl Observer for InterruptAt {
    fn observe(&mut self, step: &'static str, moment: Moment<'_>) -> ControlFlow<()> {
        if self.left == 0 {
            self.at = Some(format!("{step} {moment:?}"));
            return ControlFlow::Break(());
        }
        self.left -= 1;
        ControlFlow::Continue(())
    }
}

/// Changes passwords and loses the server's answer.
struct LosesAnswers(SqlDatabases);

impl Databases for LosesAnswers {
    async fn probe(&self, account: &Account, deadline: Instant) -> Answer<Probe> {
        self.0.probe(account, deadline).await
    }

    async fn set_password(&self, new: NewPassword<'_>, deadline: Instant) -> Answer<Change> {
        assert_eq!(self.0.set_password(new, deadline).await.finding, Change::Done);
        Answer::plain(Change::Unknown(Cause::TimedOut))
    }

    async fn inspect(&self, inspect: Inspect<'_>, deadline: Instant) -> Answer<Inspection> {
        self.0.inspect(inspect, deadline).await
    }

    async fn forecast(&self, new: NewPassword<'_>, deadline: Instant) -> Forecast {
        self.0.forecast(new, deadline).await
    }
}

async fn one_account_has_a_new_password_and_the_old_one_is_refused(engine: Engine) {
    let database = Database::start(engine).await.unwrap();
    let secret = secret(&database, RotationMode::SingleUser, "app").await;
    for round in 2..=4 {
        let former = secret.account(stage::CURRENT).unwrap();
        assert_eq!(rotated(RotationMode::SingleUser, &secret).await, VersionId::from_number(round).unwrap());
        let current = secret.account(stage::CURRENT).unwrap();
        assert_eq!(current.login(), former.login());
        assert!(logs_in(&database, &current).await);
        assert!(!logs_in(&database, &former).await);
        assert_eq!(secret.account(stage::PREVIOUS).unwrap().password(), former.password());
        assert_eq!(secret.marked(stage::PENDING), None);
    }
}

async fn two_accounts_take_turns_and_the_current_one_always_logs_in(engine: Engine) {
    let database = Database::start(engine).await.unwrap();
    let secret = secret(&database, RotationMode::MultiUser, "app").await;
    let mut polls = 0;
    for _ in 0..4 {
        let former = secret.account(stage::CURRENT).unwrap();
        let over = Cell::new(false);
        let rotation = async {
            rotated(RotationMode::MultiUser, &secret).await;
            over.set(true);
        };
        // An application that reads SYSCURRENT and connects, all the time.
        let poller = async {
            while !over.get() {
                let current = secret.account(stage::CURRENT).unwrap();
                assert!(logs_in(&database, &current).await, "SYSCURRENT does not log in");
                polls += 1;
            }
        };
        tokio::join!(rotation, poller);
        let current = secret.account(stage::CURRENT).unwrap();
        assert_ne!(current.login().username, former.login().username);
        assert!(logs_in(&database, &current).await);
        assert!(logs_in(&database, &former).await, "the account that is idle now was not touched");
    }
    assert!(polls >= 4);
}

async fn an_attempt_interrupted_anywhere_is_finished_by_the_next_one(engine: Engine) {
    let database = Database::start(engine).await.unwrap();
    for mode in [RotationMode::SingleUser, RotationMode::MultiUser] {
        for moment in 0.. {
            let secret = secret(&database, mode, &format!("{}_{moment}", mode.as_str().to_lowercase())).await;
            let original = secret.account(stage::CURRENT).unwrap();
            let mut observer = InterruptAt { left: moment, at: None };
            let first = attempt(mode, &secret, &SqlDatabases::default(), &mut observer).await;
            let Some(place) = observer.at else {
                first.unwrap();
                // One login less on MariaDB, where none is refused first.
                assert!(moment >= 16, "{mode:?}: only {moment} moments");
                break;
            };
            assert_nobody_is_locked_out(&database, mode, &secret, &place).await;
            let version = rotated(mode, &secret).await;
            assert_eq!(secret.marked(stage::CURRENT), Some(version), "{place}");
            assert!(logs_in(&database, &secret.account(stage::CURRENT).unwrap()).await, "{place}");
            assert_eq!(secret.marked(stage::PENDING), None, "{place}");
            if mode == RotationMode::SingleUser {
                assert!(!logs_in(&database, &original).await, "{place}");
            }
        }
    }
}

async fn a_change_whose_answer_is_lost_is_found_to_have_happened(engine: Engine) {
    let database = Database::start(engine).await.unwrap();
    for mode in [RotationMode::SingleUser, RotationMode::MultiUser] {
        let secret = secret(&database, mode, &mode.as_str().to_lowercase()).await;
        let databases = LosesAnswers(SqlDatabases::default());
        attempt(mode, &secret, &databases, &mut Unobserved).await.unwrap();
        assert!(logs_in(&database, &secret.account(stage::CURRENT).unwrap()).await);
    }
}

async fn a_database_that_is_down_delays_a_rotation_and_changes_nothing(engine: Engine) {
    let mut database = Database::start(engine).await.unwrap();
    let secret = secret(&database, RotationMode::SingleUser, "app").await;
    database.stop().await.unwrap();
    let mut candidates = Vec::new();
    for _ in 0..2 {
        let failure = attempt(RotationMode::SingleUser, &secret, &SqlDatabases::default(), &mut Unobserved).await;
        let failure = failure.unwrap_err();
        assert_eq!(failure.code, FailureCode::Unavailable, "{}", failure.message);
        assert!(failure.message.english().ends_with("the database is not reachable"), "{}", failure.message);
        candidates.push(secret.marked(stage::PENDING));
    }
    assert_eq!(candidates[0], candidates[1], "the candidate is kept");
    database.start_again().await.unwrap();
    assert_eq!(Some(rotated(RotationMode::SingleUser, &secret).await), candidates[0]);
    assert!(logs_in(&database, &secret.account(stage::CURRENT).unwrap()).await);
}

async fn a_password_changed_by_hand_needs_an_operator(engine: Engine) {
    let database = Database::start(engine).await.unwrap();
    let secret = secret(&database, RotationMode::SingleUser, "app").await;
    let change = match engine {
        Engine::PostgreSql => "ALTER ROLE app PASSWORD 'by-hand'",
        Engine::MySql | Engine::MariaDb => "ALTER USER app@'%' IDENTIFIED BY 'by-hand'",
    };
    database.execute(change).await.unwrap();
    let failure = attempt(RotationMode::SingleUser, &secret, &SqlDatabases::default(), &mut Unobserved).await;
    assert_eq!(failure.unwrap_err().code, FailureCode::NeedsOperator);
    assert!(database.can_log_in("app", "by-hand").await.unwrap());
    // The way out: a version that logs in.
    secret.add(&database.value("app", "by-hand"), stage::CURRENT);
    rotated(RotationMode::SingleUser, &secret).await;
    assert!(logs_in(&database, &secret.account(stage::CURRENT).unwrap()).await);
}

on!(PostgreSql, postgresql:
    one_account_has_a_new_password_and_the_old_one_is_refused,
    two_accounts_take_turns_and_the_current_one_always_logs_in,
    an_attempt_interrupted_anywhere_is_finished_by_the_next_one,
    a_change_whose_answer_is_lost_is_found_to_have_happened,
    a_database_that_is_down_delays_a_rotation_and_changes_nothing,
    a_password_changed_by_hand_needs_an_operator,
);

on!(MariaDb, mariadb:
    one_account_has_a_new_password_and_the_old_one_is_refused,
    two_accounts_take_turns_and_the_current_one_always_logs_in,
    an_attempt_interrupted_anywhere_is_finished_by_the_next_one,
    a_change_whose_answer_is_lost_is_found_to_have_happened,
    a_database_that_is_down_delays_a_rotation_and_changes_nothing,
    a_password_changed_by_hand_needs_an_operator,
);
