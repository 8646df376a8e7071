//! Passes over all secrets do not stand in the way of other requests.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use csms_api::Operation;
use csms_client::{Client, ClientError};
use csms_faults::{Writers, client, create_many, eventually, read};
use csms_testbed::{Server, server::Options};
use rusqlite::Connection;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const SECRETS: usize = 2_000;
/// Passes that are asked for at the same time, more than the server has threads.
const PASSES: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn passes_over_all_secrets_leave_reads_beside_them_quick() {
    let server = Server::start(Options::default().argument("--secret-quota").argument("1000000")).await.unwrap();
    let client = client(&server);
    create_many(&client, "kept", 1).await;
    let writers = Writers::begin(&client, "w", 32);
    eventually("there are many secrets", async || writers.acknowledged() >= SECRETS).await;
    writers.end().await;
    let ended = Arc::new(AtomicBool::new(false));
    let begun = Instant::now();
    let mut passes = JoinSet::new();
    for _ in 0..PASSES {
        let client = client.clone();
        // No index finds the secrets of an instance.
        passes.spawn(async move { client.batch_delete("an-instance-without-secrets").await.unwrap().total });
    }
    let reader = tokio::spawn({
        let (client, ended) = (client.clone(), Arc::clone(&ended));
        async move {
            let mut times = Vec::new();
            while !ended.load(Ordering::SeqCst) {
                let asked = Instant::now();
                assert_eq!(read(&client, "kept-0").await.unwrap(), "kept-0");
                times.push(asked.elapsed());
            }
            times
        }
    });
    for deleted in passes.join_all().await {
        assert_eq!(deleted, 0);
    }
    let pass: Duration = begun.elapsed() / u32::try_from(PASSES).unwrap();
    ended.store(true, Ordering::SeqCst);
    let mut times = reader.await.unwrap();
    times.sort_unstable();
    let median = times[times.len() / 2];
    assert!(median * 4 < pass, "half of {} reads took more than {median:?}, and a pass {pass:?}", times.len());
}

/// Secrets that are counted and never read.
const COUNTED: i64 = 30_000;
/// Memory that counts may take, in KiB: a fraction of what these secrets would.
const MOST_KIB: u64 = 40 * 1024;
/// Reads that are answered while secrets are counted.
const READS: usize = 100;

/// Has the file of a stopped server hold as many copies of its secret, all with one tag.
fn multiply(data: &Path) {
    let database = Connection::open(data.join("csms.db")).unwrap();
    let copy = format!(
        "INSERT INTO secrets (project, name, id, document, checksum, mac)
             WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < {COUNTED})
             SELECT project, 'copy-' || number, id || number, document, checksum, mac FROM secrets, numbers;
         INSERT INTO secret_tags (project, key, name, value)
             SELECT number, 'a', name, 'b' FROM secrets JOIN search_projects USING (project);"
    );
    database.execute_batch(&copy).unwrap();
}

async fn count(client: &Client, body: &Value) -> Result<u64, ClientError> {
    let row = Operation::ListResourceInstances.specification();
    let found: Value = client.call_json(row, &[], &[], Some(body)).await?;
    Ok(found["total_count"].as_u64().unwrap())
}

/// The most memory that a server has had, in KiB.
fn most_memory(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    most.split_whitespace().next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_of_all_secrets_hold_none_of_them_and_let_reads_pass() {
    let data = tempfile::tempdir().unwrap();
    let options = || Options { data: Some(data.path().to_owned()), ..Options::default() };
    let server = Server::start(options()).await.unwrap();
    create_many(&client(&server), "kept", 1).await;
    server.terminate().await.unwrap();
    multiply(data.path());

    let server = Server::start(options()).await.unwrap();
    let client = client(&server);
    read(&client, "kept-0").await.unwrap();
    let before = most_memory(&server);
    let mut counts = JoinSet::new();
    for number in 0..PASSES {
        let client = client.clone();
        let body = match number % 2 {
            0 => json!({ "action": "count" }),
            _ => json!({ "action": "count", "tags": [{ "key": "a", "values": ["b"] }] }),
        };
        counts.spawn(async move {
            loop {
                assert_eq!(count(&client, &body).await.unwrap(), u64::try_from(COUNTED).unwrap() + 1);
            }
        });
    }
    for _ in 0..READS {
        assert_eq!(read(&client, "kept-0").await.unwrap(), "kept-0");
    }
    assert!(counts.try_join_next().is_none(), "every count is right");
    let more = most_memory(&server) - before;
    assert!(more < MOST_KIB, "counts took {more} KiB");
}
