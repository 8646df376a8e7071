//! A disk that turns read-only, and one that stands still: writes are refused with 503, reads go on, health and log say so, and
//! all is well once the disk is.
//!
//! The disk is a file system of its own, which only root can make. For everybody else these tests are left out, and say so.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use csms_faults::{Writers, client, create, create_many, eventually, get, read, require_all, require_many};
use csms_testbed::{Server, Volume, roots::if_provided, server::Options};
use tokio::time::timeout;

const SECRETS: usize = 3;

/// A file system, and a directory for data on it.
fn disk() -> Option<(Volume, PathBuf)> {
    let volume = if_provided(Volume::create()).unwrap()?;
    let data = volume.path().join("data");
    fs::create_dir(&data).unwrap();
    Some((volume, data))
}

fn on(data: &Path) -> Options {
    Options { data: Some(data.to_owned()), ..Options::default() }
}

/// How many errors the log tells.
fn errors(server: &Server) -> usize {
    server.log().lines().filter(|line| line.contains("ERROR")).count()
}

/// Requires that writes are refused as those that a client should repeat, and that nothing else suffers.
async fn refuses_writes_alone(server: &Server) {
    let client = client(server);
    for number in 0..20 {
        let refused = create(&client, &format!("refused-{number}")).await.unwrap_err();
        assert_eq!(refused.status(), Some(503), "{refused}");
        assert!(refused.to_string().contains("CSMS.0701"), "{refused}");
    }
    reports_writes_alone(server).await;
}

/// Requires that health and gauge tell of writes that fail, and of nothing else.
async fn reports_writes_alone(server: &Server) {
    require_many(&client(server), "kept", SECRETS).await;
    assert_eq!(get(server, "/healthz").await.0, 200);
    eventually("a write is reported to fail", async || get(server, "/healthz?write=1").await.0 == 503).await;
    eventually("the gauge is 0", async || get(server, "/metrics").await.1.contains("csms_store_writable 0")).await;
    let errors = errors(server);
    assert!((1..=2).contains(&errors), "{errors} lines\n{}", server.log_tail());
}

#[tokio::test]
async fn files_that_may_not_be_written_refuse_writes_alone_until_they_may() {
    let Some((volume, data)) = disk() else { return };
    let server = Server::start(on(&data)).await.unwrap();
    create_many(&client(&server), "kept", SECRETS).await;
    let files = ["csms.db", "csms.db-wal"].map(|name| data.join(name));
    files.iter().for_each(|file| volume.seal(file, true).unwrap());
    refuses_writes_alone(&server).await;
    files.iter().for_each(|file| volume.seal(file, false).unwrap());
    create(&client(&server), "after").await.unwrap();
    eventually("a write succeeds", async || get(&server, "/healthz?write=1").await.0 == 200).await;
    assert_eq!(read(&client(&server), "after").await.unwrap(), "after");
    server.terminate().await.unwrap();
}

#[tokio::test]
async fn a_disk_that_turns_read_only_refuses_writes_alone_and_loses_nothing() {
    let Some((volume, data)) = disk() else { return };
    let server = Server::start(on(&data)).await.unwrap();
    create_many(&client(&server), "kept", SECRETS).await;
    volume.fail().unwrap();
    refuses_writes_alone(&server).await;
    server.terminate().await.unwrap();
    let refused = Server::start(on(&data)).await.unwrap_err().to_string();
    assert!(refused.contains("Read-only file system"), "{refused}");
    volume.mount_again().unwrap();
    let server = Server::start(on(&data)).await.unwrap();
    require_many(&client(&server), "kept", SECRETS).await;
    create(&client(&server), "after").await.unwrap();
    server.terminate().await.unwrap();
}

/// Has the disk stand still. Unlike a disk, a frozen file system also keeps waiting who writes into mapped memory, as the first
/// reader after a commit does. So it is frozen again if that was its moment.
async fn stand_still(volume: &Volume, server: &Server) {
    eventually("the disk stands still and readers do not", async || {
        volume.freeze().unwrap();
        let is_read = timeout(Duration::from_secs(2), get(server, "/healthz")).await.is_ok();
        if !is_read {
            volume.thaw().unwrap();
        }
        is_read
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_stands_still_refuses_writes_alone_and_loses_nothing() {
    let Some((volume, data)) = disk() else { return };
    let server = Server::start(on(&data)).await.unwrap();
    let client = client(&server);
    create_many(&client, "kept", SECRETS).await;
    let writers = Writers::begin(&client, "w", 4);
    writers.go_on().await;
    stand_still(&volume, &server).await;
    eventually("every writer is refused", async || {
        require_many(&client, "kept", SECRETS).await;
        assert_eq!(get(&server, "/healthz").await.0, 200);
        writers.all_refused()
    })
    .await;
    reports_writes_alone(&server).await;
    volume.thaw().unwrap();
    writers.go_on().await;
    eventually("a write succeeds", async || get(&server, "/healthz?write=1").await.0 == 200).await;
    require_all(&client, &writers.end().await).await;
    server.terminate().await.unwrap();
}
