//! The function is killed at every step of a rotation, before and after it: the next attempt finishes, and nobody is
//! locked out in between or afterwards. Through a real server process, with real accounts.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use core::time::Duration;
use std::{collections::BTreeMap, sync::Arc};

use csms_core::{
    RotationMode, SecretName, VersionId,
    rotation::{Account, Engine},
    stage,
};
use csms_rotation_tests::{Database, FaultyFunctions, Service};
use csms_testbed::server::Options;
use serde_json::Value;
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_rotate-database-with-faults");
const FIRST: &str = "First-password-1";
const SECOND: &str = "Second-password-2";

/// Rotations at the same time. More would only wait for the processor.
const AT_ONCE: usize = 12;

const TASK_WITHIN: Duration = Duration::from_secs(120);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

const MODES: [RotationMode; 2] = [RotationMode::SingleUser, RotationMode::MultiUser];

/// What the rotations of one test share.
struct Setting {
    database: Database,
    service: Service,
}

impl Setting {
    async fn logs_in(&self, account: &Account) -> bool {
        self.database.can_log_in(&account.login().username, account.password()).await.unwrap()
    }

    /// Creates a secret and its accounts, and returns its name.
    async fn create(&self, name: &str, mode: RotationMode, function: &str) -> SecretName {
        self.database.create_login(name, FIRST).await.unwrap();
        let secret = self.service.create(name, mode, function, &self.database.value(name, FIRST)).await;
        if mode == RotationMode::MultiUser {
            let other = format!("{name}_b");
            self.database.create_login(&other, SECOND).await.unwrap();
            self.service.add_version(&secret, stage::PREVIOUS, &self.database.value(&other, SECOND)).await;
        }
        secret
    }

    /// `MultiUser`: SYSCURRENT logs in. `SingleUser`: SYSCURRENT or SYSPENDING does; in this order, since the database
    /// changes from the one to the other between two looks.
    async fn assert_nobody_is_locked_out(&self, mode: RotationMode, name: &SecretName, fault: &str) {
        let pending = match mode {
            RotationMode::SingleUser => self.service.account(name, stage::PENDING).await,
            RotationMode::MultiUser => None,
        };
        let current = self.service.current(name).await;
        let mut somebody = self.logs_in(&current).await;
        if let Some(pending) = pending.filter(|_| !somebody) {
            somebody = self.logs_in(&pending).await;
        }
        assert!(somebody, "{mode:?}, killed at {fault}: nobody logs in");
    }

    /// Rotates a secret whose function is killed in its first attempt.
    async fn survives(&self, account: &str, mode: RotationMode, fault: &str, function: &str) {
        let name = self.create(account, mode, function).await;
        let begun = self.service.begin(&name).await;
        let deadline = Instant::now() + TASK_WITHIN;
        let task = loop {
            self.assert_nobody_is_locked_out(mode, &name, fault).await;
            let task = self.service.task(&begun.rotation_task_id).await;
            if task.task_status != "RUNNING" {
                break task;
            }
            assert!(Instant::now() < deadline, "still running: {task:?}");
            tokio::time::sleep(POLL_INTERVAL).await;
        };
        let context = format!("{mode:?}, killed at {fault}");
        self.service.assert_rotated(&(begun, task), 2, VersionId::FIRST, &context).await;
        let current = self.service.current(&name).await;
        assert!(self.logs_in(&current).await, "{context}: SYSCURRENT does not log in");
        if mode == RotationMode::SingleUser {
            assert!(!self.database.can_log_in(account, FIRST).await.unwrap(), "{context}: the old password logs in");
        }
    }
}

/// The steps of a rotation that goes well, as its function logs them, the second probe as `probe-pending#2`.
async fn steps_of_a_rotation(database: Database, mode: RotationMode) -> (Vec<String>, Database) {
    let mut functions = FaultyFunctions::of(PROGRAM);
    let function = functions.add(None);
    let options = functions.register(Options::default());
    let options = options.argument("--log-format").argument("json").argument("--log").argument("csms_server=debug");
    let setting = Setting { database, service: Service::start_with(options).await };
    let name = setting.create(&format!("well_{}", mode.as_str().to_lowercase()), mode, &function).await;
    let rotation = setting.service.rotate(&name).await;
    setting.service.assert_rotated(&rotation, 1, VersionId::FIRST, "no fault").await;

    let records = setting.service.server.log();
    let records = records.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let log: String = records.filter_map(|record| Some(record.get("log")?.as_str()?.to_owned())).collect();
    let mut taken = BTreeMap::new();
    let mut steps = Vec::new();
    for step in log.lines().filter_map(step_in) {
        let times = taken.entry(step).and_modify(|times| *times += 1).or_insert(1);
        steps.push(format!("{step}#{times}"));
    }
    (steps, setting.database)
}

/// The step that a line of the function's log reports: `… set-password: Done`.
fn step_in(line: &str) -> Option<&str> {
    let (before, _) = line.split_once(": ")?;
    let step = before.rsplit(' ').next()?;
    let is_step = step.contains('-') && step.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    is_step.then_some(step)
}

async fn a_function_killed_at_any_step_is_followed_by_one_that_finishes(engine: Engine) {
    let mut database = Database::start(engine).await.unwrap();
    let mut functions = FaultyFunctions::of(PROGRAM);
    let mut cases = Vec::new();
    for mode in MODES {
        let steps;
        (steps, database) = steps_of_a_rotation(database, mode).await;
        for written in ["set-password#1", "move-stages#1"] {
            assert!(steps.iter().any(|step| step == written), "{mode:?}: {steps:?}");
        }
        for fault in steps.iter().flat_map(|step| [format!("{step}:before"), format!("{step}:after")]) {
            let function = functions.add(Some(&fault));
            cases.push((mode, fault, function));
        }
    }
    let service = Service::start_with(functions.register(Options::default())).await;
    let setting = Arc::new(Setting { database, service });
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut rotations = JoinSet::new();
    for (number, (mode, fault, function)) in cases.into_iter().enumerate() {
        let (setting, turns) = (Arc::clone(&setting), Arc::clone(&turns));
        rotations.spawn(async move {
            let _turn = turns.acquire().await.unwrap();
            setting.survives(&format!("account_{number}"), mode, &fault, &function).await;
        });
    }
    while let Some(ended) = rotations.join_next().await {
        ended.unwrap();
    }
}

#[tokio::test]
async fn a_function_killed_at_any_step_on_postgresql_is_followed_by_one_that_finishes() {
    a_function_killed_at_any_step_is_followed_by_one_that_finishes(Engine::PostgreSql).await;
}

#[tokio::test]
async fn a_function_killed_at_any_step_on_mariadb_is_followed_by_one_that_finishes() {
    a_function_killed_at_any_step_is_followed_by_one_that_finishes(Engine::MariaDb).await;
}
