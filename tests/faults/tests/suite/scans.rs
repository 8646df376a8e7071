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
