//! Servers and secrets that need an arrangement of their own: refusals that take seconds, poolers, two accounts that take
//! turns, accounts that lock. The secret lives in memory; the adapters, the servers and all logins are the real ones.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use core::{cell::RefCell, time::Duration};

use csms_core::{
    RotationConfig, RotationMode, SecretName,
    rotation::{Account, DryRunReport, Engine, FailureCode, Inspection, Probe, RotationEvent, plan::Change},
    stage,
};
use csms_rotate::{
    Answer, By, Databases, Failure, Forecast, Inspect, Limits, NewPassword, SqlDatabases, Unobserved, dry_run, rotate,
};
use csms_rotation_tests::{Database, MemorySecret, Place, Protection, Trial, database::account, trial::Outcome};
use csms_testbed::{
    MySqlServer, PgBouncer, Postgres, TlsMode,
    mysql::{self, Release},
    pgbouncer, postgres, roots,
};
use getrandom::SysRng;
use mysql_async::prelude::Queryable;
use serde_json::Value;
use tokio::time::Instant;

const FIRST: &str = "First-password-1";
const SECOND: &str = "Second-password-2";
const STALE: &str = "Not-the-password-9";
const KEEPER: &str = "Keeper-password-3";

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

/// A secret whose SYSCURRENT version this is.
fn secret_of(value: &Value) -> MemorySecret {
    let secret = MemorySecret::default();
    secret.add(value, stage::CURRENT);
    secret
}

/// A dry run and a rotation beside an application that has the first password.
async fn attempt(database: &Database, secret: &MemorySecret, mode: RotationMode, place: Place) -> Outcome {
    attempt_of(event(mode), database, secret, place).await
}

async fn attempt_of(event: RotationEvent, database: &Database, secret: &MemorySecret, place: Place) -> Outcome {
    database.log_into_files().await.unwrap();
    let trial = Trial {
        database,
        secret,
        event,
        adapters: SqlDatabases::default(),
        place,
        password: FIRST,
        further: &[SECOND],
    };
    trial.run().await.unwrap_or_else(|what| panic!("{what}"))
}

async fn rotates(database: &Database, value: &Value, place: Place) -> Outcome {
    let outcome = attempt(database, &secret_of(value), RotationMode::SingleUser, place).await;
    outcome.done.as_ref().unwrap_or_else(|failure| panic!("{}", failure.message));
    outcome
}

async fn refused(database: &Database, value: &Value, words: &str) -> Outcome {
    let outcome = attempt(database, &secret_of(value), RotationMode::SingleUser, Place::Here).await;
    assert!(outcome.said().contains(words), "{}", outcome.said());
    assert!(outcome.changed.is_empty(), "{:?}", outcome.changed);
    outcome
}

#[tokio::test]
async fn postgresql_that_takes_eight_seconds_for_a_refusal_rotates() {
    let settings = ["shared_preload_libraries=auth_delay", "auth_delay.milliseconds=8000", "log_statement=all"];
    let settings = settings.map(str::to_owned).into();
    let server = Postgres::start_with(postgres::Setup { settings, ..postgres::Setup::default() }).await.unwrap();
    let database = Database::PostgreSql(server);
    database.create_login("app", FIRST).await.unwrap();
    rotates(&database, &database.value("app", FIRST), Place::Quiet).await;
}

#[tokio::test]
async fn a_mysql_that_counts_failed_logins_or_makes_them_wait_rotates() {
    let setup = mysql::Setup { tls: TlsMode::Offered, ..mysql::Setup::new(Release::MySql) };
    let Some(server) = roots::if_provided(MySqlServer::start_with(setup).await).unwrap() else { return };
    let database = Database::MySql(server);
    an_administrator_compares_hosts_without_a_login_as_the_account_in_use(&database).await;
    a_dry_run_and_an_attempt_do_not_lock_an_account_that_allows_two_failed_logins(&database).await;
    a_lock_after_failed_logins_ends_as_the_words_say(&database, "ACCOUNT UNLOCK").await;
    a_login_that_takes_eight_seconds_is_waited_for(&database).await;
}

/// Changes passwords, and right after that another session holds the accounts in a transaction, as an administrator's or a
/// backup's does.
struct HeldAfterwards<'a> {
    databases: SqlDatabases,
    server: &'a MySqlServer,
    holder: RefCell<Option<mysql_async::Conn>>,
}

impl HeldAfterwards<'_> {
    async fn hold(&self) {
        let mut holder = self.server.admin().await.unwrap();
        holder.query_drop("BEGIN").await.unwrap();
        holder.query_drop("UPDATE mysql.user SET max_updates = 7 WHERE User = 'held'").await.unwrap();
        self.holder.replace(Some(holder));
    }
}

impl Databases for HeldAfterwards<'_> {
    async fn probe(&self, account: &Account, deadline: Instant) -> Answer<Probe> {
        self.databases.probe(account, deadline).await
    }

    async fn prove(&self, account: &Account, deadline: Instant) -> Answer<Probe> {
        self.databases.prove(account, deadline).await
    }

    async fn set_password(&self, new: NewPassword<'_>, deadline: Instant) -> Answer<Change> {
        let answer = self.databases.set_password(new, deadline).await;
        self.hold().await;
        answer
    }

    async fn inspect(&self, inspect: Inspect<'_>, deadline: Instant) -> Answer<Inspection> {
        self.databases.inspect(inspect, deadline).await
    }

    async fn forecast(&self, new: NewPassword<'_>, deadline: Instant) -> Forecast {
        self.databases.forecast(new, deadline).await
    }
}

#[tokio::test]
async fn a_login_stays_proven_while_another_session_holds_the_accounts() {
    let setup = mysql::Setup { tls: TlsMode::Offered, ..mysql::Setup::new(Release::MySql) };
    let Some(server) = roots::if_provided(MySqlServer::start_with(setup).await).unwrap() else { return };
    let database = Database::MySql(server);
    let Database::MySql(server) = &database else { unreachable!() };
    database.create_login("held", FIRST).await.unwrap();
    let secret = secret_of(&database.value("held", FIRST));
    let databases = HeldAfterwards { databases: SqlDatabases::default(), server, holder: RefCell::new(None) };

    let begun = Instant::now();
    let event = event(RotationMode::SingleUser);
    let done = rotate(&event, &secret, &databases, &mut SysRng, soon(), &mut Unobserved).await;
    done.unwrap_or_else(|failure| panic!("{}", failure.message));
    assert!(begun.elapsed() < Duration::from_secs(5), "the proof waits for nobody: {:?}", begun.elapsed());
    assert!(databases.holder.borrow().is_some(), "the accounts are held");

    // A login that asks more, while they are held: the question ends, and the session with it.
    let current = secret.account(stage::CURRENT).unwrap();
    let answer = databases.probe(&current, soon()).await;
    assert_eq!(answer.finding, Probe::Accepted, "{answer:?}");
    let change = change_by_itself(&databases.databases, &current).await;
    assert!(matches!(change.finding, Change::NotDone(_)), "{change:?}");
    let mut admin = server.admin().await.unwrap();
    let left = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'held'";
    for _ in 0..20 {
        if admin.query_first::<u32, _>(left).await.unwrap() == Some(0) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("sessions are left");
}

async fn change_by_itself(databases: &SqlDatabases, login: &Account) -> Answer<Change> {
    let account = login.trying(SECOND);
    let by = By::Itself(login);
    let new = NewPassword { by, account: &account, keep_old: true, host: None, seen: None };
    databases.set_password(new, soon()).await
}

/// MariaDB replaces the password of the first way of logging in, whichever way the login went.
#[tokio::test]
async fn of_two_passwords_of_an_account_of_mariadb_the_first_is_replaced_only_if_it_is_stored() {
    for release in [Release::MariaDb, Release::NewerMariaDb] {
        let setup = mysql::Setup { tls: TlsMode::Offered, ..mysql::Setup::new(release) };
        let Some(server) = roots::if_provided(MySqlServer::start_with(setup).await).unwrap() else { continue };
        let database = Database::MySql(server);
        let two = format!(
            "IDENTIFIED VIA mysql_native_password USING PASSWORD('{FIRST}') \
             OR mysql_native_password USING PASSWORD('{SECOND}')"
        );
        database.execute(&format!("CREATE USER two@'%' {two}")).await.unwrap();
        database.execute("GRANT ALL ON app.* TO two@'%'").await.unwrap();
        // The application of the trial goes on with the first one.
        let words = "first password is in no stored version";
        let outcome = refused(&database, &database.value("two", SECOND), words).await;
        assert!(outcome.foretold().contains(words), "{}", outcome.foretold());

        let outcome = rotates(&database, &database.value("two", FIRST), Place::Quiet).await;
        assert!(outcome.report.missing.iter().any(|what| what.contains("stay as they are")), "{:?}", outcome.report);
        assert!(database.can_log_in("two", SECOND).await.unwrap());
    }
}

async fn a_dry_run_and_an_attempt_do_not_lock_an_account_that_allows_two_failed_logins(database: &Database) {
    database.create_login("counted", FIRST).await.unwrap();
    let limit = "ALTER USER counted@'%' FAILED_LOGIN_ATTEMPTS 3 PASSWORD_LOCK_TIME UNBOUNDED";
    database.execute(limit).await.unwrap();
    let secret = secret_of(&database.value("counted", STALE));
    // A login of the application in between would start the count again.
    let foretold = look(RotationMode::SingleUser, &secret).await;
    let done = try_alone(&secret).await;
    assert!(!foretold.would_succeed && done.is_err(), "{foretold:?} {done:?}");
    assert!(database.can_log_in("counted", FIRST).await.unwrap(), "the application still logs in");
}

/// An account that is locked until somebody unlocks it, and rotates then. Until then, its password may be right.
async fn a_lock_after_failed_logins_ends_as_the_words_say(database: &Database, unlock: &str) {
    database.create_login("shut", FIRST).await.unwrap();
    if database.engine() == Engine::MySql {
        let limit = "ALTER USER shut@'%' FAILED_LOGIN_ATTEMPTS 2 PASSWORD_LOCK_TIME UNBOUNDED";
        database.execute(limit).await.unwrap();
    }
    let secret = secret_of(&database.value("shut", FIRST));
    for _ in 0..2 {
        assert!(!database.can_log_in("shut", STALE).await.unwrap());
    }
    let failure = try_alone(&secret).await.unwrap_err();
    assert!(failure.message.english().contains("the account is locked after failed logins"), "{}", failure.message);
    assert!(failure.message.english().contains(unlock), "{}", failure.message);
    let account = if database.engine() == Engine::MySql { "ALTER USER shut@'%' ACCOUNT UNLOCK" } else { unlock };
    database.execute(account).await.unwrap();
    try_alone(&secret).await.unwrap_or_else(|failure| panic!("{}", failure.message));
}

/// The stored password of the account in use is stale: its owner has told applications another one.
async fn an_administrator_compares_hosts_without_a_login_as_the_account_in_use(database: &Database) {
    for (name, password) in [("used", FIRST), ("idle", SECOND), ("keeper", KEEPER)] {
        database.create_login(name, password).await.unwrap();
    }
    database.execute("GRANT ALL ON *.* TO keeper@'%' WITH GRANT OPTION").await.unwrap();
    let limit = "ALTER USER used@'%' FAILED_LOGIN_ATTEMPTS 1 PASSWORD_LOCK_TIME UNBOUNDED";
    database.execute(limit).await.unwrap();
    let secret = MemorySecret::default();
    secret.add(&database.value("idle", SECOND), stage::PREVIOUS);
    secret.add(&database.value("used", STALE), stage::CURRENT);
    secret.add_admin("keeper", &database.value("keeper", KEEPER));
    let config = r#"{"InstanceId":"i","SecretSubType":"MultiUser","AdminSecret":"keeper"}"#;
    let event = RotationEvent { rotation_config: RotationConfig::parse(config).ok(), ..event(RotationMode::MultiUser) };
    let outcome = attempt_of(event, database, &secret, Place::Quiet).await;
    outcome.done.as_ref().unwrap_or_else(|failure| panic!("{}", failure.message));
    let missing = outcome.report.missing.join("; ");
    assert!(missing.contains("the rights of used and idle could not be compared"), "{missing}");
    assert!(database.can_log_in("used", FIRST).await.unwrap(), "the account in use is not locked");
}

#[tokio::test]
async fn the_account_in_use_is_not_locked_by_logins_that_compare_it_with_the_idle_one() {
    let (database, secret) = two(Engine::MariaDb).await;
    secret.add(&database.value("a", STALE), stage::CURRENT);
    let not_compared = "the rights of a and b could not be compared";
    for limit in [1, 2] {
        database.execute(&format!("SET GLOBAL max_password_errors = {limit}")).await.unwrap();
        let report = look(RotationMode::MultiUser, &secret).await;
        assert!(report.would_succeed && report.missing.join("; ").contains(not_compared), "{report:?}");
        // A login that is accepted starts the count again.
        assert!(database.can_log_in("a", FIRST).await.unwrap(), "the dry run has locked the account in use");
    }
    rotate(&event(RotationMode::MultiUser), &secret, &SqlDatabases::default(), &mut SysRng, soon(), &mut Unobserved)
        .await
        .unwrap_or_else(|failure| panic!("{}", failure.message));
    assert!(database.can_log_in("a", FIRST).await.unwrap(), "the rotation has locked the account in use");
    a_lock_after_failed_logins_ends_as_the_words_say(&database, "FLUSH PRIVILEGES").await;
}

async fn a_login_that_takes_eight_seconds_is_waited_for(database: &Database) {
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
    try_alone(&secret).await.unwrap();
    let current = secret.account(stage::CURRENT).unwrap();
    assert!(database.can_log_in("app", current.password()).await.unwrap());
}

/// A rotation alone: another login would be a slow one more, or start a count again.
async fn try_alone(secret: &MemorySecret) -> Result<(), Failure> {
    let event = event(RotationMode::SingleUser);
    rotate(&event, secret, &SqlDatabases::default(), &mut SysRng, soon(), &mut Unobserved).await.map(drop)
}

/// Whether applications get in through a pooler.
async fn enters(pooler: &PgBouncer, user: &str, password: &str) -> bool {
    let config = format!("host=127.0.0.1 port={} user={user} password={password} dbname=app", pooler.port());
    let Ok((client, connection)) = tokio_postgres::connect(&config, tokio_postgres::NoTls).await else { return false };
    tokio::spawn(connection);
    client.simple_query("SELECT 1").await.is_ok()
}

/// A pooler in front of a server, and an account whose value names the pooler alone.
struct Pooled<'a> {
    database: &'a Database,
    pooler: PgBouncer,
    value: Value,
}

impl<'a> Pooled<'a> {
    async fn start(database: &'a Database, user: &str, setup: &pgbouncer::Setup) -> Option<Self> {
        let Database::PostgreSql(server) = database else { unreachable!() };
        database.create_login(user, FIRST).await.unwrap();
        let pooler = roots::if_provided(PgBouncer::start(server, setup).await).unwrap()?;
        let mut value = database.value(user, FIRST);
        value["port"] = pooler.port().into();
        Some(Self { database, pooler, value })
    }

    /// The value that names the server as well.
    fn beside(&self) -> Value {
        let mut value = self.value.clone();
        value["rotation_host"] = "127.0.0.1".into();
        value["rotation_port"] = self.database.port().into();
        value
    }
}

async fn behind_a_pooler(database: &Database, user: &str, setup: pgbouncer::Setup) {
    let Some(pooled) = Pooled::start(database, user, &setup).await else { return };
    // A pooler that asks for the password itself cannot log in to the server with the hash that it looks up there.
    let lets_in = setup.auth_type != "plain";
    assert_eq!(enters(&pooled.pooler, user, FIRST).await, lets_in);
    refused(database, &pooled.value, "name the database itself in rotation_host").await;
    assert_eq!(enters(&pooled.pooler, user, FIRST).await, lets_in);

    let secret = secret_of(&pooled.beside());
    let outcome = attempt(database, &secret, RotationMode::SingleUser, Place::Here).await;
    outcome.done.as_ref().unwrap();
    if lets_in {
        comes_in(&pooled.pooler, user, secret.account(stage::CURRENT).unwrap().password()).await;
    }
}

/// The pooler would not let the new password in, and cannot be asked: that is said before the change.
async fn behind_a_pooler_with_a_list_of_its_own(database: &Database) {
    let list = |password: &str| vec![("listed".to_owned(), password.to_owned())];
    let setup = pgbouncer::Setup { pool_mode: "session", users: Some(list(FIRST)), ..pgbouncer::Setup::default() };
    let Some(pooled) = Pooled::start(database, "listed", &setup).await else { return };
    refused(database, &pooled.value, "name the database itself in rotation_host").await;
    assert!(enters(&pooled.pooler, "listed", FIRST).await);

    let secret = secret_of(&pooled.beside());
    let outcome = attempt(database, &secret, RotationMode::SingleUser, Place::Here).await;
    outcome.done.as_ref().unwrap();
    let missing = outcome.report.missing.join("; ");
    assert!(missing.contains("auth_file of PgBouncer"), "{missing}");
    let current = secret.account(stage::CURRENT).unwrap();
    assert!(!enters(&pooled.pooler, "listed", current.password()).await, "as the dry run said");
    let Database::PostgreSql(server) = database else { unreachable!() };
    pooled.pooler.set_users(server, &list(current.password())).unwrap();
    comes_in(&pooled.pooler, "listed", current.password()).await;
}

/// The pooler lists the administrator as well, so that it reads the account through the pooler, and the account would change
/// its password through it. No login through a list of old passwords can prove the new one, so nothing is changed.
async fn behind_a_pooler_whose_list_has_the_administrator(database: &Database) {
    let list = |password: &str| {
        let users = [("served", password), ("warden", SECOND)];
        users.map(|(name, password)| (name.to_owned(), password.to_owned())).to_vec()
    };
    let setup = pgbouncer::Setup { pool_mode: "session", users: Some(list(FIRST)), ..pgbouncer::Setup::default() };
    let Some(pooled) = Pooled::start(database, "served", &setup).await else { return };
    database.create_login("warden", SECOND).await.unwrap();
    database.execute("ALTER ROLE warden SUPERUSER").await.unwrap();
    let with_warden = |value: &Value, password: &str| {
        let (mut app, mut warden) = (value.clone(), value.clone());
        app["password"] = password.into();
        (warden["username"], warden["password"]) = ("warden".into(), SECOND.into());
        let secret = secret_of(&app);
        secret.add_admin("warden", &warden);
        secret
    };
    let config = r#"{"InstanceId":"i","SecretSubType":"SingleUser","AdminSecret":"warden"}"#;
    let event =
        || RotationEvent { rotation_config: RotationConfig::parse(config).ok(), ..event(RotationMode::SingleUser) };
    for password in [FIRST, STALE] {
        let secret = with_warden(&pooled.value, password);
        let rotation = attempt_of(event(), database, &secret, Place::Here);
        let outcome = beside_logins_through(&pooled.pooler, "served", rotation).await;
        assert!(outcome.said().contains("name the database itself in rotation_host"), "{}", outcome.said());
        assert!(outcome.changed.is_empty(), "{:?}", outcome.changed);
        says_no_password(&pooled.pooler, &secret);
    }
    for password in [STALE, FIRST] {
        database.execute(&format!("ALTER ROLE served PASSWORD '{FIRST}'")).await.unwrap();
        let secret = with_warden(&pooled.beside(), password);
        let outcome = attempt_of(event(), database, &secret, Place::Here).await;
        outcome.done.as_ref().unwrap_or_else(|failure| panic!("{}", failure.message));
        says_no_password(&pooled.pooler, &secret);
        let current = secret.account(stage::CURRENT).unwrap();
        let Database::PostgreSql(server) = database else { unreachable!() };
        pooled.pooler.set_users(server, &list(current.password())).unwrap();
        comes_in(&pooled.pooler, "served", current.password()).await;
    }
}

/// Does some work beside an application that logs in through the pooler with its first password all the time.
async fn beside_logins_through<T>(pooler: &PgBouncer, user: &str, work: impl Future<Output = T>) -> T {
    let (mut work, mut logins) = (core::pin::pin!(work), 0);
    loop {
        tokio::select! {
            done = &mut work => {
                assert!(logins > 0 && enters(pooler, user, FIRST).await, "{user} is let in meanwhile and afterwards");
                return done;
            }
            is_in = enters(pooler, user, FIRST) => {
                assert!(is_in, "{user} is let in");
                logins += 1;
            }
        }
    }
}

fn says_no_password(pooler: &PgBouncer, secret: &MemorySecret) {
    let said = pooler.logs().unwrap();
    assert!(said.contains("login attempt"), "the pooler logs: {said}");
    assert!(!secret.passwords().iter().any(|password| said.contains(password)), "a password is in the pooler's log");
}

/// Waits until the pooler lets an account in: it reads its list when it gets to it, and waits after refusals of the server.
async fn comes_in(pooler: &PgBouncer, user: &str, password: &str) {
    let deadline = soon();
    while !enters(pooler, user, password).await {
        assert!(Instant::now() < deadline, "{user} is let in");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A list with a password that the server does not have lets a login in and proves nothing.
async fn behind_a_pooler_whose_list_is_ahead_of_the_server(database: &Database) {
    let users = Some(vec![("ahead".to_owned(), SECOND.to_owned())]);
    let setup = pgbouncer::Setup { pool_mode: "session", users, ..pgbouncer::Setup::default() };
    let Some(pooled) = Pooled::start(database, "ahead", &setup).await else { return };
    let half_way = |value: &Value| {
        let secret = secret_of(value);
        let mut pending = value.clone();
        pending["password"] = SECOND.into();
        secret.add(&pending, stage::PENDING);
        secret
    };
    let outcome = attempt(database, &half_way(&pooled.value), RotationMode::SingleUser, Place::Here).await;
    assert!(outcome.said().contains("name the database itself in rotation_host"), "{}", outcome.said());
    assert!(outcome.changed.is_empty());

    let secret = half_way(&pooled.beside());
    let outcome = attempt(database, &secret, RotationMode::SingleUser, Place::Here).await;
    outcome.done.as_ref().unwrap();
    assert_eq!(
        secret.account(stage::CURRENT).unwrap().password(),
        SECOND,
        "the pending password is the one that is set"
    );
    comes_in(&pooled.pooler, "ahead", SECOND).await;
}

async fn behind_a_pooler_that_lets_everybody_in(database: &Database) {
    let users = Some(vec![("anybody".to_owned(), FIRST.to_owned())]);
    let setup = pgbouncer::Setup { auth_type: "trust", users, ..pgbouncer::Setup::default() };
    let Some(pooled) = Pooled::start(database, "anybody", &setup).await else { return };
    // The server behind it checks passwords and says so, of the pooler's login.
    refused(database, &pooled.value, "accepts any password").await;
}

async fn the_settings_of_a_change_do_not_stay_with_the_pooler(database: &Database) {
    let Some(pooled) = Pooled::start(database, "settled", &pgbouncer::Setup::default()).await else { return };
    let login = csms_rotation_tests::database::account(&pooled.value);
    let account = login.trying(SECOND);
    let by = csms_rotate::By::Itself(&login);
    let new = csms_rotate::NewPassword { by, account: &account, keep_old: false, host: None, seen: None };
    let answer = csms_rotate::Databases::set_password(&SqlDatabases::default(), new, soon()).await;
    assert_eq!(answer.finding, csms_core::rotation::plan::Change::Done, "{answer:?}");
    // In transaction mode this client gets the session that made the change.
    let port = pooled.pooler.port();
    let config = format!("host=127.0.0.1 port={port} user=settled password={SECOND} dbname=app");
    let (client, connection) = tokio_postgres::connect(&config, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    for setting in ["statement_timeout", "lock_timeout"] {
        let row = client.query_one(&format!("SHOW {setting}"), &[]).await.unwrap();
        assert_eq!(row.get::<_, String>(0), "0", "{setting}");
    }
    assert!(database.can_log_in("settled", SECOND).await.unwrap());
}

/// One server for all, because each start of one costs seconds.
#[tokio::test]
async fn a_newer_postgresql_alone_and_behind_poolers() {
    let setup = postgres::Setup {
        release: postgres::Release::Newer,
        settings: ["log_connections=on", "log_statement=all"].map(str::to_owned).into(),
        ..postgres::Setup::default()
    };
    let Some(server) = roots::if_provided(Postgres::start_with(setup).await).unwrap() else { return };
    let database = Database::PostgreSql(server);
    it_says_that_it_checks_passwords_and_refuses_none(&database).await;
    let by = |auth_type| pgbouncer::Setup { auth_type, ..pgbouncer::Setup::default() };
    behind_a_pooler(&database, "by_md5", by("md5")).await;
    behind_a_pooler(&database, "by_text", by("plain")).await;
    let older = pgbouncer::Setup { root: roots::PGBOUNCER, ..pgbouncer::Setup::default() };
    behind_a_pooler(&database, "by_older", older).await;
    behind_a_pooler_with_a_list_of_its_own(&database).await;
    behind_a_pooler_whose_list_has_the_administrator(&database).await;
    behind_a_pooler_whose_list_is_ahead_of_the_server(&database).await;
    behind_a_pooler_that_lets_everybody_in(&database).await;
    the_settings_of_a_change_do_not_stay_with_the_pooler(&database).await;
}

async fn it_says_that_it_checks_passwords_and_refuses_none(database: &Database) {
    database.create_login("spared", FIRST).await.unwrap();
    let refusals = || database.logs().unwrap().matches("password authentication failed").count();
    let before = refusals();
    rotates(database, &database.value("spared", FIRST), Place::Quiet).await;
    assert_eq!(refusals(), before);
}

/// The lines of a role's MD5 hash in the server's log, which logs in as the password does.
async fn md5_in_the_log(server: &Postgres, role: &str, password: &str) -> usize {
    let client = server.admin().await.unwrap();
    let row = client.query_one("SELECT 'md5' || md5($1 || $2)", &[&password, &role]).await.unwrap();
    server.logs().unwrap().matches(row.get::<_, &str>(0)).count()
}

async fn kept_as_md5(server: &Postgres, role: &str) -> bool {
    let client = server.admin().await.unwrap();
    let sql = "SELECT rolpassword LIKE 'md5%' FROM pg_authid WHERE rolname = $1";
    client.query_one(sql, &[&role]).await.unwrap().get(0)
}

/// Drivers that know MD5 alone go on logging in, and the hash is used nowhere that a log has shown it.
#[tokio::test]
async fn an_md5_hash_stays_one_and_none_that_a_log_shows_is_used() {
    let setup = postgres::Setup {
        rules: vec!["host all hashed,boss 127.0.0.1/32 md5".to_owned()],
        ..postgres::Setup::default()
    };
    let server = Postgres::start_with(setup).await.unwrap();
    for role in ["hashed", "boss SUPERUSER"] {
        let create = format!("SET password_encryption = 'md5'; CREATE ROLE {role} LOGIN PASSWORD '{FIRST}'");
        server.execute(&create).await.unwrap();
    }
    let database = Database::PostgreSql(server);
    let Database::PostgreSql(server) = &database else { unreachable!() };
    let secret = secret_of(&database.value("hashed", FIRST));
    let says = |report: &DryRunReport, words: &str| report.missing.iter().any(|what| what.contains(words));
    let report = look(RotationMode::SingleUser, &secret).await;
    assert!(report.would_succeed && says(&report, "as the present one is"), "{report:?}");
    assert!(!says(&report, "write it down"), "{report:?}");
    server.execute("ALTER SYSTEM SET log_min_duration_statement = 0").await.unwrap();
    server.execute("SELECT pg_reload_conf()").await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let report = look(RotationMode::SingleUser, &secret).await;
    assert!(says(&report, "log_min_duration_statement = 0"), "{report:?}");

    // A superuser logs nothing of it.
    let of_boss = secret_of(&database.value("boss", FIRST));
    let report = look(RotationMode::SingleUser, &of_boss).await;
    assert!(report.would_succeed && !says(&report, "write it down"), "{report:?}");
    try_alone(&of_boss).await.unwrap_or_else(|failure| panic!("{}", failure.message));
    let current = of_boss.account(stage::CURRENT).unwrap();
    assert!(database.can_log_in("boss", current.password()).await.unwrap() && kept_as_md5(server, "boss").await);
    assert_eq!(md5_in_the_log(server, "boss", current.password()).await, 0);
    server.execute("ALTER SYSTEM RESET log_min_duration_statement").await.unwrap();
    server.execute("SELECT pg_reload_conf()").await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;

    // Another session changes the role, so that the change fails and stands in the log. Twice, since a later attempt has a
    // candidate already.
    let mut holder = server.admin().await.unwrap();
    let held = holder.transaction().await.unwrap();
    held.batch_execute("ALTER ROLE hashed CONNECTION LIMIT 50").await.unwrap();
    let hurried = SqlDatabases::new(Limits { change: Duration::from_secs(1), ..Limits::default() });
    let event = event(RotationMode::SingleUser);
    for _ in 0..2 {
        let failure = rotate(&event, &secret, &hurried, &mut SysRng, soon(), &mut Unobserved).await.unwrap_err();
        assert_ne!(failure.code, FailureCode::NeedsOperator, "{}", failure.message);
        let pending = secret.account(stage::PENDING).unwrap();
        assert_eq!(md5_in_the_log(server, "hashed", pending.password()).await, 0, "{}", failure.message);
    }
    assert_eq!(server.logs().unwrap().matches("STATEMENT:  ALTER ROLE \"hashed\" PASSWORD 'md5").count(), 2);
    held.rollback().await.unwrap();
    try_alone(&secret).await.unwrap_or_else(|failure| panic!("{}", failure.message));
    let current = secret.account(stage::CURRENT).unwrap();
    assert!(database.can_log_in("hashed", current.password()).await.unwrap() && kept_as_md5(server, "hashed").await);
    assert_eq!(md5_in_the_log(server, "hashed", current.password()).await, 0);
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

/// An earlier rotation has failed because its value did not name the authority of the server, and has left its pending version
/// behind; the owner has then stored another version of the same password.
async fn a_pending_version_whose_base_was_mended_is_renewed(engine: Engine) {
    let database = Database::start_with(engine, TlsMode::Offered).await.unwrap();
    for (user, is_set) in [("left", false), ("set", true)] {
        database.create_login(user, if is_set { SECOND } else { FIRST }).await.unwrap();
        let secret = MemorySecret::default();
        let outdated = |password| database.value_with(user, password, &Protection::PublicRoots);
        secret.add(&outdated(FIRST), stage::CURRENT);
        secret.add(&outdated(SECOND), stage::PENDING);
        secret.add(&database.value(user, FIRST), stage::CURRENT);
        let foretold = look(RotationMode::SingleUser, &secret).await;
        assert!(foretold.would_succeed, "{foretold:?}");
        try_alone(&secret).await.unwrap_or_else(|failure| panic!("{}", failure.message));
        let current = secret.account(stage::CURRENT).unwrap();
        assert!(current.is_like(&account(&database.value(user, SECOND))), "the mended value is kept");
        assert_eq!(current.password(), SECOND, "the pending password may have been set already");
        assert!(database.can_log_in(user, SECOND).await.unwrap());
    }
}

#[tokio::test]
async fn a_pending_version_of_postgresql_whose_base_was_mended_is_renewed() {
    a_pending_version_whose_base_was_mended_is_renewed(Engine::PostgreSql).await;
}

#[tokio::test]
async fn a_pending_version_of_mariadb_whose_base_was_mended_is_renewed() {
    a_pending_version_whose_base_was_mended_is_renewed(Engine::MariaDb).await;
}

async fn left_alone(database: &Database, secret: &MemorySecret, words: &[&str]) {
    let outcome = attempt(database, secret, RotationMode::MultiUser, Place::Here).await;
    let failure = outcome.done.unwrap_err();
    assert_eq!(failure.code, FailureCode::NeedsOperator, "{}", failure.message);
    for words in words {
        assert!(failure.message.english().contains(words), "{words}: {}", failure.message);
    }
    assert!(outcome.changed.is_empty(), "{:?}", outcome.changed);
}

#[tokio::test]
async fn two_accounts_that_do_not_belong_together_are_named_and_left_alone() {
    let (database, secret) = two(Engine::PostgreSql).await;
    let mut value = database.value("b", SECOND);
    value["dbname"] = "postgres".into();
    secret.add(&value, stage::PREVIOUS);
    left_alone(&database, &secret, &["different databases in dbname"]).await;
    let mut value = database.value("b", SECOND);
    value["host"] = "localhost".into();
    secret.add(&value, stage::PREVIOUS);
    left_alone(&database, &secret, &["hosts are compared by their names"]).await;

    secret.add(&database.value("b", SECOND), stage::PREVIOUS);
    let idle = "idle while a of SYSCURRENT is in use";
    database.execute("ALTER ROLE b NOLOGIN").await.unwrap();
    left_alone(&database, &secret, &["account b of SYSPREVIOUS (v", idle, "the role may not log in"]).await;
    database.execute("ALTER ROLE b LOGIN").await.unwrap();

    // No connection left is no wrong password, and it may be otherwise the next time.
    database.execute("ALTER ROLE b CONNECTION LIMIT 0").await.unwrap();
    let outcome = attempt(&database, &secret, RotationMode::MultiUser, Place::Here).await;
    let failure = outcome.done.unwrap_err();
    assert_eq!(failure.code, FailureCode::Unavailable, "{}", failure.message);
    for words in ["account b of SYSPREVIOUS (v", idle, "with 0 it never logs in"] {
        assert!(failure.message.english().contains(words), "{words}: {}", failure.message);
    }
    assert!(outcome.changed.is_empty(), "{:?}", outcome.changed);
    database.execute("ALTER ROLE b CONNECTION LIMIT -1").await.unwrap();
    secret.add(&database.value("b", STALE), stage::PREVIOUS);
    left_alone(&database, &secret, &["account b of SYSPREVIOUS", idle, "Do not reset"]).await;

    // Mended, they take turns.
    secret.add(&database.value("b", SECOND), stage::PREVIOUS);
    let outcome = attempt(&database, &secret, RotationMode::MultiUser, Place::Here).await;
    outcome.done.unwrap();
    assert_eq!(outcome.changed.keys().collect::<Vec<_>>(), ["b"]);
}

/// The one in use is of no use for the rotation of the other.
#[tokio::test]
async fn a_role_in_use_that_has_no_connection_left_gives_its_turn_to_the_other() {
    let (database, secret) = two(Engine::PostgreSql).await;
    database.execute("ALTER ROLE a CONNECTION LIMIT 0").await.unwrap();
    let outcome = attempt(&database, &secret, RotationMode::MultiUser, Place::Elsewhere).await;
    outcome.done.unwrap();
    assert_eq!(outcome.changed.keys().collect::<Vec<_>>(), ["b"]);
    let untold = "the rights of a and b could not be compared";
    assert!(outcome.report.missing.iter().any(|what| what == untold), "{:?}", outcome.report.missing);
}

/// What the owner mends after a failure counts, although the version that was made before it is pending.
#[tokio::test]
async fn a_dry_run_looks_with_what_a_rotation_would_use() {
    let database = Database::start_with(Engine::PostgreSql, TlsMode::Offered).await.unwrap();
    let whole = database.value("app", FIRST);
    let mut broken = whole.clone();
    broken.as_object_mut().unwrap().remove("tls_ca");
    let mut plain = broken.clone();
    plain["tls"] = "disable".into();
    let pending_of = |value: &Value| {
        let mut pending = value.clone();
        pending["password"] = SECOND.into();
        pending
    };
    database.create_login("app", FIRST).await.unwrap();
    for mended in [whole, plain] {
        database.execute(&format!("ALTER ROLE app PASSWORD '{FIRST}'")).await.unwrap();
        let secret = secret_of(&broken);
        secret.add(&pending_of(&broken), stage::PENDING);
        let report = look(RotationMode::SingleUser, &secret).await;
        assert!(!report.would_succeed && report.error_msg.as_ref().unwrap().contains("tls_ca"), "{report:?}");
        secret.add(&mended, stage::CURRENT);
        let report = look(RotationMode::SingleUser, &secret).await;
        assert!(report.would_succeed, "{report:?}");
        // RotateSecret makes a pending version that fits.
        secret.add(&pending_of(&mended), stage::PENDING);
        attempt(&database, &secret, RotationMode::SingleUser, Place::Here).await.done.unwrap();
    }
}

#[tokio::test]
async fn two_accounts_that_admit_different_hosts_do_not_take_turns() {
    for engine in [Engine::MySql, Engine::MariaDb] {
        let (database, secret) = two(engine).await;
        database.execute("RENAME USER b@'%' TO b@'127.0.0.1'").await.unwrap();
        let words = ["do not admit the same hosts", "a@% is in use, and b@127.0.0.1 would take its turn"];
        left_alone(&database, &secret, &words).await;
        database.execute("RENAME USER a@'%' TO a@'127.0.0.1'").await.unwrap();
        let outcome = attempt(&database, &secret, RotationMode::MultiUser, Place::Here).await;
        outcome.done.unwrap();
    }
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
    let told = "b lacks what a has: SELECT on public.orders, member of readers";
    rights_that_differ_are_said_before(Engine::PostgreSql, &given, told).await;
}

/// What is done to an account, what is then said, and what undoes it.
const DIFFERENCES: &[[&str; 3]] = &[
    [
        "GRANT SELECT (id) ON orders TO a",
        "b lacks what a has: SELECT (id) on public.orders",
        "REVOKE ALL (id) ON orders FROM a",
    ],
    [
        "ALTER ROLE a IN DATABASE app SET search_path = 'shop'",
        "b lacks what a has: the setting search_path=shop in database app",
        "ALTER ROLE a IN DATABASE app RESET search_path",
    ],
    ["ALTER ROLE b NOINHERIT", "b lacks what a has: INHERIT", "ALTER ROLE b INHERIT"],
    ["CREATE POLICY own ON orders TO a USING (true)", "the policy own on public.orders", "DROP POLICY own ON orders"],
    [
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO a",
        "by default SELECT on tables of testbed_admin in schema public",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE SELECT ON TABLES FROM a",
    ],
    [
        "ALTER ROLE b CONNECTION LIMIT 1",
        "a lacks what b has: a CONNECTION LIMIT of 1",
        "ALTER ROLE b CONNECTION LIMIT -1",
    ],
    [
        "GRANT SET ON PARAMETER log_statement TO a",
        "b lacks what a has: SET on parameter log_statement",
        "REVOKE SET ON PARAMETER log_statement FROM a",
    ],
    [
        "CREATE FOREIGN DATA WRAPPER far; CREATE SERVER away FOREIGN DATA WRAPPER far; \
         GRANT USAGE ON FOREIGN SERVER away TO a; CREATE USER MAPPING FOR a SERVER away",
        "a user mapping for away, USAGE on foreign server away",
        "DROP SERVER away CASCADE",
    ],
    [
        "CREATE ROLE helpers; GRANT helpers TO a WITH ADMIN OPTION; GRANT helpers TO b",
        "b lacks what a has: member of helpers with ADMIN OPTION",
        "DROP ROLE helpers",
    ],
];

#[tokio::test]
async fn every_kind_of_difference_on_postgresql_is_said_before() {
    let (database, secret) = two(Engine::PostgreSql).await;
    database.execute("CREATE TABLE orders (id int); ALTER TABLE orders ENABLE ROW LEVEL SECURITY").await.unwrap();
    for [done, told, undone] in DIFFERENCES {
        database.execute(done).await.unwrap();
        let report = look(RotationMode::MultiUser, &secret).await;
        assert!(report.missing.iter().any(|what| what.contains(told)), "{told}: {:?}", report.missing);
        database.execute(undone).await.unwrap();
    }
    let report = look(RotationMode::MultiUser, &secret).await;
    assert!(report.would_succeed && report.missing.is_empty(), "{report:?}");
}

#[tokio::test]
async fn rights_and_limits_that_differ_on_mariadb_are_said_before() {
    let given = ["GRANT PROCESS ON *.* TO b@'%'", "ALTER USER b@'%' WITH MAX_QUERIES_PER_HOUR 900"];
    let told = "a lacks what b has: PROCESS ON *.*, MAX_QUERIES_PER_HOUR 900";
    rights_that_differ_are_said_before(Engine::MariaDb, &given, told).await;
}

/// The same on MySQL; several statements are separated by semicolons.
const DIFFERENCES_ON_MYSQL: &[[&str; 3]] = &[
    [
        "ALTER USER a@'%' WITH MAX_QUERIES_PER_HOUR 900 MAX_UPDATES_PER_HOUR 90 MAX_USER_CONNECTIONS 80",
        "b lacks what a has: MAX_QUERIES_PER_HOUR 900, MAX_UPDATES_PER_HOUR 90, MAX_USER_CONNECTIONS 80",
        "ALTER USER a@'%' WITH MAX_QUERIES_PER_HOUR 0 MAX_UPDATES_PER_HOUR 0 MAX_USER_CONNECTIONS 0",
    ],
    [
        "ALTER USER b@'%' WITH MAX_CONNECTIONS_PER_HOUR 100",
        "a lacks what b has: MAX_CONNECTIONS_PER_HOUR 100",
        "ALTER USER b@'%' WITH MAX_CONNECTIONS_PER_HOUR 0",
    ],
    [
        "ALTER USER b@'%' PASSWORD HISTORY 3 PASSWORD REUSE INTERVAL 10 DAY",
        "a lacks what b has: PASSWORD HISTORY 3, PASSWORD REUSE INTERVAL 10 DAY",
        "ALTER USER b@'%' PASSWORD HISTORY DEFAULT PASSWORD REUSE INTERVAL DEFAULT",
    ],
    [
        "ALTER USER b@'%' PASSWORD EXPIRE INTERVAL 90 DAY",
        "a lacks what b has: PASSWORD EXPIRE INTERVAL 90 DAY",
        "ALTER USER a@'%' PASSWORD EXPIRE INTERVAL 90 DAY",
    ],
    [
        "ALTER USER a@'%' FAILED_LOGIN_ATTEMPTS 4 PASSWORD_LOCK_TIME 2",
        "b lacks what a has: FAILED_LOGIN_ATTEMPTS 4, PASSWORD_LOCK_TIME 2",
        "ALTER USER a@'%' FAILED_LOGIN_ATTEMPTS 0 PASSWORD_LOCK_TIME 0",
    ],
    ["ALTER USER b@'%' REQUIRE SSL", "a lacks what b has: REQUIRE SSL", "ALTER USER b@'%' REQUIRE NONE"],
    [
        "CREATE ROLE readers;GRANT readers TO a@'%', b@'%';SET DEFAULT ROLE readers TO a@'%'",
        "b lacks what a has: DEFAULT ROLE 'readers'@'%'",
        "DROP ROLE readers",
    ],
    [
        "SET GLOBAL partial_revokes = ON;GRANT SELECT ON *.* TO a@'%', b@'%';REVOKE SELECT ON mysql.* FROM b@'%'",
        "a lacks what b has: a partial revoke of SELECT ON `mysql`.*",
        "REVOKE SELECT ON *.* FROM a@'%', b@'%'",
    ],
];

async fn execute_all(database: &Database, statements: &str) {
    for statement in statements.split(';') {
        database.execute(statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

#[tokio::test]
async fn limits_and_revokes_that_differ_on_mysql_are_said_before_and_equal_ones_pass() {
    let (database, secret) = two(Engine::MySql).await;
    let differences = async || {
        let report = look(RotationMode::MultiUser, &secret).await;
        assert!(report.would_succeed, "{report:?}");
        report.missing.into_iter().filter(|what| what.contains("lacks what")).collect::<Vec<_>>()
    };
    for [done, told, undone] in DIFFERENCES_ON_MYSQL {
        execute_all(&database, done).await;
        let found = differences().await;
        assert!(found.iter().any(|what| what.contains(told)), "{told}: {found:?}");
        execute_all(&database, undone).await;
        assert_eq!(differences().await, [""; 0], "after {undone}");
    }
    for both in [
        "ALTER USER a@'%', b@'%' REQUIRE SSL WITH MAX_QUERIES_PER_HOUR 9000 MAX_USER_CONNECTIONS 80 PASSWORD HISTORY 3 \
         PASSWORD REUSE INTERVAL 10 DAY FAILED_LOGIN_ATTEMPTS 4 PASSWORD_LOCK_TIME 2",
        "GRANT SELECT ON *.* TO a@'%', b@'%';REVOKE SELECT ON mysql.* FROM a@'%', b@'%'",
    ] {
        execute_all(&database, both).await;
    }
    let outcome = attempt(&database, &secret, RotationMode::MultiUser, Place::Quiet).await;
    outcome.done.unwrap();
    let differs = outcome.report.missing.iter().any(|what| what.contains("lacks what"));
    assert!(!differs, "{:?}", outcome.report.missing);
}

/// The variable that tells the test below that it runs where the names have several addresses.
const SEVERAL_ADDRESSES: &str = "CSMS_TEST_SEVERAL_ADDRESSES";

/// The second name has three addresses before it at which nothing listens. Names are resolved by the machine, so the test runs itself again with a list of hosts of its own.
#[test]
fn of_several_addresses_of_a_name_the_one_that_answers_counts() {
    if std::env::var_os(SEVERAL_ADDRESSES).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(rotates_by_name());
    }
    let directory = tempfile::tempdir().unwrap();
    let list = directory.path().join("hosts");
    let dead = ["9", "10", "11"].map(|last| format!("127.0.0.{last} turned.test\n")).concat();
    let hosts = format!("127.0.0.1 localhost db.test\n127.0.0.9 db.test\n{dead}127.0.0.1 turned.test\n");
    std::fs::write(&list, hosts).unwrap();
    let script = r#"mount --bind "$0" /etc/hosts && exec "$@""#;
    let mut command = std::process::Command::new("unshare");
    command.args(["--mount", "sh", "-c", script]).arg(&list).arg(std::env::current_exe().unwrap());
    command.args(["--exact", "of_several_addresses_of_a_name_the_one_that_answers_counts", "--nocapture"]);
    let output = command.env(SEVERAL_ADDRESSES, "1").output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    if told.contains("unshare failed") {
        eprintln!("not tested: a list of hosts of its own needs root");
        return;
    }
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stdout));
}

async fn rotates_by_name() {
    for engine in [Engine::PostgreSql, Engine::MariaDb] {
        let database = Database::start(engine).await.unwrap();
        for (user, host) in [("app", "db.test"), ("other", "turned.test")] {
            database.create_login(user, FIRST).await.unwrap();
            let mut value = database.value(user, FIRST);
            value["host"] = host.into();
            value["password"] = STALE.into();
            refused(&database, &value, "no stored version of this account logs in").await;
            value["password"] = FIRST.into();
            rotates(&database, &value, Place::Here).await;
        }
    }
}
