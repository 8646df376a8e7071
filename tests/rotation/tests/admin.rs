//! Accounts that cannot help themselves are given a password by the administrator that the configuration names, and by
//! nobody else. The secret lives in memory; all logins are real.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use core::{cell::Cell, time::Duration};

use csms_core::{
    RotationConfig, RotationMode, SecretName, VersionId,
    rotation::{
        Account, DryRunReport, Engine, FailureCode, Inspection, Probe, RotationEvent,
        plan::{Cause, Change},
    },
    stage,
};
use csms_rotate::{
    Answer, By, Databases, Failure, Forecast, Inspect, NewPassword, SqlDatabases, Stored, Unobserved, dry_run, rotate,
};
use csms_rotation_tests::{Cut, Database, MemorySecret, database::account, on};
use csms_testbed::{Postgres, postgres, roots};
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
    attempt_with(&SqlDatabases::default(), secret).await
}

async fn attempt_with(databases: &impl Databases, secret: &MemorySecret) -> Result<VersionId, Failure> {
    let deadline = Instant::now() + Duration::from_secs(60);
    rotate(&event(), secret, databases, &mut SysRng, deadline, &mut Unobserved).await
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

async fn an_administrator_that_is_down_holds_up_no_account_that_helps_itself(engine: Engine) {
    let (database, secret) = scene(engine).await;
    let down = || Unheard::new(true, 0);
    secret.add(&database.value("app", FIRST), stage::CURRENT);
    attempt_with(&down(), &secret).await.unwrap_or_else(|failure| panic!("{}", failure.message));
    assert!(logs_in(&database, &secret, stage::CURRENT).await);

    // An attempt that was interrupted may have left the version, and its password may be set.
    let left = secret.add(&database.value("app", "Left-behind-4"), stage::PENDING);
    let failure = attempt_with(&down(), &secret).await.unwrap_err();
    assert!(failure.message.english().contains("the administrator could not read"), "{}", failure.message);
    let new = RotationEvent { version_id: Some(left), pending_is_new: true, ..event() };
    let deadline = Instant::now() + Duration::from_secs(60);
    let rotated = rotate(&new, &secret, &down(), &mut SysRng, deadline, &mut Unobserved).await;
    assert_eq!(rotated.unwrap_or_else(|failure| panic!("{}", failure.message)), left);
    assert!(logs_in(&database, &secret, stage::CURRENT).await);
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

/// Whoever may write the account's value chooses where it is rotated, and would be sent the administrator's password there.
async fn an_administrator_connects_to_no_address_that_its_value_does_not_name(engine: Engine) {
    let (database, _) = scene(engine).await;
    let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let mut value = database.value("app", FIRST);
    value["rotation_port"] = elsewhere.local_addr().unwrap().port().into();
    let (account, admin) = (account(&value), database.account("keeper", KEEPER));
    let deadline = Instant::now() + Duration::from_secs(60);
    let databases = SqlDatabases::default();
    let inspect = Inspect { admin: &admin, account: &account, stored: Stored::default(), host: None };
    let by = By::Admin { login: &admin, in_use: None };
    let new = NewPassword { by, account: &account, keep_old: true, host: None, seen: None };
    let answers = [
        databases.inspect(inspect, deadline).await.detail_text(),
        databases.set_password(new, deadline).await.detail_text(),
        databases.forecast(new, deadline).await.missing.iter().map(ToString::to_string).collect(),
    ];
    for answer in answers {
        assert_eq!(answer, "the administrator's value does not name the address at which the account is rotated");
    }
    let connected = elsewhere.accept().map(drop).map_err(|error| error.kind());
    assert_eq!(connected, Err(std::io::ErrorKind::WouldBlock), "nobody has connected");
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

/// Databases whose answer to a change, which they have made or not, is lost, and which the administrator does not reach after
/// so many looks.
struct Unheard {
    databases: SqlDatabases,
    is_made: bool,
    looks: Cell<u32>,
}

impl Unheard {
    fn new(is_made: bool, looks: u32) -> Self {
        Self { databases: SqlDatabases::default(), is_made, looks: Cell::new(looks) }
    }
}

impl Databases for Unheard {
    async fn probe(&self, account: &Account, deadline: Instant) -> Answer<Probe> {
        self.databases.probe(account, deadline).await
    }

    async fn set_password(&self, new: NewPassword<'_>, deadline: Instant) -> Answer<Change> {
        if self.is_made {
            assert_eq!(self.databases.set_password(new, deadline).await.finding, Change::Done);
        }
        Answer::plain(Change::Unknown(Cause::Unreachable))
    }

    async fn inspect(&self, inspect: Inspect<'_>, deadline: Instant) -> Answer<Inspection> {
        let Some(left) = self.looks.get().checked_sub(1) else {
            return Answer::plain(Inspection::Failed(Cause::Unreachable));
        };
        self.looks.set(left);
        self.databases.inspect(inspect, deadline).await
    }

    async fn forecast(&self, new: NewPassword<'_>, deadline: Instant) -> Forecast {
        self.databases.forecast(new, deadline).await
    }
}

async fn lost_answers_lock_no_account_that_one_refused_login_would_lock(database: &Database) {
    database.create_login("keeper", KEEPER).await.unwrap();
    grant(database).await;
    match database.engine() {
        Engine::MySql => {}
        Engine::MariaDb => database.execute("SET GLOBAL max_password_errors = 1").await.unwrap(),
        Engine::PostgreSql => {
            for setting in ["encrypted_password_allowed = on", "max_auth_failure = 1"] {
                database.execute(&format!("ALTER SYSTEM SET credcheck.{setting}")).await.unwrap();
            }
            database.execute("SELECT pg_reload_conf()").await.unwrap();
        }
    }
    for (is_made, stored) in [(true, FIRST), (false, FIRST), (true, WRONG), (false, WRONG)] {
        let name = format!("told{is_made}{}", stored == WRONG);
        let secret = locked_by_one_refusal(database, &name, stored).await;
        let told = attempt_with(&Unheard::new(is_made, u32::MAX), &secret).await;
        assert_eq!(told.is_ok(), is_made, "the administrator sees whether it was made: {told:?}");
        let is_first = database.can_log_in(&name, FIRST);
        assert!(if is_made { logs_in(database, &secret, stage::CURRENT).await } else { is_first.await.unwrap() });
    }
    for stored in [FIRST, WRONG] {
        let secret = locked_by_one_refusal(database, &format!("unseen{}", stored == WRONG), stored).await;
        let seen_once = Unheard::new(true, 1);
        for _ in 0..3 {
            let failure = attempt_with(&seen_once, &secret).await.unwrap_err();
            assert!(failure.message.english().contains("the administrator could not read"), "{}", failure.message);
            assert!(logs_in(database, &secret, stage::PENDING).await);
        }
        attempt(&secret).await.unwrap_or_else(|failure| panic!("{}", failure.message));
        assert!(logs_in(database, &secret, stage::CURRENT).await);
    }
}

/// An account that its server locks after one refused login, and its secret.
async fn locked_by_one_refusal(database: &Database, name: &str, stored: &str) -> MemorySecret {
    database.create_login(name, FIRST).await.unwrap();
    if database.engine() == Engine::MySql {
        let limit = "FAILED_LOGIN_ATTEMPTS 1 PASSWORD_LOCK_TIME UNBOUNDED";
        database.execute(&format!("ALTER USER {name}@'%' {limit}")).await.unwrap();
    }
    let secret = MemorySecret::default();
    secret.add(&database.value(name, stored), stage::CURRENT);
    secret.add_admin("keeper", &database.value("keeper", KEEPER));
    secret
}

/// Whether the account has the password of the version that a stage marks.
async fn logs_in(database: &Database, secret: &MemorySecret, stage: &str) -> bool {
    let account = secret.account(stage).unwrap();
    database.can_log_in(&account.login().username, account.password()).await.unwrap()
}

on!(PostgreSql, postgresql:
    an_administrator_killed_before_an_answer_takes_nothing_from_applications,
    the_administrator_sets_the_password_of_an_account_that_cannot_log_in,
    an_administrator_that_is_down_holds_up_no_account_that_helps_itself,
    an_administrator_without_the_right_changes_nothing_and_is_told,
    an_account_that_logs_in_changes_its_own_password,
    an_administrator_of_another_server_is_not_asked,
    an_administrator_connects_to_no_address_that_its_value_does_not_name,
);

on!(MySql, mysql:
    an_administrator_killed_before_an_answer_takes_nothing_from_applications,
    the_administrator_sets_the_password_of_an_account_that_cannot_log_in,
    an_administrator_that_is_down_holds_up_no_account_that_helps_itself,
);

on!(MariaDb, mariadb:
    an_administrator_killed_before_an_answer_takes_nothing_from_applications,
    the_administrator_sets_the_password_of_an_account_that_cannot_log_in,
    an_administrator_that_is_down_holds_up_no_account_that_helps_itself,
    an_administrator_without_the_right_changes_nothing_and_is_told,
    an_account_that_logs_in_changes_its_own_password,
    an_administrator_of_another_server_is_not_asked,
    an_administrator_connects_to_no_address_that_its_value_does_not_name,
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

#[tokio::test]
async fn lost_answers_lock_no_account_of_mysql() {
    let database = Database::start(Engine::MySql).await.unwrap();
    lost_answers_lock_no_account_that_one_refused_login_would_lock(&database).await;
}

#[tokio::test]
async fn lost_answers_lock_no_account_of_mariadb() {
    let database = Database::start(Engine::MariaDb).await.unwrap();
    lost_answers_lock_no_account_that_one_refused_login_would_lock(&database).await;
}

#[tokio::test]
async fn lost_answers_lock_no_role_of_postgresql_with_credcheck() {
    let settings = vec!["shared_preload_libraries=credcheck".into()];
    let setup = postgres::Setup { release: postgres::Release::Newer, settings, ..postgres::Setup::default() };
    let Some(server) = roots::if_provided(Postgres::start_with(setup).await).unwrap() else { return };
    server.execute("CREATE EXTENSION credcheck").await.unwrap();
    lost_answers_lock_no_account_that_one_refused_login_would_lock(&Database::PostgreSql(server)).await;
}
