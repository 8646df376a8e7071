//! Servers on one PostgreSQL store: one is killed and one stands still for longer than its leases while many rotations are
//! due, and yet each secret is rotated once; and a function whose server is overtaken changes nothing any more. Real accounts,
//! the real function; `thousand` does the first with more secrets and a cheap function, `server_faults` the second at every
//! step.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

use csms_core::{
    RotationMode, Secret, UnixMillis, VersionId,
    rotation::{Engine, RotationReply},
    stage,
    task::TaskStatus,
};
use csms_rotation_tests::{
    Cluster, Database, FaultyFunctions, Standstill,
    cluster::{POLL_INTERVAL, WITHIN, end_leases, leases},
};
use csms_store::{Store, TaskFilter};
use rotate_database::fault;
use tokio::time::Instant;

const PROGRAM: &str = env!("CARGO_BIN_EXE_rotate-database-with-faults");
const SECRETS: usize = 24;
const PASSWORD: &str = "First-password-1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_secret_is_rotated_once_although_one_server_dies_and_another_stands_still() {
    let database = Database::start(Engine::PostgreSql).await.unwrap();
    let Database::PostgreSql(postgres) = &database else { panic!("another kind") };
    let cluster = Cluster::start(postgres, 3, |options| options).await;
    let third = &cluster.servers[2];
    let mut names = Vec::new();
    for number in 0..SECRETS {
        let user = format!("app{number}");
        database.create_login(&user, PASSWORD).await.unwrap();
        let value = database.value(&user, PASSWORD);
        names.push(third.create(&user, RotationMode::SingleUser, third.bundled_function(), &value).await);
    }
    for name in &names {
        cluster.make_due(name).await;
    }

    cluster.until_active(0).await;
    cluster.servers[0].kill().await;
    cluster.until_active(1).await;
    cluster.signal(1, "-STOP");

    let deadline = Instant::now() + WITHIN;
    let done = |secret: &Secret| {
        secret.running_task.is_none() && secret.next_rotation_time.is_some_and(|due| due > UnixMillis::new(1))
    };
    for name in &names {
        while !done(&cluster.secret(name).await) {
            assert!(Instant::now() < deadline, "{name} is not rotated\n{}", third.server.log_tail());
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
    // What it was doing is another's by now; it must notice and change nothing.
    cluster.signal(1, "-CONT");
    cluster.let_go(1).await;

    let filter = TaskFilter { secret_name: None, status: None, after: None, limit: 200 };
    let tasks = cluster.store.tasks(&cluster.project(), &filter).await.unwrap();
    assert_eq!(tasks.total, SECRETS as u64);
    assert!(tasks.page.items.iter().all(|task| task.status == TaskStatus::Succeeded), "{:?}", tasks.page.items);
    for name in &names {
        assert_eq!(third.marked(name, stage::CURRENT).await, VersionId::from_number(2));
        assert_eq!(third.marked(name, stage::PENDING).await, None);
        let account = third.current(name).await;
        assert!(database.can_log_in(&account.login().username, account.password()).await.unwrap());
    }
    assert_eq!(leases(postgres).await, 0, "a lease was left behind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_credentials_of_an_overtaken_function_have_ended_with_its_task() {
    let database = Database::start(Engine::PostgreSql).await.unwrap();
    let Database::PostgreSql(postgres) = &database else { panic!("another kind") };
    let standstill = Standstill::default();
    let mut functions = FaultyFunctions::of(PROGRAM);
    let function = functions.add_with(&[(fault::HOLD_IN, &standstill.directory())]);
    let mut cluster = Cluster::start(postgres, 1, |options| functions.register(options)).await;
    // The functions of the second server call the first one, as behind a proxy.
    let url = cluster.servers[0].server.url().to_owned();
    cluster.add(|options| functions.register(options).argument("--public-url").argument(url)).await;
    let [first, second] = cluster.servers.as_slice() else { panic!("another number") };

    // Stopped before it reads, before it changes the database, and before it moves the stages. Once it may have changed the
    // password, its refusal leaves something to finish.
    let places = [
        ("app_a", "read-current#1:before", "ROTATION_SERVICE_REFUSED"),
        ("app_b", "set-password#1:before", "ROTATION_UNFINISHED"),
        ("app_c", "move-stages#1:before", "ROTATION_UNFINISHED"),
    ];
    let mut tasks = Vec::new();
    for (user, place, code) in places {
        database.create_login(user, PASSWORD).await.unwrap();
        standstill.ask(user, place);
        let value = database.value(user, PASSWORD);
        let name = first.create(user, RotationMode::SingleUser, &function, &value).await;
        tasks.push((second.begin(&name).await, name, code));
    }
    for (_, name, _) in &tasks {
        standstill.reached(name).await;
    }
    cluster.signal(1, "-STOP");
    end_leases(postgres).await;
    for (begun, name, code) in tasks {
        let task = first.ended(&begun.rotation_task_id).await;
        let rotation = (begun, task);
        first.assert_rotated(&rotation, 2, VersionId::FIRST, name.as_str()).await;
        let finished = (first.client.show_secret(&name).await.unwrap().secret.update_time, first.current(&name).await);

        standstill.release(&name);
        match standstill.ended(&name).await {
            RotationReply::Failed { error_code, error_msg, .. } => {
                assert_eq!(error_code, code, "{name}: {error_msg}");
                assert!(error_msg.contains("the rotation task of this function has ended"), "{name}: {error_msg}");
            }
            reply @ RotationReply::Success { .. } => panic!("{name}: {reply:?}"),
        }
        first.assert_rotated(&rotation, 2, VersionId::FIRST, name.as_str()).await;
        let update_time = first.client.show_secret(&name).await.unwrap().secret.update_time;
        let account = first.current(&name).await;
        assert_eq!((update_time, account.password()), (finished.0, finished.1.password()), "{name} was changed");
        assert!(database.can_log_in(name.as_str(), account.password()).await.unwrap(), "{name}");
    }
    cluster.signal(1, "-CONT");
    cluster.let_go(1).await;
    assert_eq!(leases(postgres).await, 0, "a lease was left behind");
}
