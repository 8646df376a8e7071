//! Three servers on one PostgreSQL store: one is killed and one stands still for longer than its leases while many
//! rotations are due, and yet each secret is rotated once.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

use core::time::Duration;
use std::{fs, process::Command};

use csms_core::{
    RotationMode, RotationPeriod, Secret, SecretName, UnixMillis, VersionId, rotation::Engine, stage, task::TaskStatus,
};
use csms_rotation_tests::{Database, Service};
use csms_store::{PostgresSettings, PostgresStore, Store, TaskFilter};
use csms_testbed::{
    postgres::{ADMIN, DATABASE},
    server::Options,
};
use tempfile::TempDir;
use tokio::time::Instant;

const SECRETS: usize = 24;
const PASSWORD: &str = "First-password-1";

/// Longest wait for a dead server's tasks: its leases, the interval of looking, and the rotations themselves.
const WITHIN: Duration = Duration::from_secs(150);
const GLANCE: Duration = Duration::from_millis(20);

struct Cluster {
    store: PostgresStore,
    servers: Vec<Service>,
    _data: Vec<TempDir>,
}

/// Options of a server on the store. Later ones get the root key and the first user's keys of the first.
fn options(settings: &PostgresSettings, data: &TempDir) -> Options {
    let options = Options { data: Some(data.path().to_owned()), ..Options::default() };
    let password = settings.password.as_ref().unwrap().as_str();
    options.argument("--store").argument(settings.url.as_str()).variable("PGPASSWORD", password)
}

async fn cluster(settings: &PostgresSettings) -> Cluster {
    let data = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let mut servers = vec![Service::start_with(options(settings, &data[0])).await];
    for other in &data[1..] {
        for file in ["root.key", "credentials.json"] {
            // Copying keeps the mode.
            fs::copy(data[0].path().join(file), other.path().join(file)).unwrap();
        }
        servers.push(Service::start_with(options(settings, other)).await);
    }
    Cluster { store: PostgresStore::open(settings).await.unwrap(), servers, _data: data.into() }
}

impl Cluster {
    async fn secret(&self, name: &SecretName) -> Secret {
        let project = csms_core::ProjectId::parse(self.servers[0].server.project_id()).unwrap();
        self.store.secret(&project, name).await.unwrap().unwrap()
    }

    async fn make_due(&self, name: &SecretName) {
        let project = csms_core::ProjectId::parse(self.servers[0].server.project_id()).unwrap();
        let due = |draft: &mut csms_store::Draft| {
            draft.secret.auto_rotation = true;
            draft.secret.rotation_period = RotationPeriod::parse("4h").ok();
            draft.secret.next_rotation_time = Some(UnixMillis::new(1));
            Ok::<_, ()>(())
        };
        self.store.change_secret(&project, name, false, due).await.unwrap();
    }

    fn counted(&self, server: usize, words: &str) -> usize {
        self.servers[server].server.log().matches(words).count()
    }

    /// Waits until a server is at a rotation.
    async fn at_work(&self, server: usize) {
        let deadline = Instant::now() + WITHIN;
        while self.counted(server, "rotation begins") <= self.counted(server, "rotation ended") {
            assert!(Instant::now() < deadline, "server {server} rotates nothing");
            tokio::time::sleep(GLANCE).await;
        }
    }

    fn signal(&self, server: usize, signal: &str) {
        let id = self.servers[server].server.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_secret_is_rotated_once_although_one_server_dies_and_another_stands_still() {
    let database = Database::start(Engine::PostgreSql).await.unwrap();
    let Database::PostgreSql(postgres) = &database else { panic!("another kind") };
    let settings = PostgresSettings {
        password: Some(postgres.admin_password().to_owned().into()),
        ..PostgresSettings::at(format!("postgres://{ADMIN}@127.0.0.1:{}/{DATABASE}", postgres.port()))
    };
    let cluster = cluster(&settings).await;
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
    // Whether it finds its tasks taken or its connection closed depends on where it stood.
    let let_go = || ["rotation ended", "rotation left", "rotation interrupted"].map(|words| cluster.counted(1, words));
    while cluster.counted(1, "rotation begins") > let_go().iter().sum() {
        let log = || cluster.servers[1].server.log();
        assert!(Instant::now() < deadline, "the server that stood still does not let go\n{}", log());
        tokio::time::sleep(GLANCE).await;
    }

    let project = csms_core::ProjectId::parse(third.server.project_id()).unwrap();
    let filter = TaskFilter { secret_name: None, status: None, after: None, limit: 200 };
    let tasks = cluster.store.tasks(&project, &filter).await.unwrap();
    assert_eq!(tasks.total, SECRETS as u64);
    assert!(tasks.page.items.iter().all(|task| task.status == TaskStatus::Succeeded), "{:?}", tasks.page.items);
    for name in &names {
        assert_eq!(third.marked(name, stage::CURRENT).await, VersionId::from_number(2));
        assert_eq!(third.marked(name, stage::PENDING).await, None);
        let account = third.current(name).await;
        assert!(database.can_log_in(&account.login().username, account.password()).await.unwrap());
    }
    let leases = "SELECT count(*) FROM tasks WHERE lease_holder IS NOT NULL";
    let left: i64 = postgres.admin().await.unwrap().query_one(leases, &[]).await.unwrap().get(0);
    assert_eq!(left, 0, "a lease was left behind");
}
