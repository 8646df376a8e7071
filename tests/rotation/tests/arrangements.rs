//! Servers and secrets that need an arrangement of their own: refusals that take seconds, poolers, two accounts that take
//! turns, accounts that lock. The secret lives in memory; the adapters, the servers and all logins are the real ones.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use core::time::Duration;

use csms_core::{
    RotationConfig, RotationMode, SecretName, VersionId,
    rotation::{DryRunReport, Engine, FailureCode, RotationEvent},
    stage,
};
use csms_rotate::{Failure, SqlDatabases, Unobserved, dry_run, rotate};
use csms_rotation_tests::{Database, MemorySecret};
use csms_testbed::{
    MySqlServer, PgBouncer, Postgres, TlsMode,
    mysql::{self, Release},
    pgbouncer, postgres, roots,
};
use getrandom::SysRng;
use serde_json::Value;
use tokio::time::Instant;

const FIRST: &str = "First-password-1";
const SECOND: &str = "Second-password-2";
const STALE: &str = "Not-the-password-9";

fn event(mode: RotationMode) -> RotationEvent {
    let event = RotationEvent::new(SecretName::parse("db").unwrap(), mode);
    let config = format!(r#"{{"InstanceId":"i","SecretSubType":"{}"}}"#, mode.as_str());
    RotationEvent { rotation_config: RotationConfig::parse(&config).ok(), ..event }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(120)
}

async fn look(mode: RotationMode, secret: &MemorySecret) -> DryRunReport {
    dry_run(&event(mode), secret, &SqlDatabases::default(), &mut SysRng, soon()).await
}

async fn attempt(mode: RotationMode, secret: &MemorySecret) -> Result<VersionId, Failure> {
    rotate(&event(mode), secret, &SqlDatabases::default(), &mut SysRng, soon(), &mut Unobserved).await
}

/// The dry run says beforehand what comes of the attempt.
async fn as_foretold(mode: RotationMode, secret: &MemorySecret) -> Result<VersionId, Failure> {
    let report = look(mode, secret).await;
    let done = attempt(mode, secret).await;
    assert_eq!(report.would_succeed, done.is_ok(), "{report:?} {done:?}");
    done
}

async fn logs_in(database: &Database, secret: &MemorySecret, stage: &str) -> bool {
    let account = secret.account(stage).unwrap();
    database.can_log_in(&account.login().username, account.password()).await.unwrap()
}

#[tokio::test]
async fn postgresql_that_takes_eight_seconds_for_a_refusal_rotates() {
    let settings = ["shared_preload_libraries=auth_delay", "auth_delay.milliseconds=8000"].map(str::to_owned).into();
    let server = Postgres::start_with(postgres::Setup { settings, ..postgres::Setup::default() }).await.unwrap();
    let database = Database::PostgreSql(server);
    database.create_login("app", FIRST).await.unwrap();
    let secret = MemorySecret::default();
    secret.add(&database.value("app", FIRST), stage::CURRENT);
    as_foretold(RotationMode::SingleUser, &secret).await.unwrap();
    assert!(logs_in(&database, &secret, stage::CURRENT).await);
}

#[tokio::test]
async fn mysql_that_takes_eight_seconds_for_a_login_rotates() {
    let setup = mysql::Setup { tls: TlsMode::Offered, ..mysql::Setup::new(Release::MySql) };
    let Some(server) = roots::if_provided(MySqlServer::start_with(setup).await).unwrap() else { return };
    let database = Database::MySql(server);
    database.create_login("app", FIRST).await.unwrap();
    for statement in [
        "INSTALL COMPONENT 'file://component_connection_control'",
        "SET GLOBAL component_connection_control.failed_connections_threshold = 1, \
         GLOBAL component_connection_control.max_connection_delay = 8000, \
         GLOBAL component_connection_control.min_connection_delay = 8000",
    ] {
        database.execute(statement).await.unwrap();
    }
    // After this one, the next login of the account is slow, whether it is accepted or not.
    assert!(!database.can_log_in("app", STALE).await.unwrap());
    let secret = MemorySecret::default();
    secret.add(&database.value("app", FIRST), stage::PREVIOUS);
    secret.add(&database.value("app", STALE), stage::CURRENT);
    attempt(RotationMode::SingleUser, &secret).await.unwrap();
    assert!(logs_in(&database, &secret, stage::CURRENT).await);
}

#[tokio::test]
async fn a_newer_postgresql_says_that_it_checks_passwords_and_refuses_none() {
    let setup = postgres::Setup {
        release: postgres::Release::Newer,
        settings: vec!["log_connections=on".into()],
        ..postgres::Setup::default()
    };
    let Some(server) = roots::if_provided(Postgres::start_with(setup).await).unwrap() else { return };
    let database = Database::PostgreSql(server);
    database.create_login("app", FIRST).await.unwrap();
    let secret = MemorySecret::default();
    secret.add(&database.value("app", FIRST), stage::CURRENT);
    as_foretold(RotationMode::SingleUser, &secret).await.unwrap();
    assert!(logs_in(&database, &secret, stage::CURRENT).await);
    let refused = database.logs().unwrap().matches("password authentication failed").count();
    assert_eq!(refused, 0);
}

/// A server with its pooler, and the value that names the pooler alone.
async fn pooled(setup: &pgbouncer::Setup) -> Option<(Database, PgBouncer, Value)> {
    let newer = postgres::Setup { release: postgres::Release::Newer, ..postgres::Setup::default() };
    let server = roots::if_provided(Postgres::start_with(newer).await).unwrap()?;
    server.create_login("app", FIRST).await.unwrap();
    let pooler = roots::if_provided(PgBouncer::start(&server, setup).await).unwrap()?;
    let database = Database::PostgreSql(server);
    let mut value = database.value("app", FIRST);
    value["port"] = pooler.port().into();
    Some((database, pooler, value))
}

async fn behind_a_pooler(setup: pgbouncer::Setup) {
    let Some((database, _pooler, mut value)) = pooled(&setup).await else { return };
    let secret = MemorySecret::default();
    secret.add(&value, stage::CURRENT);
    let failure = as_foretold(RotationMode::SingleUser, &secret).await.unwrap_err();
    assert!(failure.message.contains("name the database itself in rotation_host"), "{}", failure.message);
    assert!(database.can_log_in("app", FIRST).await.unwrap(), "nothing was changed");

    value["rotation_host"] = "127.0.0.1".into();
    value["rotation_port"] = database.port().into();
    let secret = MemorySecret::default();
    secret.add(&value, stage::CURRENT);
    as_foretold(RotationMode::SingleUser, &secret).await.unwrap();
    assert!(logs_in(&database, &secret, stage::CURRENT).await);
}

#[tokio::test]
async fn behind_a_pooler_that_asks_for_md5() {
    behind_a_pooler(pgbouncer::Setup { auth_type: "md5", ..pgbouncer::Setup::default() }).await;
}

#[tokio::test]
async fn behind_a_pooler_that_asks_for_the_password_itself() {
    behind_a_pooler(pgbouncer::Setup { auth_type: "plain", ..pgbouncer::Setup::default() }).await;
}

#[tokio::test]
async fn behind_the_older_pooler() {
    behind_a_pooler(pgbouncer::Setup { root: roots::PGBOUNCER, ..pgbouncer::Setup::default() }).await;
}

#[tokio::test]
async fn a_pooler_with_a_list_of_its_own_is_passed_by() {
    let users = Some(vec![("app".to_owned(), FIRST.to_owned())]);
    behind_a_pooler(pgbouncer::Setup { pool_mode: "session", users, ..pgbouncer::Setup::default() }).await;
}

#[tokio::test]
async fn a_pooler_that_lets_everybody_in_proves_no_password() {
    let users = Some(vec![("app".to_owned(), FIRST.to_owned())]);
    let setup = pgbouncer::Setup { auth_type: "trust", users, ..pgbouncer::Setup::default() };
    let Some((database, _pooler, value)) = pooled(&setup).await else { return };
    let secret = MemorySecret::default();
    secret.add(&value, stage::CURRENT);
    // The server behind it checks passwords and says so, of the pooler's login.
    let failure = as_foretold(RotationMode::SingleUser, &secret).await.unwrap_err();
    assert!(failure.message.contains("accepts any password"), "{}", failure.message);
    assert!(database.can_log_in("app", FIRST).await.unwrap(), "nothing was changed");
}

#[tokio::test]
async fn the_settings_of_a_change_do_not_stay_with_the_pooler() {
    let Some((database, pooler, value)) = pooled(&pgbouncer::Setup::default()).await else { return };
    let login = csms_rotation_tests::database::account(&value);
    let account = login.trying(SECOND);
    let by = csms_rotate::By::Itself(&login);
    let new = csms_rotate::NewPassword { by, account: &account, keep_old: false, host: None, seen: None };
    let answer = csms_rotate::Databases::set_password(&SqlDatabases::default(), new, soon()).await;
    assert_eq!(answer.finding, csms_core::rotation::plan::Change::Done, "{answer:?}");
    // In transaction mode this client gets the session that made the change.
    let config = format!("host=127.0.0.1 port={} user=app password={SECOND} dbname=app", pooler.port());
    let (client, connection) = tokio_postgres::connect(&config, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    for setting in ["statement_timeout", "lock_timeout"] {
        let row = client.query_one(&format!("SHOW {setting}"), &[]).await.unwrap();
        assert_eq!(row.get::<_, String>(0), "0", "{setting}");
    }
    drop(client);
    assert!(database.can_log_in("app", SECOND).await.unwrap());
}

/// Two accounts that take turns: `a` in SYSCURRENT, `b` in SYSPREVIOUS.
async fn two(engine: Engine) -> (Database, MemorySecret) {
    let database = Database::start(engine).await.unwrap();
    database.create_login("a", FIRST).await.unwrap();
    database.create_login("b", SECOND).await.unwrap();
    let secret = MemorySecret::default();
    secret.add(&database.value("b", SECOND), stage::PREVIOUS);
    secret.add(&database.value("a", FIRST), stage::CURRENT);
    (database, secret)
}

async fn refused(database: &Database, secret: &MemorySecret, words: &[&str]) {
    let failure = as_foretold(RotationMode::MultiUser, secret).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::NeedsOperator, "{}", failure.message);
    for words in words {
        assert!(failure.message.contains(words), "{words}: {}", failure.message);
    }
    assert!(database.can_log_in("a", FIRST).await.unwrap(), "the account in use is as it was");
}

#[tokio::test]
async fn two_accounts_of_different_databases_or_server_names_are_refused() {
    let (database, secret) = two(Engine::PostgreSql).await;
    let mut value = database.value("b", SECOND);
    value["dbname"] = "postgres".into();
    secret.add(&value, stage::PREVIOUS);
    refused(&database, &secret, &["different databases in dbname"]).await;
    let mut value = database.value("b", SECOND);
    value["host"] = "localhost".into();
    secret.add(&value, stage::PREVIOUS);
    refused(&database, &secret, &["hosts are compared by their names"]).await;
    assert!(database.can_log_in("b", SECOND).await.unwrap());
}

#[tokio::test]
async fn an_idle_account_that_does_not_log_in_is_named_beside_the_one_in_use() {
    let (database, secret) = two(Engine::PostgreSql).await;
    database.execute("ALTER ROLE b NOLOGIN").await.unwrap();
    let names = ["account b of SYSPREVIOUS (v1)", "idle while a of SYSCURRENT is in use"];
    refused(&database, &secret, &[names[0], names[1], "the role may not log in"]).await;
    database.execute("ALTER ROLE b LOGIN").await.unwrap();
    secret.add(&database.value("b", STALE), stage::PREVIOUS);
    refused(&database, &secret, &["account b of SYSPREVIOUS", names[1], "Do not reset"]).await;
    assert!(database.can_log_in("b", SECOND).await.unwrap());
}

async fn rights_that_differ_are_said_before(engine: Engine, given: &[&str], told: &str) {
    let (database, secret) = two(engine).await;
    let before = look(RotationMode::MultiUser, &secret).await;
    assert!(before.would_succeed && before.missing.is_empty(), "{before:?}");
    for statement in given {
        database.execute(statement).await.unwrap();
    }
    let report = look(RotationMode::MultiUser, &secret).await;
    assert!(report.would_succeed, "{report:?}");
    assert!(report.missing.iter().any(|what| what.contains(told)), "{:?}", report.missing);
}

#[tokio::test]
async fn rights_that_differ_on_postgresql_are_said_before() {
    let given = ["CREATE TABLE orders (id int); GRANT SELECT ON orders TO a; CREATE ROLE readers; GRANT readers TO a"];
    let told = "b lacks what a has: member of readers, SELECT on orders";
    rights_that_differ_are_said_before(Engine::PostgreSql, &given, told).await;
}

#[tokio::test]
async fn rights_that_differ_on_mariadb_are_said_before() {
    let given = ["GRANT PROCESS ON *.* TO b@'%'"];
    rights_that_differ_are_said_before(Engine::MariaDb, &given, "a lacks what b has: PROCESS ON *.*").await;
}

#[tokio::test]
async fn a_dry_run_and_an_attempt_do_not_lock_an_account_that_allows_two_failed_logins() {
    let setup = mysql::Setup { tls: TlsMode::Offered, ..mysql::Setup::new(Release::MySql) };
    let Some(server) = roots::if_provided(MySqlServer::start_with(setup).await).unwrap() else { return };
    let database = Database::MySql(server);
    database.create_login("app", FIRST).await.unwrap();
    let limit = "ALTER USER app@'%' FAILED_LOGIN_ATTEMPTS 3 PASSWORD_LOCK_TIME UNBOUNDED";
    database.execute(limit).await.unwrap();
    let secret = MemorySecret::default();
    secret.add(&database.value("app", STALE), stage::CURRENT);
    as_foretold(RotationMode::SingleUser, &secret).await.unwrap_err();
    assert!(database.can_log_in("app", FIRST).await.unwrap(), "the application still logs in");
}

/// The variable that tells the test below that it runs where the name has two addresses.
const TWO_ADDRESSES: &str = "CSMS_TEST_TWO_ADDRESSES";

/// Names are resolved by the machine, so the test runs itself again with a list of hosts of its own.
#[test]
fn of_two_addresses_of_a_name_the_one_that_answers_counts() {
    if std::env::var_os(TWO_ADDRESSES).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(rotates_by_name());
    }
    let itself = std::env::current_exe().unwrap();
    for hosts in ["127.0.0.1 db.test\n127.0.0.9 db.test\n", "127.0.0.9 db.test\n127.0.0.1 db.test\n"] {
        let directory = tempfile::tempdir().unwrap();
        let list = directory.path().join("hosts");
        std::fs::write(&list, format!("127.0.0.1 localhost\n{hosts}")).unwrap();
        let script = r#"mount --bind "$0" /etc/hosts && exec "$@""#;
        let mut command = std::process::Command::new("unshare");
        command.args(["--mount", "sh", "-c", script]).arg(&list).arg(&itself);
        command.args(["--exact", "of_two_addresses_of_a_name_the_one_that_answers_counts", "--nocapture"]);
        let output = command.env(TWO_ADDRESSES, "1").output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        if told.contains("unshare failed") {
            eprintln!("not tested: a list of hosts of its own needs root");
            return;
        }
        assert!(output.status.success(), "{hosts}{told}{}", String::from_utf8_lossy(&output.stdout));
    }
}

async fn rotates_by_name() {
    for engine in [Engine::PostgreSql, Engine::MariaDb] {
        let database = Database::start(engine).await.unwrap();
        database.create_login("app", FIRST).await.unwrap();
        let mut value = database.value("app", FIRST);
        value["host"] = "db.test".into();
        let secret = MemorySecret::default();
        secret.add(&value, stage::CURRENT);
        as_foretold(RotationMode::SingleUser, &secret).await.unwrap();
        assert!(logs_in(&database, &secret, stage::CURRENT).await);
        value["password"] = STALE.into();
        let secret = MemorySecret::default();
        secret.add(&value, stage::CURRENT);
        let failure = as_foretold(RotationMode::SingleUser, &secret).await.unwrap_err();
        assert_eq!(failure.code, FailureCode::NeedsOperator, "{}", failure.message);
        assert!(failure.message.contains("no stored version of this account logs in"), "{}", failure.message);
    }
}
