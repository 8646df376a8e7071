//! Attempts against a service and a database that live in memory, interrupted everywhere.

use core::{cell::RefCell, ops::ControlFlow, time::Duration};
use std::collections::BTreeMap;

use csms_core::{
    RotationMode,
    rotation::{
        Inspection, Overlap, Probe,
        message::{connection, mysql},
        plan::{Cause, Change, Match, Passwords},
    },
    stage,
};
use getrandom::SysRng;

use super::*;
use crate::{
    database::{Answer, Forecast, Inspect},
    observer::Unobserved,
};

/// Versions and stages of one secret, as the service keeps them.
#[derive(Default)]
struct MemorySecrets {
    values: RefCell<Vec<String>>,
    stages: RefCell<BTreeMap<String, VersionId>>,
    may_not_delete_stages: bool,
    may_not_move_stages: bool,
    /// Somebody else moves SYSCURRENT here as soon as the pending version is read.
    rival: RefCell<Option<VersionId>>,
    admin: RefCell<Option<SecretValue>>,
}

impl MemorySecrets {
    fn store(&self, value: String, stage: &str) -> VersionId {
        self.values.borrow_mut().push(value);
        let version = number(self.values.borrow().len() as u32);
        self.stages.borrow_mut().insert(stage.to_owned(), version);
        version
    }

    fn marked(&self, stage: &str) -> Option<VersionId> {
        self.stages.borrow().get(stage).copied()
    }

    fn set_admin(&self, password: &str) {
        self.admin.replace(Some(SecretValue::text(value("root", password)).unwrap()));
    }

    fn account(&self, stage: &str) -> Option<Account> {
        let version = self.marked(stage)?;
        Account::parse_text(&self.values.borrow()[version.number() as usize - 1]).ok()
    }
}

fn number(number: u32) -> VersionId {
    VersionId::from_number(number).unwrap()
}

impl Secrets for MemorySecrets {
    async fn stage(&self, stage: &StageName) -> Result<Option<VersionId>, SecretsError> {
        Ok(self.marked(stage.as_str()))
    }

    async fn value(&self, version: VersionId) -> Result<SecretValue, SecretsError> {
        if let Some(rival) = self.rival.take() {
            self.stages.borrow_mut().insert(stage::CURRENT.to_owned(), rival);
        }
        Ok(SecretValue::text(self.values.borrow()[version.number() as usize - 1].clone()).unwrap())
    }

    async fn admin_value(&self, _: &SecretName) -> Result<SecretValue, SecretsError> {
        self.admin.borrow().clone().ok_or_else(|| SecretsError::Refused(connection::said("forbidden")))
    }

    async fn create_pending(&self, value: SecretValue) -> Result<VersionId, SecretsError> {
        Ok(self.store(value.as_text().unwrap().to_owned(), stage::PENDING))
    }

    async fn make_current(&self, version: VersionId) -> Result<(), SecretsError> {
        if self.may_not_move_stages {
            return Err(SecretsError::Refused(connection::said("the security token has expired")));
        }
        let former = self.stages.borrow_mut().insert(stage::CURRENT.to_owned(), version);
        self.stages.borrow_mut().insert(stage::PREVIOUS.to_owned(), former.unwrap());
        Ok(())
    }

    async fn remove_pending_label(&self) -> Result<(), SecretsError> {
        if self.may_not_delete_stages {
            return Err(SecretsError::Refused(connection::said("forbidden")));
        }
        self.stages.borrow_mut().remove(stage::PENDING);
        Ok(())
    }
}

/// A database that knows accounts and passwords and has moods.
#[derive(Default)]
struct MemoryDatabase {
    passwords: RefCell<BTreeMap<String, String>>,
    down: RefCell<bool>,
    checks_nothing: bool,
    refusals_left: RefCell<u32>,
    /// Never answers.
    hangs: bool,
    /// Never answers a change.
    hangs_in_change: bool,
    forbids_own_change: bool,
    /// Who has set passwords.
    set_by: RefCell<Vec<String>>,
}

impl MemoryDatabase {
    fn accepts(&self, account: &Account) -> bool {
        self.checks_nothing || self.has(account)
    }

    /// Whether it keeps this password for the account.
    fn has(&self, account: &Account) -> bool {
        let passwords = self.passwords.borrow();
        passwords.get(&account.login().username).is_some_and(|known| known == account.password())
    }
}

impl Databases for MemoryDatabase {
    async fn probe(&self, account: &Account, _: Instant) -> Answer<Probe> {
        if self.hangs {
            core::future::pending::<()>().await;
        }
        Answer::plain(match (*self.down.borrow(), self.accepts(account)) {
            (true, _) => Probe::Unknown(Cause::Unreachable),
            (false, true) => Probe::Accepted,
            (false, false) => Probe::Refused,
        })
    }

    async fn set_password(&self, new: NewPassword<'_>, _: Instant) -> Answer<Change> {
        if let Some(cause) = self.obstacle(&new) {
            return Answer::plain(Change::NotDone(cause));
        }
        if self.hangs_in_change {
            core::future::pending::<()>().await;
        }
        let mut refusals = self.refusals_left.borrow_mut();
        if *refusals > 0 {
            *refusals -= 1;
            return Answer::detailed(Change::RefusedCandidate, mysql::error(1819_u16));
        }
        let user = new.account.login().username.clone();
        self.passwords.borrow_mut().insert(user, new.account.password().to_owned());
        self.set_by.borrow_mut().push(format!("{:?}", new.by).split(['(', ' ']).next().unwrap_or_default().to_owned());
        Answer::plain(Change::Done)
    }

    async fn inspect(&self, inspect: Inspect<'_>, _: Instant) -> Answer<Inspection> {
        if !self.accepts(inspect.admin) {
            return Answer::plain(Inspection::Failed(Cause::NoLogin));
        }
        let compare = |account: Option<&Account>| match account.map(|account| self.has(account)) {
            None => Match::Unknown,
            Some(true) => Match::First,
            Some(false) => Match::Neither,
        };
        let stored = inspect.stored;
        let passwords = Passwords {
            pending: compare(stored.pending),
            current: compare(stored.current),
            previous: compare(stored.previous),
            has_second: false,
        };
        Answer::plain(Inspection::Account { barrier: None, passwords: Some(passwords) })
    }

    async fn forecast(&self, new: NewPassword<'_>, _: Instant) -> Forecast {
        match self.obstacle(&new) {
            Some(cause) => Forecast::obstacle(cause, connection::said("something")),
            None => Forecast { expected: Change::Done, keeps_old: false, missing: Vec::new(), account: None },
        }
    }
}

impl MemoryDatabase {
    fn obstacle(&self, new: &NewPassword<'_>) -> Option<Cause> {
        match new.by {
            By::Itself(_) if self.forbids_own_change => Some(Cause::Forbidden),
            By::Itself(login) | By::Restored { login, .. } | By::Admin { login, .. } => {
                assert!(self.accepts(login), "a change must log in first");
                None
            }
            By::Service { .. } => None,
        }
    }
}

fn value(user: &str, password: &str) -> String {
    format!(r#"{{"engine":"postgresql","host":"db","username":"{user}","password":"{password}","owner":"team"}}"#)
}

/// Two versions, with the accounts of the mode, all passwords right.
fn scene(mode: RotationMode) -> (MemorySecrets, MemoryDatabase) {
    let (secrets, database) = (MemorySecrets::default(), MemoryDatabase::default());
    let other = if mode == RotationMode::MultiUser { "b" } else { "a" };
    secrets.store(value(other, "first"), stage::PREVIOUS);
    secrets.store(value("a", "second"), stage::CURRENT);
    let mut passwords = database.passwords.borrow_mut();
    passwords.insert(other.to_owned(), "first".to_owned());
    passwords.insert("a".to_owned(), "second".to_owned());
    drop(passwords);
    (secrets, database)
}

fn event(mode: RotationMode, version_id: Option<VersionId>) -> RotationEvent {
    RotationEvent { version_id, ..RotationEvent::new(SecretName::parse("db").unwrap(), mode) }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

async fn attempt(
    mode: RotationMode,
    secrets: &MemorySecrets,
    database: &MemoryDatabase,
    observer: &mut impl Observer,
) -> Result<VersionId, Failure> {
    rotate(&event(mode, None), secrets, database, &mut SysRng, soon(), observer).await
}

/// Ends the attempt at the given moment, counted over all steps.
struct InterruptAt(usize);

impl Observer for InterruptAt {
    fn observe(&mut self, _: &'static str, _: Moment<'_>) -> ControlFlow<()> {
        if self.0 == 0 {
            return ControlFlow::Break(());
        }
        self.0 -= 1;
        ControlFlow::Continue(())
    }
}

/// Writes down the steps.
#[derive(Default)]
struct Steps(Vec<&'static str>);

impl Observer for Steps {
    fn observe(&mut self, step: &'static str, moment: Moment<'_>) -> ControlFlow<()> {
        if moment == Moment::Before {
            self.0.push(step);
        }
        ControlFlow::Continue(())
    }
}

const MODES: [RotationMode; 2] = [RotationMode::SingleUser, RotationMode::MultiUser];

#[tokio::test]
async fn a_rotation_of_one_account_takes_the_expected_steps() {
    let (secrets, database) = scene(RotationMode::SingleUser);
    let mut steps = Steps::default();
    assert_eq!(attempt(RotationMode::SingleUser, &secrets, &database, &mut steps).await, Ok(number(3)));
    let expected = [
        "read-labels",
        "read-current",
        "make-pending",
        "probe-current",
        "probe-pending",
        "set-password",
        "probe-pending",
        "move-stages",
        "remove-pending-label",
    ];
    assert_eq!(steps.0, expected);
    let current = secrets.account(stage::CURRENT).unwrap();
    assert!(database.accepts(&current));
    assert_ne!(current.password(), "second");
    assert!(secrets.values.borrow()[2].contains(r#""owner":"team""#));
    assert_eq!((secrets.marked(stage::PREVIOUS), secrets.marked(stage::PENDING)), (Some(number(2)), None));
}

#[tokio::test]
async fn of_two_accounts_the_idle_one_is_changed_and_becomes_current() {
    let (secrets, database) = scene(RotationMode::MultiUser);
    assert_eq!(attempt(RotationMode::MultiUser, &secrets, &database, &mut Unobserved).await, Ok(number(3)));
    assert_eq!(secrets.account(stage::CURRENT).unwrap().login().username, "b");
    assert!(database.accepts(&secrets.account(stage::CURRENT).unwrap()));
    assert!(database.accepts(&secrets.account(stage::PREVIOUS).unwrap()));
    assert_eq!(secrets.account(stage::PREVIOUS).unwrap().password(), "second");
}

#[tokio::test]
async fn an_attempt_interrupted_anywhere_is_finished_by_the_next_one() {
    for mode in MODES {
        let mut interrupted = 0;
        for moment in 0.. {
            let (secrets, database) = scene(mode);
            let first = attempt(mode, &secrets, &database, &mut InterruptAt(moment)).await;
            let accounts = [stage::PENDING, stage::CURRENT, stage::PREVIOUS].map(|stage| secrets.account(stage));
            let somebody = accounts.iter().flatten().any(|account| database.accepts(account));
            assert!(somebody, "{mode:?}: locked out when interrupted at moment {moment}");
            if mode == RotationMode::MultiUser {
                assert!(accounts[1].as_ref().is_some_and(|current| database.accepts(current)), "moment {moment}");
            }
            if first.is_ok() {
                break;
            }
            interrupted += 1;
            let version = attempt(mode, &secrets, &database, &mut Unobserved).await.unwrap();
            assert_eq!(secrets.marked(stage::CURRENT), Some(version));
            assert!(database.accepts(&secrets.account(stage::CURRENT).unwrap()), "moment {moment}");
            assert_eq!(secrets.marked(stage::PENDING), None);
        }
        assert!(interrupted >= 18, "{mode:?}: only {interrupted} moments");
    }
}

#[tokio::test]
async fn an_attempt_for_a_version_that_is_current_changes_nothing() {
    let (secrets, database) = scene(RotationMode::SingleUser);
    let event = event(RotationMode::SingleUser, Some(number(2)));
    let done = rotate(&event, &secrets, &database, &mut SysRng, soon(), &mut Unobserved).await;
    assert_eq!(done, Ok(number(2)));
    assert_eq!(secrets.values.borrow().len(), 2);
}

#[tokio::test]
async fn an_unreachable_database_ends_the_attempt_and_keeps_the_candidate() {
    let (secrets, database) = scene(RotationMode::SingleUser);
    *database.down.borrow_mut() = true;
    for _ in 0..3 {
        let failure = attempt(RotationMode::SingleUser, &secrets, &database, &mut Unobserved).await.unwrap_err();
        assert_eq!(failure.code, FailureCode::Unavailable);
    }
    assert_eq!(secrets.marked(stage::PENDING), Some(number(3)), "one candidate, kept");
    *database.down.borrow_mut() = false;
    assert_eq!(attempt(RotationMode::SingleUser, &secrets, &database, &mut Unobserved).await, Ok(number(3)));
}

#[tokio::test]
async fn refused_candidates_are_replaced_and_then_given_up() {
    let (secrets, database) = scene(RotationMode::SingleUser);
    *database.refusals_left.borrow_mut() = 2;
    assert_eq!(attempt(RotationMode::SingleUser, &secrets, &database, &mut Unobserved).await, Ok(number(5)));
    *database.refusals_left.borrow_mut() = 100;
    let failure = attempt(RotationMode::SingleUser, &secrets, &database, &mut Unobserved).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::NeedsOperator);
    // The server may have logged the refused ones.
    assert_eq!(secrets.marked(stage::PENDING), Some(number(9)), "one that was never offered");
}

#[tokio::test]
async fn a_database_that_accepts_any_password_is_not_believed() {
    let (secrets, mut database) = scene(RotationMode::SingleUser);
    database.checks_nothing = true;
    let failure = attempt(RotationMode::SingleUser, &secrets, &database, &mut Unobserved).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::NeedsOperator);
    assert_eq!(secrets.marked(stage::CURRENT), Some(number(2)));
}

#[tokio::test]
async fn a_value_that_is_no_account_is_described_without_being_shown() {
    let (secrets, database) = scene(RotationMode::SingleUser);
    secrets.store(r#"{"engine":"oracle","password":"hunter2"}"#.to_owned(), stage::CURRENT);
    let failure = attempt(RotationMode::SingleUser, &secrets, &database, &mut Unobserved).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::InvalidSecret);
    assert!(failure.message.english().contains("engine must be one of"), "{}", failure.message);
    assert!(failure.message.english().contains("host is required"), "{}", failure.message);
    assert!(!failure.message.english().contains("hunter2"));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_ends_at_its_deadline() {
    let (secrets, mut database) = scene(RotationMode::SingleUser);
    database.hangs = true;
    let failure = attempt(RotationMode::SingleUser, &secrets, &database, &mut Unobserved).await.unwrap_err();
    assert_eq!(
        (failure.code, failure.message.english().as_str()),
        (FailureCode::Unavailable, "the attempt ran out of time")
    );
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_ends_while_the_password_is_being_changed_says_so() {
    let (secrets, mut database) = scene(RotationMode::SingleUser);
    database.hangs_in_change = true;
    let failure = attempt(RotationMode::SingleUser, &secrets, &database, &mut Unobserved).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::Unfinished);
}

#[tokio::test]
async fn a_refusal_of_the_service_after_the_password_was_set_leaves_the_rotation_unfinished() {
    let (mut secrets, database) = scene(RotationMode::SingleUser);
    secrets.may_not_move_stages = true;
    let failure = attempt(RotationMode::SingleUser, &secrets, &database, &mut Unobserved).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::Unfinished);
    assert!(failure.message.english().contains("the security token has expired"), "{}", failure.message);
    secrets.may_not_move_stages = false;
    attempt(RotationMode::SingleUser, &secrets, &database, &mut Unobserved).await.unwrap();
    assert!(database.accepts(&secrets.account(stage::CURRENT).unwrap()));
}

/// The event of a rotation whose configuration names an administrator.
fn event_with_admin() -> RotationEvent {
    let config = r#"{"InstanceId":"i","SecretSubType":"SingleUser","AdminSecret":"root"}"#;
    RotationEvent { rotation_config: RotationConfig::parse(config).ok(), ..event(RotationMode::SingleUser, None) }
}

fn with_admin(secrets: &MemorySecrets, database: &MemoryDatabase) {
    secrets.set_admin("almighty");
    database.passwords.borrow_mut().insert("root".to_owned(), "almighty".to_owned());
}

#[tokio::test]
async fn the_administrator_helps_an_account_that_cannot_log_in_or_change_itself() {
    for forbidden in [false, true] {
        let (secrets, mut database) = scene(RotationMode::SingleUser);
        with_admin(&secrets, &database);
        database.forbids_own_change = forbidden;
        if !forbidden {
            database.passwords.borrow_mut().insert("a".to_owned(), "changed by hand".to_owned());
        }
        let event = event_with_admin();
        let done = rotate(&event, &secrets, &database, &mut SysRng, soon(), &mut Unobserved).await;
        assert_eq!(done, Ok(number(3)));
        assert_eq!(*database.set_by.borrow(), ["Admin"]);
        assert!(database.accepts(&secrets.account(stage::CURRENT).unwrap()));
    }
}

#[tokio::test]
async fn an_account_that_can_help_itself_is_left_to_do_so() {
    let (secrets, database) = scene(RotationMode::SingleUser);
    with_admin(&secrets, &database);
    rotate(&event_with_admin(), &secrets, &database, &mut SysRng, soon(), &mut Unobserved).await.unwrap();
    assert_eq!(*database.set_by.borrow(), ["Itself"]);
}

#[tokio::test]
async fn an_administrator_that_may_not_be_read_is_told() {
    let (secrets, mut database) = scene(RotationMode::SingleUser);
    database.forbids_own_change = true;
    let failure = rotate(&event_with_admin(), &secrets, &database, &mut SysRng, soon(), &mut Unobserved).await;
    let failure = failure.unwrap_err();
    assert_eq!(
        (failure.code, failure.message.english().as_str()),
        (FailureCode::ServiceRefused, "could not read AdminSecret: forbidden")
    );
}

#[tokio::test]
async fn an_account_that_can_help_itself_needs_no_administrator_that_may_be_read() {
    let (secrets, database) = scene(RotationMode::SingleUser);
    let done = rotate(&event_with_admin(), &secrets, &database, &mut SysRng, soon(), &mut Unobserved).await;
    assert_eq!(done, Ok(number(3)));
    assert_eq!(*database.set_by.borrow(), ["Itself"]);
}

/// The rotation of the administrator's account has set its password, and moves its stages once the server has refused the former one.
struct AdminMoves<'a>(&'a MemorySecrets);

impl Observer for AdminMoves<'_> {
    fn observe(&mut self, step: &'static str, moment: Moment<'_>) -> ControlFlow<()> {
        if step == "inspect" && matches!(moment, Moment::After { .. }) {
            self.0.set_admin("of its rotation");
        }
        ControlFlow::Continue(())
    }
}

#[tokio::test(start_paused = true)]
async fn an_administrator_whose_own_account_is_being_rotated_is_tried_again_later() {
    for moves in [true, false] {
        let (secrets, database) = scene(RotationMode::SingleUser);
        with_admin(&secrets, &database);
        for user in ["a", "root"] {
            database.passwords.borrow_mut().insert(user.to_owned(), "of its rotation".to_owned());
        }
        let event = event_with_admin();
        let failure = match moves {
            true => rotate(&event, &secrets, &database, &mut SysRng, soon(), &mut AdminMoves(&secrets)).await,
            false => rotate(&event, &secrets, &database, &mut SysRng, soon(), &mut Unobserved).await,
        };
        let wanted = if moves { FailureCode::Unavailable } else { FailureCode::NeedsOperator };
        assert_eq!(failure.unwrap_err().code, wanted);
        assert!(database.set_by.borrow().is_empty());
    }
}

#[tokio::test]
async fn with_an_administrator_as_well_nothing_is_changed_in_a_database_that_accepts_any_password() {
    let (secrets, mut database) = scene(RotationMode::SingleUser);
    with_admin(&secrets, &database);
    database.checks_nothing = true;
    let before = database.passwords.clone();
    let failure = rotate(&event_with_admin(), &secrets, &database, &mut SysRng, soon(), &mut Unobserved).await;
    let failure = failure.unwrap_err();
    assert_eq!(failure.code, FailureCode::NeedsOperator);
    assert!(failure.message.english().contains("accepts any password"), "{}", failure.message.english());
    assert_eq!(database.passwords, before);
}

#[tokio::test]
async fn a_dry_run_takes_every_step_and_writes_nothing() {
    for (mode, overlap) in [(RotationMode::SingleUser, Overlap::None), (RotationMode::MultiUser, Overlap::TwoAccounts)]
    {
        let (secrets, database) = scene(mode);
        let before = (secrets.values.clone(), secrets.stages.clone(), database.passwords.clone());
        let report = dry_run(&event(mode, None), &secrets, &database, &mut SysRng, soon()).await;
        assert!(report.would_succeed, "{report:?}");
        assert_eq!(report.overlap, Some(overlap));
        let mut steps = Steps::default();
        let told: Vec<_> = report.steps.iter().map(|step| step.step.clone()).collect();
        assert_eq!(before, (secrets.values.clone(), secrets.stages.clone(), database.passwords.clone()));
        attempt(mode, &secrets, &database, &mut steps).await.unwrap();
        assert_eq!(told, steps.0, "the steps of a rotation");
    }
}

#[tokio::test]
async fn a_url_with_the_password_is_said_where_the_value_is_read_and_before_the_change() {
    let (secrets, database) = scene(RotationMode::SingleUser);
    let with_url = value("a", "long-enough").replace(r#""team""#, r#""team","url":"db://a:long%2Denough@db""#);
    secrets.store(with_url, stage::CURRENT);
    database.passwords.borrow_mut().insert("a".to_owned(), "long-enough".to_owned());
    let report = dry_run(&event(RotationMode::SingleUser, None), &secrets, &database, &mut SysRng, soon()).await;
    assert!(report.would_succeed, "{report:?}");
    let remark = say::password_elsewhere(1_usize);
    assert!(report.missing_detail.contains(&remark), "{report:?}");
    let reading = |step: &str| report.steps.iter().find(|taken| taken.step == step).map(|taken| taken.outcome.clone());
    assert!(reading("read-current").unwrap().contains(&remark.english()), "{report:?}");
    assert!(!format!("{report:?}").contains("enough"));
}

#[tokio::test]
async fn a_dry_run_tells_why_a_rotation_would_fail() {
    let (secrets, mut database) = scene(RotationMode::SingleUser);
    database.forbids_own_change = true;
    let report = dry_run(&event(RotationMode::SingleUser, None), &secrets, &database, &mut SysRng, soon()).await;
    assert!(!report.would_succeed);
    assert_eq!(report.error_code.as_deref(), Some("ROTATION_NEEDS_OPERATOR"));
    assert_eq!(report.missing, ["something"]);
    *database.down.borrow_mut() = true;
    let report = dry_run(&event(RotationMode::SingleUser, None), &secrets, &database, &mut SysRng, soon()).await;
    assert_eq!(report.error_code.as_deref(), Some("ROTATION_UNAVAILABLE"));
    assert_eq!(secrets.values.borrow().len(), 2);
}

#[tokio::test]
async fn a_label_that_may_not_be_deleted_is_left_behind_and_does_no_harm() {
    let (mut secrets, database) = scene(RotationMode::SingleUser);
    secrets.may_not_delete_stages = true;
    assert_eq!(attempt(RotationMode::SingleUser, &secrets, &database, &mut Unobserved).await, Ok(number(3)));
    assert_eq!(attempt(RotationMode::SingleUser, &secrets, &database, &mut Unobserved).await, Ok(number(4)));
    assert!(database.accepts(&secrets.account(stage::CURRENT).unwrap()));
}

/// Moves SYSPENDING right before the password is set.
struct MovesPending<'a>(&'a MemorySecrets);

impl Observer for MovesPending<'_> {
    fn observe(&mut self, step: &'static str, moment: Moment<'_>) -> ControlFlow<()> {
        if step == "set-password" && moment == Moment::Before {
            self.0.store(value("a", "another"), stage::PENDING);
        }
        ControlFlow::Continue(())
    }
}

#[tokio::test]
async fn a_password_that_is_not_pending_any_more_is_not_set() {
    let (secrets, database) = scene(RotationMode::SingleUser);
    let failure = attempt(RotationMode::SingleUser, &secrets, &database, &mut MovesPending(&secrets)).await;
    assert!(failure.unwrap_err().message.english().contains("SYSPENDING was moved"));
    assert!(database.accepts(&secrets.account(stage::CURRENT).unwrap()));
}

#[tokio::test]
async fn stages_moved_by_somebody_else_are_left_alone() {
    let (secrets, database) = scene(RotationMode::SingleUser);
    let newer = secrets.store(value("a", "second"), stage::PENDING);
    secrets.rival.replace(Some(newer));
    secrets.store(value("a", "third"), stage::PENDING);
    let failure = attempt(RotationMode::SingleUser, &secrets, &database, &mut Unobserved).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::Unfinished);
    assert_eq!(secrets.marked(stage::CURRENT), Some(newer));
}

/// Another attempt ends the rotation at the moment when this one is about to log in.
struct Overtaken<'a>(&'a MemorySecrets, &'a MemoryDatabase);

impl Observer for Overtaken<'_> {
    fn observe(&mut self, step: &'static str, moment: Moment<'_>) -> ControlFlow<()> {
        if step == "probe-current" && moment == Moment::Before {
            self.0.store(value("a", "of the other"), stage::CURRENT);
            self.0.stages.borrow_mut().remove(stage::PENDING);
            self.1.passwords.borrow_mut().insert("a".to_owned(), "of the other".to_owned());
        }
        ControlFlow::Continue(())
    }
}

#[tokio::test]
async fn an_overtaken_attempt_calls_no_operator() {
    let (secrets, database) = scene(RotationMode::SingleUser);
    let mut other = Overtaken(&secrets, &database);
    let failure = attempt(RotationMode::SingleUser, &secrets, &database, &mut other).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::Unavailable);
    assert!(failure.message.english().contains("SYSCURRENT was moved"));
}

#[tokio::test]
async fn a_password_changed_by_hand_calls_the_operator() {
    let (secrets, database) = scene(RotationMode::SingleUser);
    database.passwords.borrow_mut().insert("a".to_owned(), "by hand".to_owned());
    let failure = attempt(RotationMode::SingleUser, &secrets, &database, &mut Unobserved).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::NeedsOperator);
}
