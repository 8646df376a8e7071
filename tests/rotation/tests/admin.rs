//! Accounts that cannot help themselves are given a password by the administrator that the configuration names, and by
//! nobody else. The secret lives in memory; all logins are real.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use core::time::Duration;

use csms_core::{
    RotationConfig, RotationMode, SecretName, VersionId,
    rotation::{DryRunReport, Engine, FailureCode, RotationEvent},
    stage,
};
use csms_rotate::{Failure, SqlDatabases, Unobserved, dry_run, rotate};
use csms_rotation_tests::{Database, MemorySecret};
use getrandom::SysRng;
use tokio::time::Instant;

const FIRST: &str = "First-password-1";
const KEEPER: &str = "Keeper-password-3";

fn event() -> RotationEvent {
    let config = r#"{"InstanceId":"local","SecretSubType":"SingleUser","AdminSecret":"keeper"}"#;
    let event = RotationEvent::new(SecretName::parse("db").unwrap(), RotationMode::SingleUser);
    RotationEvent { rotation_config: RotationConfig::parse(config).ok(), ..event }
}

async fn attempt(secret: &MemorySecret) -> Result<VersionId, Failure> {
    let deadline = Instant::now() + Duration::from_secs(60);
    rotate(&event(), secret, &SqlDatabases::default(), &mut SysRng, deadline, &mut Unobserved).await
}

async fn look(secret: &MemorySecret) -> DryRunReport {
    let deadline = Instant::now() + Duration::from_secs(60);
    dry_run(&event(), secret, &SqlDatabases::default(), &mut SysRng, deadline).await
}

/// The least that an administrator needs, as the function's documentation says.
const fn privileges(engine: Engine) -> &'static str {
    match engine {
        Engine::PostgreSql => "ALTER ROLE keeper CREATEROLE",
        Engine::MySql | Engine::MariaDb => {
            "GRANT CREATE USER ON *.* TO keeper@'%'; GRANT SELECT ON mysql.* TO keeper@'%'"
        }
    }
}

/// An account whose secret has a wrong password, and an administrator without special rights.
async fn scene(engine: Engine) -> (Database, MemorySecret) {
    let database = Database::start(engine).await.unwrap();
    database.create_login("app", FIRST).await.unwrap();
    database.create_login("keeper", KEEPER).await.unwrap();
    let secret = MemorySecret::default();
    secret.add(&database.value("app", "Not-the-password-9"), stage::CURRENT);
    secret.add_admin("keeper", &database.value("keeper", KEEPER));
    (database, secret)
}

async fn grant(database: &Database) {
    for statement in privileges(database.engine()).split("; ") {
        database.execute(statement).await.unwrap();
    }
}

async fn the_administrator_sets_the_password_of_an_account_that_cannot_log_in(engine: Engine) {
    let (database, secret) = scene(engine).await;
    grant(&database).await;
    let foretold = look(&secret).await;
    assert!(foretold.would_succeed, "{foretold:?}");
    assert!(foretold.steps.iter().any(|step| step.outcome == "the administrator would change the password"));
    assert!(database.can_log_in("app", FIRST).await.unwrap(), "the dry run changed nothing");

    attempt(&secret).await.unwrap();
    let current = secret.account(stage::CURRENT).unwrap();
    assert!(database.can_log_in("app", current.password()).await.unwrap());
    assert!(!database.can_log_in("app", FIRST).await.unwrap());
    assert!(database.can_log_in("keeper", KEEPER).await.unwrap(), "the administrator is as it was");
}

async fn an_administrator_without_the_right_changes_nothing_and_is_told(engine: Engine) {
    let (database, secret) = scene(engine).await;
    let foretold = look(&secret).await;
    assert!(!foretold.would_succeed && !foretold.missing.is_empty(), "{foretold:?}");
    let failure = attempt(&secret).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::NeedsOperator, "{}", failure.message);
    assert!(failure.message.starts_with("the database does not allow the change"), "{}", failure.message);
    assert!(database.can_log_in("app", FIRST).await.unwrap());
}

async fn an_account_that_logs_in_changes_its_own_password(engine: Engine) {
    let (database, secret) = scene(engine).await;
    secret.add(&database.value("app", FIRST), stage::CURRENT);
    // The administrator has no rights, so only the account itself can have done it.
    attempt(&secret).await.unwrap();
    let current = secret.account(stage::CURRENT).unwrap();
    assert!(database.can_log_in("app", current.password()).await.unwrap());
}

async fn an_administrator_of_another_server_is_not_asked(engine: Engine) {
    let (database, secret) = scene(engine).await;
    grant(&database).await;
    let mut elsewhere = database.value("keeper", KEEPER);
    elsewhere["host"] = "localhost".into();
    secret.add_admin("keeper", &elsewhere);
    let failure = attempt(&secret).await.unwrap_err();
    assert!(failure.message.contains("another database server"), "{}", failure.message);
    assert!(database.can_log_in("app", FIRST).await.unwrap());
}

/// Runs every test above on an engine.
macro_rules! on {
    ($engine:ident, $module:ident: $($test:ident),+ $(,)?) => {
        mod $module {
            use super::*;
            $(
                #[tokio::test]
                async fn $test() {
                    super::$test(Engine::$engine).await;
                }
            )+
        }
    };
}

on!(PostgreSql, postgresql:
    the_administrator_sets_the_password_of_an_account_that_cannot_log_in,
    an_administrator_without_the_right_changes_nothing_and_is_told,
    an_account_that_logs_in_changes_its_own_password,
    an_administrator_of_another_server_is_not_asked,
);

on!(MariaDb, mariadb:
    the_administrator_sets_the_password_of_an_account_that_cannot_log_in,
    an_administrator_without_the_right_changes_nothing_and_is_told,
    an_account_that_logs_in_changes_its_own_password,
    an_administrator_of_another_server_is_not_asked,
);

#[tokio::test]
async fn of_several_mariadb_accounts_of_one_name_none_is_changed() {
    let (database, secret) = scene(Engine::MariaDb).await;
    grant(&database).await;
    database.execute("CREATE USER app@'10.0.0.%' IDENTIFIED BY 'another'").await.unwrap();
    let failure = attempt(&secret).await.unwrap_err();
    assert!(failure.message.contains("several accounts of this name"), "{}", failure.message);
    assert!(database.can_log_in("app", FIRST).await.unwrap());
}
