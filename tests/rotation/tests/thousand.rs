//! A thousand due secrets, three servers on one PostgreSQL store, one killed and one standing still for longer than its
//! leases: each secret is rotated exactly once, and no lease is left behind.
//!
//! The function is a stand-in within this process, behind the invoke API of FunctionGraph: it changes no database, it writes
//! down which password a database would have been given, and moves the stages through the API of the server that called.
//! What the real function does to real accounts under the same conditions is in `replicas`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex},
};

use axum::{Router, extract::State, routing::post};
use bytes::Bytes;
use csms_client::{Client, Credentials};
use csms_core::{
    ProjectId, RotationMode, SecretName, StageName, UnixMillis, VersionId,
    rotation::{FailureCode, RotationEvent, RotationReply, message::connection},
    stage,
    task::TaskStatus,
};
use csms_rotation_tests::{
    Cluster, Service,
    cluster::{POLL_INTERVAL, WITHIN, leases},
};
use csms_store::{Store, TaskFilter};
use csms_testbed::Postgres;
use serde_json::json;
use tokio::{net::TcpListener, sync::watch, task::JoinSet, time::Instant};

const SECRETS: usize = 1000;
const FUNCTION: &str = "urn:fss:local-1:0123456789abcdef0123456789abcdef:function:default:stand-in";

/// The stand-in for functions and databases.
#[derive(Default)]
struct StandIn {
    /// The keys that the function works with, once there are any.
    keys: Mutex<Option<(ProjectId, String, String)>>,
    /// A client for each server.
    clients: Mutex<HashMap<String, Client>>,
    /// The versions whose passwords each account was given.
    given: Mutex<BTreeMap<SecretName, BTreeSet<VersionId>>>,
    /// The servers that have called.
    callers: Mutex<BTreeSet<String>>,
    /// Whether calls are answered; until then they wait.
    open: watch::Sender<bool>,
}

impl StandIn {
    fn client(&self, endpoint: &str) -> Client {
        let (project, access_key, secret_key) = self.keys.lock().unwrap().clone().unwrap();
        let mut clients = self.clients.lock().unwrap();
        let new = || Client::new(endpoint, project, Credentials::key_pair(&access_key, &secret_key)).unwrap();
        clients.entry(endpoint.to_owned()).or_insert_with(new).clone()
    }

    async fn invoke(&self, event: &[u8]) -> RotationReply {
        let event = RotationEvent::parse(event).unwrap();
        let (version, name) = (event.version_id.unwrap(), event.secret_name);
        self.given.lock().unwrap().entry(name.clone()).or_default().insert(version);
        let endpoint = event.csms_endpoint.unwrap();
        self.callers.lock().unwrap().insert(endpoint.clone());
        self.open.subscribe().wait_for(|open| *open).await.unwrap();
        let client = self.client(&endpoint);
        let moved = async {
            client.update_stage(&name, &StageName::current(), version).await?;
            client.delete_stage(&name, &StageName::pending()).await
        };
        match moved.await {
            Ok(()) => RotationReply::success(version),
            // Taken away by a call for the same task.
            Err(error) if error.status() == Some(404) => RotationReply::success(version),
            Err(error) => RotationReply::failed(FailureCode::Unavailable, connection::said(error.to_string())),
        }
    }

    /// Waits until a server has called.
    async fn called_by(&self, server: &Service) {
        let deadline = Instant::now() + WITHIN;
        while !self.callers.lock().unwrap().contains(server.server.url()) {
            assert!(Instant::now() < deadline, "no call\n{}", server.server.log_tail());
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Listens, and returns the address.
    async fn serve(self: Arc<Self>) -> String {
        let invoke = async |State(this): State<Arc<Self>>, event: Bytes| {
            serde_json::to_string(&this.invoke(&event).await).unwrap()
        };
        let path = "/v2/{project}/fgs/functions/{urn}/invocations";
        let router = Router::new().route(path, post(invoke)).with_state(self);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }
}

/// Makes the secrets through one server.
async fn make_secrets(cluster: &Arc<Cluster>) -> Vec<SecretName> {
    let mut makers = JoinSet::new();
    for maker in 0..8 {
        let cluster = Arc::clone(cluster);
        makers.spawn(async move {
            let mut made = Vec::new();
            for number in (maker..SECRETS).step_by(8) {
                let name = format!("db-{number}");
                // A host of its own for each: one target has a part of the permits only.
                let host = format!("{name}.nowhere");
                let account = json!({ "engine": "postgresql", "host": host, "username": "app", "password": "first" });
                made.push(cluster.servers[2].create(&name, RotationMode::SingleUser, FUNCTION, &account).await);
            }
            made
        });
    }
    makers.join_all().await.concat()
}

async fn make_due(cluster: &Arc<Cluster>, names: &[SecretName]) {
    let mut makers = JoinSet::new();
    for names in names.chunks(SECRETS / 8) {
        let (cluster, names) = (Arc::clone(cluster), names.to_vec());
        makers.spawn(async move {
            for name in &names {
                cluster.make_due(name).await;
            }
        });
    }
    makers.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_secrets_are_each_rotated_once_although_one_server_dies_and_another_stands_still() {
    let postgres = Postgres::start().await.unwrap();
    let stand_in = Arc::new(StandIn::default());
    let address = Arc::clone(&stand_in).serve().await;
    let cluster = Cluster::start(&postgres, 3, |options| {
        let options = options.argument("--functiongraph-endpoint").argument(address.as_str());
        let options = options.argument("--function-allow").argument(FUNCTION.replace("stand-in", "*"));
        let options = options.argument("--secret-quota").argument(SECRETS.to_string());
        options.variable("CSMS_FUNCTIONGRAPH_ACCESS_KEY", "any").variable("CSMS_FUNCTIONGRAPH_SECRET_KEY", "any")
    });
    let cluster = Arc::new(cluster.await);
    let keys = cluster.servers[2].server.credentials();
    *stand_in.keys.lock().unwrap() = Some((cluster.project(), keys.access_key.clone(), keys.secret_key.clone()));
    let begun = Instant::now();
    let names = make_secrets(&cluster).await;

    // Nothing is answered before all are due, so each server is certainly in the middle of some when it is stopped.
    make_due(&cluster, &names).await;
    let (made, deadline) = (begun.elapsed(), Instant::now() + WITHIN);
    stand_in.called_by(&cluster.servers[0]).await;
    cluster.servers[0].kill().await;
    stand_in.called_by(&cluster.servers[1]).await;
    cluster.signal(1, "-STOP");
    stand_in.open.send_replace(true);
    loop {
        let backlog = cluster.store.rotation_backlog(UnixMillis::new(1 << 40)).await.unwrap();
        if (backlog.due, backlog.running) == (0, 0) {
            break;
        }
        assert!(Instant::now() < deadline, "{backlog:?}\n{}", cluster.servers[2].server.log_tail());
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    // What it was at is another's by now; it must notice and change nothing.
    cluster.signal(1, "-CONT");
    cluster.let_go(1).await;
    println!("{SECRETS} secrets made in {made:.1?}, rotated after {:.1?} in all", begun.elapsed());

    let (mut after, mut tasks) = (None, Vec::new());
    loop {
        let filter = TaskFilter { secret_name: None, status: None, after, limit: 500 };
        let page = cluster.store.tasks(&cluster.project(), &filter).await.unwrap().page;
        after = page.items.last().map(|task| task.id.clone());
        tasks.extend(page.items);
        if !page.more {
            break;
        }
    }
    let rotated: BTreeSet<_> = tasks.iter().map(|task| &task.secret_name).collect();
    assert_eq!((tasks.len(), rotated.len()), (SECRETS, SECRETS), "one task for each secret");
    let unsuccessful: Vec<_> = tasks.iter().filter(|task| task.status != TaskStatus::Succeeded).collect();
    assert!(unsuccessful.is_empty(), "{unsuccessful:?}");
    let taken_over = tasks.iter().filter(|task| task.steps.iter().any(|step| step.step == "take over")).count();
    assert!(taken_over >= 2, "the stopped servers were at nothing: {taken_over}");

    let second = VersionId::FIRST.next();
    let given = stand_in.given.lock().unwrap().clone();
    for name in &names {
        assert_eq!(given.get(name), Some(&BTreeSet::from([second])), "{name}");
        let secret = cluster.secret(name).await;
        assert_eq!(secret.staged(&StageName::current()), Ok(second), "{name}");
        assert_eq!((secret.versions().len(), secret.running_task.is_none()), (2, true), "{name}");
        assert!(secret.stages().iter().all(|stage| stage.name.as_str() != stage::PENDING), "{name}");
        assert!(secret.next_rotation_time > secret.rotation_time, "{name}");
    }
    assert_eq!(leases(&postgres).await, 0, "a lease was left behind");
}
