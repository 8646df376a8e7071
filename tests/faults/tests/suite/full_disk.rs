//! A disk without room: writes are refused with 503, reads go on, health and log say so, and room mends it.
//!
//! The disk is played by the limit of a file's length (`RLIMIT_FSIZE`), which needs no rights. A write beyond it fails as one on
//! a full disk does, with another error number.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use csms_faults::{client, create, eventually, get, log_in, read, refused_for};
use csms_testbed::{
    Server,
    server::{Options, binary},
};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

/// Longest file that the server may write from now on; `None` for any.
fn limit(server: &Server, bytes: Option<u64>) {
    let id = Pid::from_raw(i32::try_from(server.id()).unwrap()).unwrap();
    prlimit(Some(id), Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
}

/// A program that is `csms` behind another command of the shell.
fn program_after(directory: &Path, first: &str) -> std::path::PathBuf {
    let program = directory.join("csms-behind-a-command");
    let script = format!("#!/bin/sh\n{first}\nexec {} \"$@\"\n", binary().unwrap().display());
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    program
}

#[tokio::test]
async fn a_disk_without_room_refuses_writes_alone_and_says_so() {
    let server = Server::start(Options::default()).await.unwrap();
    let client = client(&server);
    create(&client, "kept").await.unwrap();
    let token = log_in(&server).await;
    let log = fs::metadata(server.data().join("csms.db-wal")).unwrap().len();
    limit(&server, Some(log));
    assert!((1..=60).contains(&refused_for(&server, &token).await));

    for number in 0..20 {
        let refused = create(&client, &format!("refused-{number}")).await.unwrap_err();
        assert_eq!(refused.status(), Some(503), "{refused}");
        assert!(refused.to_string().contains("CSMS.0701"), "{refused}");
    }
    assert_eq!(read(&client, "kept").await.unwrap(), "kept");
    assert_eq!(get(&server, "/healthz").await.0, 200);
    eventually("a write is reported to fail", async || get(&server, "/healthz?write=1").await.0 == 503).await;
    eventually("the gauge is 0", async || get(&server, "/metrics").await.1.contains("csms_store_writable 0")).await;
    let lines = server.log().lines().filter(|line| line.contains("ERROR")).count();
    assert!((1..=2).contains(&lines), "{lines} lines\n{}", server.log_tail());

    limit(&server, None);
    create(&client, "after").await.unwrap();
    eventually("a write succeeds", async || get(&server, "/healthz?write=1").await.0 == 200).await;
    assert_eq!(read(&client, "after").await.unwrap(), "after");
}

#[tokio::test]
async fn a_start_on_a_disk_without_room_reads() {
    let (directory, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let on = |binary| Options { binary, data: Some(data.path().to_owned()), ..Options::default() };
    let server = Server::start(on(None)).await.unwrap();
    create(&client(&server), "kept").await.unwrap();
    server.terminate().await.unwrap();
    // 32 KiB (64 blocks): the shared memory that a stopped server keeps, and as much of a log. The database cannot grow.
    let server = Server::start(on(Some(program_after(directory.path(), "ulimit -S -f 64")))).await.unwrap();
    let client = client(&server);
    assert_eq!(read(&client, "kept").await.unwrap(), "kept");
    let mut number = 0;
    eventually("a write is refused", async || {
        number += 1;
        let written = create(&client, &format!("until-full-{number}")).await;
        written.is_err_and(|refused| refused.status() == Some(503))
    })
    .await;
    eventually("a write is reported to fail", async || get(&server, "/healthz?write=1").await.0 == 503).await;
    assert_eq!(read(&client, "kept").await.unwrap(), "kept");
    limit(&server, None);
    eventually("a write succeeds", async || create(&client, "after").await.is_ok()).await;
}
