//! What goes wrong around a rotation: the database is down, the server is killed, the stored password is not the
//! account's. Through a real server process, with real accounts.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use core::time::Duration;

use csms_api::response::RotateResponse;
use csms_core::{
    RotationMode, SecretName, VersionId,
    rotation::{Account, Engine},
    stage,
};
use csms_rotation_tests::{
    Database, FaultyFunctions, Service,
    cluster::{Cluster, end_leases, leases},
    on,
};
use csms_testbed::{Postgres, Server, WallClock, roots, server::Options};
use tokio::time::Instant;

const PROGRAM: &str = env!("CARGO_BIN_EXE_rotate-database-with-faults");
const FIRST: &str = "First-password-1";

/// Longest wait for something that takes well under a second.
const DEADLINE: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

async fn logs_in(database: &Database, account: &Account) -> bool {
    database.can_log_in(&account.login().username, account.password()).await.unwrap()
}

async fn a_database_that_is_down_fails_the_task_and_the_next_one_takes_over_its_version(engine: Engine) {
    let (database, service) = tokio::join!(Database::start(engine), Service::start());
    let mut database = database.unwrap();
    database.create_login("app", FIRST).await.unwrap();
    let value = database.value("app", FIRST);
    let name = service.create("app", RotationMode::SingleUser, service.bundled_function(), &value).await;
    database.stop().await.unwrap();
    let (begun, task) = service.rotate(&name).await;

    assert_eq!((task.task_status.as_str(), task.attempt_nums), ("FAILED", 3), "{task:?}");
    assert_eq!(task.task_error_code.as_deref(), Some("CSMS.0511"));
    let message = task.task_error_msg.unwrap();
    assert!(message.contains("ROTATION_UNAVAILABLE") && message.contains("the database is not reachable"), "{message}");
    assert_eq!(service.marked(&name, stage::CURRENT).await, Some(VersionId::FIRST));
    assert_eq!(service.marked(&name, stage::PENDING).await, begun.version());

    database.start_again().await.unwrap();
    assert!(logs_in(&database, &service.current(&name).await).await, "SYSCURRENT logs in as before");
    let next = service.rotate(&name).await;
    assert_eq!(next.0.version_id, begun.version_id, "the pending version is used again");
    service.assert_rotated(&next, 1, VersionId::FIRST, "after the outage").await;
    assert!(logs_in(&database, &service.current(&name).await).await);
    assert!(!database.can_log_in("app", FIRST).await.unwrap());
}

async fn a_password_that_is_not_the_accounts_needs_an_operator_and_changes_nothing(engine: Engine) {
    let (database, service) = tokio::join!(Database::start(engine), Service::start());
    let database = database.unwrap();
    database.create_login("app", FIRST).await.unwrap();
    let value = database.value("app", "Not-the-password-9");
    let name = service.create("app", RotationMode::SingleUser, service.bundled_function(), &value).await;
    let (_, task) = service.rotate(&name).await;

    assert_eq!((task.task_status.as_str(), task.attempt_nums), ("FAILED", 1), "{task:?}");
    assert_eq!(task.task_error_code.as_deref(), Some("CSMS.0511"));
    let message = task.task_error_msg.unwrap();
    assert!(message.contains("ROTATION_NEEDS_OPERATOR"), "{message}");
    assert!(message.contains("no stored version of this account logs in"), "{message}");
    assert!(!message.contains("Not-the-password-9"), "{message}");
    assert_eq!(service.marked(&name, stage::CURRENT).await, Some(VersionId::FIRST));
    assert_eq!(service.value(&name, "latest").await, value);
    assert!(database.can_log_in("app", FIRST).await.unwrap(), "the account is as it was");
}

/// A rotation that waits right in the middle of the change of a password, because somebody else's transaction holds the
/// account. PostgreSQL only: its accounts are rows that can be locked.
struct HeldRotation {
    database: Database,
    service: Service,
    name: SecretName,
    begun: RotateResponse,
    /// The connection whose transaction holds the account; ends with it.
    holder: tokio_postgres::Client,
    /// The function's code, if it is not the bundled one.
    _functions: Option<FaultyFunctions>,
}

/// Keeps everybody from changing the account until the transaction ends.
const HOLD: &str = "BEGIN; SELECT oid FROM pg_authid WHERE rolname = 'app' FOR UPDATE";

/// Waits until the function of a running task waits for the account.
async fn waits_for_the_account(observer: &tokio_postgres::Client, service: &Service, task: &str) {
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app' AND wait_event_type = 'Lock'";
    let deadline = Instant::now() + DEADLINE;
    while observer.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        let task = service.task(task).await;
        assert!(Instant::now() < deadline && task.task_status == "RUNNING", "{task:?}\n{}", service.server.log());
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

impl HeldRotation {
    async fn begin() -> Self {
        Self::begin_on(Options::default(), None).await
    }

    /// One whose server and function read this clock.
    async fn begin_by(clock: &WallClock) -> Self {
        let variables = clock.variables();
        let mut functions = FaultyFunctions::of(PROGRAM);
        let function = functions.add_with(&variables.each_ref().map(|(name, value)| (*name, value.as_str())));
        let options = functions.register(Options::default());
        let options = variables.into_iter().fold(options, |options, (name, value)| options.variable(name, value));
        Self { _functions: Some(functions), ..Self::begin_on(options, Some(&function)).await }
    }

    async fn begin_on(options: Options, function: Option<&str>) -> Self {
        let (database, service) = tokio::join!(Postgres::start(), Service::start_with(options));
        let postgres = database.unwrap();
        postgres.create_login("app", FIRST).await.unwrap();
        let holder = postgres.admin().await.unwrap();
        holder.batch_execute(HOLD).await.unwrap();
        let observer = postgres.admin().await.unwrap();
        let database = Database::PostgreSql(postgres);
        let value = database.value("app", FIRST);
        let function = function.unwrap_or_else(|| service.bundled_function());
        let name = service.create("app", RotationMode::SingleUser, function, &value).await;
        let begun = service.begin(&name).await;

        waits_for_the_account(&observer, &service, &begun.rotation_task_id).await;
        Self { database, service, name, begun, holder, _functions: None }
    }
}

#[tokio::test]
async fn a_server_killed_while_the_password_is_being_changed_finishes_after_its_restart() {
    let HeldRotation { database, mut service, name, begun, holder, .. } = HeldRotation::begin().await;
    service.kill().await;
    service.restart().await;
    assert_eq!(service.task(&begun.rotation_task_id).await.task_status, "RUNNING");
    holder.batch_execute("ROLLBACK").await.unwrap();

    let task = service.ended(&begun.rotation_task_id).await;
    // The attempt that broke off with the server is counted, and takes nothing from the task.
    service.assert_rotated(&(begun, task), 2, VersionId::FIRST, "after the restart").await;
    assert!(logs_in(&database, &service.current(&name).await).await);
    assert!(!database.can_log_in("app", FIRST).await.unwrap());
}

#[tokio::test]
async fn a_clock_set_ten_minutes_ahead_while_the_password_is_being_changed_costs_one_attempt() {
    let Some(clock) = roots::if_provided(WallClock::start()).unwrap() else { return };
    let HeldRotation { database, service, name, begun, holder, .. } = HeldRotation::begin_by(&clock).await;
    // What the function logs in with has expired, and the next attempt gets a new one.
    clock.set(600).unwrap();
    holder.batch_execute("ROLLBACK").await.unwrap();
    let task = service.ended(&begun.rotation_task_id).await;
    service.assert_rotated(&(begun, task), 2, VersionId::FIRST, "ten minutes ahead").await;
    assert!(logs_in(&database, &service.current(&name).await).await);
    assert!(!database.can_log_in("app", FIRST).await.unwrap());
}

/// Waits until this text is in a server's log.
async fn logged(server: &Server, text: &str) {
    let deadline = Instant::now() + DEADLINE;
    while !server.log().contains(text) {
        assert!(Instant::now() < deadline, "{}", server.log());
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// The nearest that a test gets to a machine that is suspended: server and function are stopped, and the wall clock has gone on when
/// they continue. The clock that counts from the start of the machine has not, other than on a machine that really slept.
#[tokio::test]
async fn a_machine_that_slept_while_the_password_was_being_changed_goes_on_when_it_wakes() {
    let Some(clock) = roots::if_provided(WallClock::start()).unwrap() else { return };
    let HeldRotation { database, service, name, begun, holder, .. } = HeldRotation::begin_by(&clock).await;
    service.server.pause().unwrap();
    clock.set(8 * 3_600).unwrap();
    holder.batch_execute("ROLLBACK").await.unwrap();
    service.server.resume().unwrap();
    // Requests of this process are of eight hours ago, so the log says when it is over.
    logged(&service.server, "rotation ended").await;
    clock.set(0).unwrap();
    let task = service.ended(&begun.rotation_task_id).await;
    // The first attempt's credentials expired in its sleep.
    service.assert_rotated(&(begun, task), 2, VersionId::FIRST, "after the sleep").await;
    assert!(logs_in(&database, &service.current(&name).await).await);
    assert!(!database.can_log_in("app", FIRST).await.unwrap());
}

/// The same on a shared store: another server has finished the rotation when the machine wakes.
#[tokio::test]
async fn a_machine_that_slept_for_longer_than_its_lease_changes_nothing_when_it_wakes() {
    let Some(clock) = roots::if_provided(WallClock::start()).unwrap() else { return };
    let (store, target) = tokio::join!(Postgres::start(), Postgres::start());
    let (store, target) = (store.unwrap(), target.unwrap());
    target.create_login("app", FIRST).await.unwrap();
    let variables = clock.variables();
    let [mut of_sleeper, mut of_other] = [FaultyFunctions::of(PROGRAM), FaultyFunctions::of(PROGRAM)];
    let function = of_sleeper.add_with(&variables.each_ref().map(|(name, value)| (*name, value.as_str())));
    assert_eq!(function, of_other.add(None), "both servers run it");
    let by_clock = |options| {
        let options = of_sleeper.register(options);
        variables.iter().fold(options, |options, (name, value)| options.variable(*name, value.as_str()))
    };
    let mut cluster = Cluster::start(&store, 1, by_clock).await;
    cluster.add(|options| of_other.register(options)).await;
    let [sleeper, other] = cluster.servers.as_slice() else { panic!("two servers") };

    let (holder, observer) = (target.admin().await.unwrap(), target.admin().await.unwrap());
    holder.batch_execute(HOLD).await.unwrap();
    let database = Database::PostgreSql(target);
    let value = database.value("app", FIRST);
    let name = sleeper.create("app", RotationMode::SingleUser, &function, &value).await;
    let begun = sleeper.begin(&name).await;
    waits_for_the_account(&observer, sleeper, &begun.rotation_task_id).await;
    sleeper.server.pause().unwrap();
    clock.set(8 * 3_600).unwrap();
    end_leases(&store).await;
    holder.batch_execute("ROLLBACK").await.unwrap();
    let task = other.ended(&begun.rotation_task_id).await;
    other.assert_rotated(&(begun, task), 2, VersionId::FIRST, "by the other server").await;
    let finished = other.current(&name).await;

    sleeper.server.resume().unwrap();
    cluster.let_go(0).await;
    assert!(!sleeper.server.log().contains("rotation ended"), "{}", sleeper.server.log());
    let current = other.current(&name).await;
    assert_eq!(current.password(), finished.password(), "who slept has changed nothing");
    assert!(logs_in(&database, &current).await);
    assert_eq!(leases(&store).await, 0);
    // It serves again once its clock is right.
    clock.set(0).unwrap();
    assert_eq!(sleeper.current(&name).await.password(), finished.password());
}

#[tokio::test]
async fn a_clock_set_back_an_hour_while_the_password_is_being_changed_changes_nothing() {
    let Some(clock) = roots::if_provided(WallClock::start()).unwrap() else { return };
    let HeldRotation { database, service, name, begun, holder, .. } = HeldRotation::begin_by(&clock).await;
    clock.set(-3_600).unwrap();
    holder.batch_execute("ROLLBACK").await.unwrap();
    // Requests of an hour later are refused, so the log says when it is over.
    logged(&service.server, "rotation ended").await;
    clock.set(0).unwrap();
    let task = service.ended(&begun.rotation_task_id).await;
    service.assert_rotated(&(begun, task), 1, VersionId::FIRST, "an hour back").await;
    assert!(logs_in(&database, &service.current(&name).await).await);
    assert!(!database.can_log_in("app", FIRST).await.unwrap());
}

#[tokio::test]
async fn a_database_that_stops_while_the_password_is_being_changed_is_rotated_when_it_is_back() {
    let HeldRotation { mut database, service, name, begun, .. } = HeldRotation::begin().await;
    database.stop().await.unwrap();
    let task = service.ended(&begun.rotation_task_id).await;
    assert_eq!((task.task_status.as_str(), task.task_error_code.as_deref()), ("FAILED", Some("CSMS.0511")), "{task:?}");

    database.start_again().await.unwrap();
    // A shutdown that ends the holder's session first lets the change through in its last moment; one that ends the
    // function's session first does not. Either way the password is in the secret.
    let current = service.current(&name).await;
    let pending = service.account(&name, stage::PENDING).await.unwrap();
    assert!(logs_in(&database, &current).await != logs_in(&database, &pending).await, "one of the two logs in");
    let next = service.rotate(&name).await;
    assert_eq!(next.0.version_id, begun.version_id, "the pending version is used again");
    service.assert_rotated(&next, 1, VersionId::FIRST, "after the outage").await;
    assert!(logs_in(&database, &service.current(&name).await).await);
    assert!(!database.can_log_in("app", FIRST).await.unwrap());
}

on!(PostgreSql, postgresql:
    a_database_that_is_down_fails_the_task_and_the_next_one_takes_over_its_version,
    a_password_that_is_not_the_accounts_needs_an_operator_and_changes_nothing,
);

on!(MariaDb, mariadb:
    a_database_that_is_down_fails_the_task_and_the_next_one_takes_over_its_version,
    a_password_that_is_not_the_accounts_needs_an_operator_and_changes_nothing,
);

/// Databases that accept connections and say nothing.
struct SilentDatabases(Vec<std::net::TcpListener>);

impl SilentDatabases {
    fn start(number: usize) -> Self {
        let listen = |_| {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.set_nonblocking(true).unwrap();
            listener
        };
        Self((0..number).map(listen).collect())
    }

    /// How many of them somebody has connected to.
    fn reached(&self) -> usize {
        self.0.iter().filter(|listener| listener.accept().is_ok()).count()
    }
}

/// With the bundled function, at the smallest and at a usual concurrency: its instances are few too.
#[tokio::test]
async fn silent_databases_of_many_secrets_keep_no_other_secret_waiting() {
    let database = Database::start(Engine::PostgreSql).await.unwrap();
    for concurrent in [1, 8] {
        let silent = SilentDatabases::start(40);
        let options = Options::default().argument("--rotation-concurrency").argument(concurrent.to_string());
        let service = Service::start_with(options).await;
        let victim = format!("victim-{concurrent}");
        database.create_login(&victim, FIRST).await.unwrap();
        let value = database.value(&victim, FIRST);
        let victim = service.create(&victim, RotationMode::SingleUser, service.bundled_function(), &value).await;
        for (number, listener) in silent.0.iter().enumerate() {
            let mut value = database.value("app", FIRST);
            value["port"] = listener.local_addr().unwrap().port().into();
            let name = format!("silent-{number}");
            let name = service.create(&name, RotationMode::SingleUser, service.bundled_function(), &value).await;
            service.begin(&name).await;
        }

        let rotated = service.rotate(&victim).await;

        let reached = silent.reached();
        assert!(reached < silent.0.len() / 2, "{reached} silent databases came first at concurrency {concurrent}");
        service.assert_rotated(&rotated, 1, VersionId::FIRST, "beside silent databases").await;
    }
}
