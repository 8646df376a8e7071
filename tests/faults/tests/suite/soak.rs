//! A short run of `csms-soak`: the same kills and checks, for some seconds on each store.

use std::{path::PathBuf, time::Duration};

use csms_faults::{
    is_long,
    soak::{Kind, run},
};

fn lasts() -> Duration {
    Duration::from_secs(if is_long() { 60 } else { 8 })
}

async fn loses_nothing(kind: Kind) {
    let report = run(kind, lasts(), PathBuf::from(env!("CARGO_BIN_EXE_csms-soak"))).await;
    assert!(report.is_clean(), "{report}");
    assert!(report.acknowledged > 0 && report.kills.iter().sum::<usize>() > 0, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_of_everything_lose_nothing_on_the_embedded_store() {
    loses_nothing(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_of_everything_lose_nothing_on_the_shared_store() {
    loses_nothing(Kind::Postgres).await;
}
