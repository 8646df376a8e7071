//! The crash matrix: every step of every mode meets every fault, on real PostgreSQL, MySQL and MariaDB, while an application logs
//! in all the time with what it reads. The outcomes are the tables of `CRASH-MATRIX.md`, which this test keeps true.
//!
//! The secret lives in memory, so that a fault hits the very step it is meant for; the function and its adapters are the real
//! ones, and so are all logins. `killed_function`, `server_faults`, `outages` and
//! `replicas` go through real servers and processes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use core::{
    cell::{Cell, RefCell},
    fmt,
    future::pending,
    ops::ControlFlow,
    time::Duration,
};
use std::{collections::BTreeMap, rc::Rc};

use csms_core::{
    RotationMode, SecretName, SecretValue, StageName, VersionId,
    rotation::{
        Account, Engine, Inspection, Probe, RotationEvent,
        plan::{Cause, Change},
    },
    stage,
};
use csms_rotate::{
    Answer, Databases, Failure, Forecast, Inspect, Limits, Moment, NewPassword, Observer, Secrets, SecretsError,
    SqlDatabases, Unobserved, rotate,
};
use csms_rotation_tests::{Database, MemorySecret, Passage, passage::State, tables};
use getrandom::SysRng;
use tokio::{
    sync::{Notify, Semaphore},
    task::LocalSet,
    time::Instant,
};

const FIRST: &str = "First-password-1";
const SECOND: &str = "Second-password-2";

/// Cells at the same time. More would only wait for the processor.
const AT_ONCE: usize = 4;

/// Time between two looks of an application; without it, looks would take the processor from the rotations.
const PAUSE: Duration = Duration::from_millis(10);

/// Limits that a busy machine does not reach, so that only a slow database is one.
const GENEROUS: Limits = Limits { login: Duration::from_secs(60), change: Duration::from_secs(60) };

/// Longest attempt.
const ATTEMPT: Duration = Duration::from_secs(180);

/// Limits of an attempt whose database is slow.
const SHORT: Limits = Limits { login: Duration::from_millis(300), change: Duration::from_millis(300) };

const MODES: [RotationMode; 2] = [RotationMode::SingleUser, RotationMode::MultiUser];

/// What goes wrong at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    KilledBefore,
    KilledAfter,
    /// The function is killed when the step has had its effect and before it hears of it.
    KilledWithin,
    /// Everything that the step does is done twice.
    Twice,
    /// From this step on to the end of the attempt, the database refuses connections.
    Down,
    /// From this step on to the end of the attempt, the database answers too late.
    Slow,
    /// Before the step, another replica takes over and finishes; then the first goes on.
    Race,
}

const FAULTS: [Fault; 7] =
    [Fault::KilledBefore, Fault::KilledAfter, Fault::KilledWithin, Fault::Twice, Fault::Down, Fault::Slow, Fault::Race];

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KilledBefore => "killed before",
            Self::KilledAfter => "killed after",
            Self::KilledWithin => "killed within",
            Self::Twice => "run twice",
            Self::Down => "database down",
            Self::Slow => "database slow",
            Self::Race => "two replicas",
        })
    }
}

/// Where an attempt is, and what is to happen there.
struct Script {
    /// The step with its number, `probe-pending#2`.
    place: String,
    fault: Fault,
    taken: RefCell<BTreeMap<&'static str, u32>>,
    /// Whether the attempt is at the place.
    there: Cell<bool>,
    reached: Notify,
    released: Notify,
    passage: Rc<Passage>,
}

impl Script {
    /// Before anything that a step does: a replica that is overtaken stands still here.
    async fn before_call(&self) {
        if self.there.get() && self.fault == Fault::Race {
            self.there.set(false);
            self.reached.notify_one();
            self.released.notified().await;
        }
    }

    /// After it: a function that is killed within the step hears nothing any more.
    async fn after_call(&self) {
        if self.there.get() && self.fault == Fault::KilledWithin {
            self.reached.notify_one();
            pending::<()>().await;
        }
    }

    fn is_twice(&self) -> bool {
        self.there.get() && self.fault == Fault::Twice
    }
}

/// Follows the steps of the first attempt.
struct Follower<'a>(&'a Script);

impl Observer for Follower<'_> {
    fn observe(&mut self, step: &'static str, moment: Moment<'_>) -> ControlFlow<()> {
        let script = self.0;
        let is_before = moment == Moment::Before;
        let mut taken = script.taken.borrow_mut();
        let times = taken.entry(step).or_default();
        *times += u32::from(is_before);
        if format!("{step}#{times}") != script.place {
            script.there.set(false);
            return ControlFlow::Continue(());
        }
        script.there.set(is_before);
        match (script.fault, is_before) {
            (Fault::KilledBefore, true) | (Fault::KilledAfter, false) => ControlFlow::Break(()),
            (Fault::Down, true) => {
                script.passage.set(State::Closed);
                ControlFlow::Continue(())
            }
            (Fault::Slow, true) => {
                script.passage.set(State::Silent);
                ControlFlow::Continue(())
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

/// The secret and the database as the first attempt meets them.
struct Troubled<'a> {
    script: &'a Script,
    secret: &'a MemorySecret,
}

impl Troubled<'_> {
    async fn call<T>(&self, work: impl AsyncFn() -> T) -> T {
        self.script.before_call().await;
        let mut result = work().await;
        if self.script.is_twice() {
            result = work().await;
        }
        self.script.after_call().await;
        result
    }

    fn databases(&self) -> SqlDatabases {
        let is_slow = self.script.fault == Fault::Slow && self.script.passage.state() == State::Silent;
        SqlDatabases::new(if is_slow { SHORT } else { GENEROUS })
    }
}

impl Secrets for Troubled<'_> {
    async fn stage(&self, stage: &StageName) -> Result<Option<VersionId>, SecretsError> {
        self.call(async || self.secret.stage(stage).await).await
    }

    async fn value(&self, version: VersionId) -> Result<SecretValue, SecretsError> {
        self.call(async || self.secret.value(version).await).await
    }

    async fn admin_value(&self, name: &SecretName) -> Result<SecretValue, SecretsError> {
        self.secret.admin_value(name).await
    }

    async fn create_pending(&self, value: SecretValue) -> Result<VersionId, SecretsError> {
        self.call(async || self.secret.create_pending(value.clone()).await).await
    }

    async fn make_current(&self, version: VersionId) -> Result<(), SecretsError> {
        self.call(async || self.secret.make_current(version).await).await
    }

    async fn remove_pending_label(&self) -> Result<(), SecretsError> {
        self.call(async || self.secret.remove_pending_label().await).await
    }
}

impl Databases for Troubled<'_> {
    async fn probe(&self, account: &Account, deadline: Instant) -> Answer<Probe> {
        self.call(async || self.databases().probe(account, deadline).await).await
    }

    async fn set_password(&self, new: NewPassword<'_>, deadline: Instant) -> Answer<Change> {
        // The second time the old password does not log in any more, as of a statement that a driver sends again.
        let answers = RefCell::new(Vec::new());
        let answer = self.call(async || {
            let answer = self.databases().set_password(new, deadline).await;
            answers.borrow_mut().push(answer.finding);
            answer
        });
        let answer = answer.await;
        match answers.borrow().as_slice() {
            [Change::Done, Change::NotDone(Cause::NoLogin | Cause::NotFirst)] => Answer::plain(Change::Done),
            _ => answer,
        }
    }

    async fn inspect(&self, inspect: Inspect<'_>, deadline: Instant) -> Answer<Inspection> {
        self.call(async || self.databases().inspect(inspect, deadline).await).await
    }

    async fn forecast(&self, new: NewPassword<'_>, deadline: Instant) -> Forecast {
        SqlDatabases::default().forecast(new, deadline).await
    }
}

/// The task of the cell works towards v3, as of a server that leaves the pending version to the function.
fn event(mode: RotationMode) -> RotationEvent {
    let event = RotationEvent::new(SecretName::parse("db").unwrap(), mode);
    RotationEvent { version_id: VersionId::from_number(3), ..event }
}

async fn attempt(mode: RotationMode, secret: &MemorySecret) -> Result<VersionId, Failure> {
    let deadline = Instant::now() + ATTEMPT;
    rotate(&event(mode), secret, &SqlDatabases::new(GENEROUS), &mut SysRng, deadline, &mut Unobserved).await
}

async fn troubled(mode: RotationMode, troubled: &Troubled<'_>) -> Result<VersionId, Failure> {
    let deadline = Instant::now() + ATTEMPT;
    rotate(&event(mode), troubled, troubled, &mut SysRng, deadline, &mut Follower(troubled.script)).await
}

async fn logs_in(database: &Database, account: &Account) -> bool {
    database.can_log_in(&account.login().username, account.password()).await.unwrap()
}

/// One look of an application: `MultiUser`, SYSCURRENT logs in; `SingleUser`, SYSCURRENT or SYSPENDING does. A look
/// during which the labels have moved says nothing.
async fn look(database: &Database, mode: RotationMode, secret: &MemorySecret, cell: &str) {
    let labels = || [stage::PENDING, stage::CURRENT].map(|stage| secret.marked(stage));
    let before = labels();
    let mut somebody = logs_in(database, &secret.account(stage::CURRENT).unwrap()).await;
    let pending = secret.account(stage::PENDING).filter(|_| mode == RotationMode::SingleUser && !somebody);
    if let Some(pending) = pending {
        somebody = logs_in(database, &pending).await;
    }
    assert!(somebody || labels() != before, "{cell}: nobody logs in");
}

/// One cell: the first attempt meets the fault, later ones finish. Returns the outcome in a few words.
async fn cell(database: &Database, mode: RotationMode, place: &str, fault: Fault, name: &str) -> String {
    let context = format!("{} {mode:?}, {place}, {fault}", database.engine());
    let passage = Rc::new(Passage::to(database.port()).await);
    let through = |user: &str, password: &str| {
        let mut value = database.value(user, password);
        value["port"] = passage.port().into();
        value
    };
    let secret = MemorySecret::default();
    let other = format!("{name}_b");
    let (former, former_password) =
        if mode == RotationMode::MultiUser { (other.as_str(), SECOND) } else { (name, FIRST) };
    secret.add(&through(former, former_password), stage::PREVIOUS);
    secret.add(&through(name, FIRST), stage::CURRENT);
    database.create_login(name, FIRST).await.unwrap();
    if mode == RotationMode::MultiUser {
        database.create_login(&other, SECOND).await.unwrap();
    }

    let script = Script {
        place: place.to_owned(),
        fault,
        taken: RefCell::default(),
        there: Cell::new(false),
        reached: Notify::new(),
        released: Notify::new(),
        passage: Rc::clone(&passage),
    };
    let first = Troubled { script: &script, secret: &secret };
    let over = Cell::new(false);
    let story = async {
        let told = match fault {
            Fault::KilledWithin => tokio::select! {
                ended = troubled(mode, &first) => panic!("{context}: ended with {ended:?}"),
                () = script.reached.notified() => "killed".to_owned(),
            },
            Fault::Race => {
                let overtaken = troubled(mode, &first);
                let overtaker = async {
                    script.reached.notified().await;
                    let done = attempt(mode, &secret).await;
                    script.released.notify_one();
                    done
                };
                let (overtaken, overtaker) = tokio::join!(overtaken, overtaker);
                overtaker.unwrap_or_else(|failure| panic!("{context}: {failure:?}"));
                told(overtaken)
            }
            Fault::KilledBefore | Fault::KilledAfter => {
                troubled(mode, &first).await.unwrap_err();
                "killed".to_owned()
            }
            Fault::Twice | Fault::Down | Fault::Slow => told(troubled(mode, &first).await),
        };
        look(database, mode, &secret, &context).await;
        passage.set(State::Open);
        let is_over = secret.marked(stage::CURRENT) != VersionId::from_number(2)
            && secret.marked(stage::PENDING).is_none_or(|pending| Some(pending) != secret.marked(stage::CURRENT));
        let told = if is_over {
            told
        } else {
            attempt(mode, &secret).await.unwrap_or_else(|failure| panic!("{context}: {failure:?}"));
            format!("{told}; the next finishes")
        };
        over.set(true);
        told
    };
    let application = async {
        while !over.get() {
            look(database, mode, &secret, &context).await;
            tokio::time::sleep(PAUSE).await;
        }
    };
    let (outcome, ()) = tokio::join!(story, application);
    assert!(logs_in(database, &secret.account(stage::CURRENT).unwrap()).await, "{context}: SYSCURRENT does not log in");
    assert_ne!(secret.marked(stage::CURRENT), VersionId::from_number(2), "{context}: nothing was rotated");
    outcome
}

fn told(ended: Result<VersionId, Failure>) -> String {
    match ended {
        Ok(_) => "done".to_owned(),
        Err(failure) => failure.code.as_str().trim_start_matches("ROTATION_").to_lowercase().replace('_', " "),
    }
}

/// Writes the steps down.
#[derive(Default)]
struct Steps(Vec<String>, BTreeMap<&'static str, u32>);

impl Observer for Steps {
    fn observe(&mut self, step: &'static str, moment: Moment<'_>) -> ControlFlow<()> {
        if moment == Moment::Before {
            let times = self.1.entry(step).and_modify(|times| *times += 1).or_insert(1);
            self.0.push(format!("{step}#{times}"));
        }
        ControlFlow::Continue(())
    }
}

/// The steps of a rotation that goes well, from a real one, so that a new step is in the matrix the day it is made.
async fn steps(database: &Database, mode: RotationMode) -> Vec<String> {
    let secret = MemorySecret::default();
    let name = format!("well_{}", mode.as_str().to_lowercase());
    for (user, password, stage) in
        [(format!("{name}_b"), SECOND, stage::PREVIOUS), (name.clone(), FIRST, stage::CURRENT)]
    {
        database.create_login(&user, password).await.unwrap();
        secret.add(&database.value(&user, password), stage);
    }
    let mut steps = Steps::default();
    let deadline = Instant::now() + ATTEMPT;
    rotate(&event(mode), &secret, &SqlDatabases::new(GENEROUS), &mut SysRng, deadline, &mut steps).await.unwrap();
    steps.0
}

/// Nothing happens between two steps: a function killed after the one is killed before the other.
fn is_the_next_steps(fault: Fault, number: usize, steps: &[String]) -> bool {
    fault == Fault::KilledAfter && number + 1 < steps.len()
}

type Table = BTreeMap<(usize, Fault), String>;

async fn table(database: &Rc<Database>, mode: RotationMode) -> (Vec<String>, Table) {
    let steps = steps(database, mode).await;
    let turns = Rc::new(Semaphore::new(AT_ONCE));
    let mut cells = Vec::new();
    for (number, place) in steps.iter().enumerate() {
        for fault in FAULTS.into_iter().filter(|fault| !is_the_next_steps(*fault, number, &steps)) {
            let (database, turns, place) = (Rc::clone(database), Rc::clone(&turns), place.clone());
            let name = format!("{}_{number}_{}", mode.as_str().to_lowercase(), fault as u8);
            let cell = async move {
                let _turn = turns.acquire().await.unwrap();
                ((number, fault), cell(&database, mode, &place, fault, &name).await)
            };
            cells.push(tokio::task::spawn_local(cell));
        }
    }
    let mut table = Table::new();
    for cell in cells {
        let (place, outcome) = cell.await.unwrap();
        table.insert(place, outcome);
    }
    for number in (0..steps.len()).filter(|number| is_the_next_steps(Fault::KilledAfter, *number, &steps)) {
        let outcome = table[&(number + 1, Fault::KilledBefore)].clone();
        table.insert((number, Fault::KilledAfter), outcome);
    }
    (steps, table)
}

fn print(mode: RotationMode, steps: &[String], table: &Table) -> String {
    let heads = ["step".to_owned()].into_iter().chain(FAULTS.iter().map(ToString::to_string)).collect::<Vec<_>>();
    let row = |(number, step): (usize, &String)| {
        let cells = FAULTS.iter().map(|fault| table[&(number, *fault)].clone());
        [tables::step_name(step)].into_iter().chain(cells).collect::<Vec<_>>()
    };
    let rows: Vec<_> = steps.iter().enumerate().map(row).collect();
    format!("\n### {}\n\n{}", mode.as_str(), tables::print(&heads, &rows))
}

async fn nobody_is_locked_out_whatever_happens_at_any_step(engine: Engine) {
    let database = Rc::new(Database::start(engine).await.unwrap());
    let mut text = String::new();
    for mode in MODES {
        let (steps, table) = table(&database, mode).await;
        text += &print(mode, &steps, &table);
    }
    // The tables of an engine are a part of their own, so that the tests of two engines do not disturb each other.
    tables::check(engine.as_str(), &format!("{text}\n"));
}

#[tokio::test]
async fn nobody_is_locked_out_of_postgresql_whatever_happens_at_any_step() {
    LocalSet::new().run_until(nobody_is_locked_out_whatever_happens_at_any_step(Engine::PostgreSql)).await;
}

#[tokio::test]
async fn nobody_is_locked_out_of_mysql_whatever_happens_at_any_step() {
    LocalSet::new().run_until(nobody_is_locked_out_whatever_happens_at_any_step(Engine::MySql)).await;
}

#[tokio::test]
async fn nobody_is_locked_out_of_mariadb_whatever_happens_at_any_step() {
    LocalSet::new().run_until(nobody_is_locked_out_whatever_happens_at_any_step(Engine::MariaDb)).await;
}
