//! A stopped store is one file, and its log does not stay long.

use std::{fs, path::Path};

use csms_faults::{client, create_many, eventually, require_many};
use csms_testbed::{Server, server::Options};
use rusqlite::Connection;

const SECRETS: usize = 5;

fn on(data: &Path) -> Options {
    Options { data: Some(data.to_owned()), ..Options::default() }
}

fn bytes(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |metadata| metadata.len())
}

#[tokio::test]
async fn after_an_orderly_end_the_database_file_alone_is_the_data() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start(on(first.path())).await.unwrap();
    create_many(&client(&server), "kept", SECRETS).await;
    assert!(server.terminate().await.unwrap().success(), "{}", server.log_tail());
    assert_eq!(bytes(&first.path().join("csms.db-wal")), 0);
    for file in ["csms.db", "root.key", "credentials.json"] {
        fs::copy(first.path().join(file), second.path().join(file)).unwrap();
    }
    let copy = Server::start(on(second.path())).await.unwrap();
    require_many(&client(&copy), "kept", SECRETS).await;
}

#[tokio::test]
async fn a_command_on_a_stopped_store_leaves_one_file_behind_too() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(on(directory.path())).await.unwrap();
    server.kill().await.unwrap();
    let mut command = tokio::process::Command::new(csms_testbed::server::binary().unwrap());
    command.args(["audit", "verify", "--offline", "--data"]).arg(directory.path()).kill_on_drop(true);
    let verified = command.output().await.unwrap();
    assert!(verified.status.success(), "{verified:?}");
    assert_eq!(bytes(&directory.path().join("csms.db-wal")), 0);
}

#[tokio::test]
async fn a_log_that_another_program_kept_long_gives_its_room_back() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(on(directory.path())).await.unwrap();
    let reader = Connection::open(directory.path().join("csms.db")).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM secrets").unwrap();
    // The log is made long from outside, which is quicker than a hundred thousand requests.
    let writer = Connection::open(directory.path().join("csms.db")).unwrap();
    writer.execute_batch("PRAGMA wal_autocheckpoint = 0; PRAGMA busy_timeout = 60000").unwrap();
    let grow = "INSERT OR REPLACE INTO meta (key, value) VALUES ('ballast', randomblob(20000000))";
    for _ in 0..8 {
        writer.execute_batch(grow).unwrap();
    }
    drop(writer);
    let log = directory.path().join("csms.db-wal");
    create_many(&client(&server), "before", 1).await;
    assert!(bytes(&log) > 150_000_000, "{} bytes", bytes(&log));
    drop(reader);
    eventually("the log is short again", async || bytes(&log) <= 64 * 1024 * 1024).await;
    require_many(&client(&server), "before", 1).await;
}
