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
use csms_rotation_tests::{Cut, Database, MemorySecret};
use getrandom::SysRng;
use tokio::time::Instant;

const FIRST: &str = "First-password-1";
const KEEPER: &str = "Keeper-password-3";
/// What the secret says when it is wrong.
const WRONG: &str = "Not-the-password-9";

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
        // Only superusers may read whether a password is wrong.
        Engine::PostgreSql => "ALTER ROLE keeper SUPERUSER",
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
    secret.add(&database.value("app", WRONG), stage::CURRENT);
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
    assert!(
        foretold
            .steps
            .iter()
            .any(|step| step.outcome.starts_with("the administrator would change the password of app"))
    );
    assert!(database.can_log_in("app", FIRST).await.unwrap(), "the dry run changed nothing");

    attempt(&secret).await.unwrap();
    let current = secret.account(stage::CURRENT).unwrap();
    assert!(database.can_log_in("app", current.password()).await.unwrap());
    // MySQL keeps the password that applications may have been given by hand.
    assert_eq!(database.can_log_in("app", FIRST).await.unwrap(), engine == Engine::MySql);
    assert!(database.can_log_in("keeper", KEEPER).await.unwrap(), "the administrator is as it was");
}

async fn an_administrator_without_the_right_changes_nothing_and_is_told(engine: Engine) {
    let (database, secret) = scene(engine).await;
    let foretold = look(&secret).await;
    assert!(!foretold.would_succeed, "{foretold:?}");
    let failure = attempt(&secret).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::NeedsOperator, "{}", failure.message);
    assert!(failure.message.english().contains("may not read the account's password hash"), "{}", failure.message);
    assert_eq!(foretold.error_msg, Some(failure.message.english()));
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
    assert!(failure.message.english().contains("another database server"), "{}", failure.message);
    assert!(database.can_log_in("app", FIRST).await.unwrap());
}

/// An account whose secret has a wrong password, and an administrator; both go through a way that keeps one answer.
async fn scene_through(database: &Database, name: &str, cut: &Cut) -> MemorySecret {
    database.create_login(name, FIRST).await.unwrap();
    let through = |user: &str, password: &str| {
        let mut value = database.value(user, password);
        value["port"] = cut.port().into();
        value
    };
    let secret = MemorySecret::default();
    secret.add(&through(name, WRONG), stage::CURRENT);
    secret.add_admin("keeper", &through("keeper", KEEPER));
    secret
}

async fn an_administrator_killed_before_an_answer_takes_nothing_from_applications(engine: Engine) {
    let database = Database::start(engine).await.unwrap();
    database.create_login("keeper", KEEPER).await.unwrap();
    grant(&database).await;
    let uncut = Cut::at(database.port(), usize::MAX).await;
    attempt(&scene_through(&database, "uncut", &uncut).await).await.unwrap();
    let all = uncut.packets();
    // The change is in the last part; looks before it change nothing. On PostgreSQL two logins may follow it.
    let part = if engine == Engine::PostgreSql { all / 2 } else { all / 3 };
    let first = if std::env::var_os("CSMS_TEST_LONG").is_some() { 1 } else { all - part };
    for number in first..=all {
        let name = format!("app{number}");
        let cut = Cut::at(database.port(), number).await;
        let secret = scene_through(&database, &name, &cut).await;
        tokio::select! {
            biased;
            () = cut.reached() => {}
            // Nobody waits for an answer to a farewell.
            done = attempt(&secret) => drop(done.unwrap()),
        }
        // An attempt that was killed after its end is over: another one would be the next rotation, which leaves alone what the
        // administrator's has kept for applications.
        if secret.account(stage::CURRENT).unwrap().password() == WRONG {
            attempt(&secret).await.unwrap_or_else(|failure| panic!("{name}: {failure:?}"));
        }
        // What applications were given by hand goes on where the server can keep it.
        let kept = database.can_log_in(&name, FIRST).await.unwrap();
        assert!(kept || engine != Engine::MySql, "{name}: the password in use is lost");
        let current = secret.account(stage::CURRENT).unwrap();
        assert!(database.can_log_in(&name, current.password()).await.unwrap(), "{name}");
    }
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
    an_administrator_killed_before_an_answer_takes_nothing_from_applications,
    the_administrator_sets_the_password_of_an_account_that_cannot_log_in,
    an_administrator_without_the_right_changes_nothing_and_is_told,
    an_account_that_logs_in_changes_its_own_password,
    an_administrator_of_another_server_is_not_asked,
);

on!(MySql, mysql:
    an_administrator_killed_before_an_answer_takes_nothing_from_applications,
    the_administrator_sets_the_password_of_an_account_that_cannot_log_in,
);

on!(MariaDb, mariadb:
    an_administrator_killed_before_an_answer_takes_nothing_from_applications,
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
    assert!(failure.message.english().contains("several accounts of this name"), "{}", failure.message);
    assert!(failure.message.english().contains("%, 10.0.0.%"), "{}", failure.message);
    assert!(database.can_log_in("app", FIRST).await.unwrap());
}
