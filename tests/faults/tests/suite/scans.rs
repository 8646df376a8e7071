//! Passes over all secrets do not stand in the way of other requests.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use csms_faults::{Writers, client, create_many, eventually, read};
use csms_testbed::{Server, server::Options};
use serde_json::json;
use tokio::task::JoinSet;

const SECRETS: usize = 2_000;
/// Passes that are asked for at the same time, more than the server has threads.
const PASSES: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn counts_of_all_secrets_leave_reads_beside_them_quick() {
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
        let body = json!({ "action": "count", "tags": [{ "key": "a", "values": ["b"] }] });
        passes.spawn(async move { client.find_resources(&body).await.unwrap().total_count });
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
    for count in passes.join_all().await {
        assert_eq!(count, 0);
    }
    let pass: Duration = begun.elapsed() / u32::try_from(PASSES).unwrap();
    ended.store(true, Ordering::SeqCst);
    let mut times = reader.await.unwrap();
    times.sort_unstable();
    let median = times[times.len() / 2];
    assert!(median * 4 < pass, "half of {} reads took more than {median:?}, and a pass {pass:?}", times.len());
}
