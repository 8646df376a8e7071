//! Three servers on one PostgreSQL store: one is killed and one stands still for longer than its leases while many
//! rotations are due, and yet each secret is rotated once. Real accounts, the real function; `thousand` does the same with
//! more secrets and a cheap function.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

use csms_core::{RotationMode, Secret, UnixMillis, VersionId, rotation::Engine, stage, task::TaskStatus};
use csms_rotation_tests::{
    Cluster, Database,
    cluster::{GLANCE, WITHIN, leases},
};
use csms_store::{Store, TaskFilter};
use tokio::time::Instant;

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

    cluster.at_work(0).await;
    cluster.servers[0].kill().await;
    cluster.at_work(1).await;
    cluster.signal(1, "-STOP");

    let deadline = Instant::now() + WITHIN;
    let done = |secret: &Secret| {
        secret.running_task.is_none() && secret.next_rotation_time.is_some_and(|due| due > UnixMillis::new(1))
    };
    for name in &names {
        while !done(&cluster.secret(name).await) {
            assert!(Instant::now() < deadline, "{name} is not rotated\n{}", third.server.log_tail());
            tokio::time::sleep(GLANCE).await;
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
