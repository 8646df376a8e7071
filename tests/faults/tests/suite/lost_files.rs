//! A store that is missing, replaced or cut is an error that names it, never a new installation and never half an answer.

use std::{
    fs,
    path::{Path, PathBuf},
};

use csms_faults::{Database, client, create, create_many, eventually, healthz_becomes, read, require_many};
use csms_testbed::{Server, postgres::DATABASE, server::Options};
use tempfile::TempDir;

const SECRETS: usize = 3;

fn on(data: &Path) -> Options {
    Options { data: Some(data.to_owned()), ..Options::default() }
}

fn database(data: &TempDir) -> PathBuf {
    data.path().join("csms.db")
}

fn remove_database(data: &TempDir) {
    for end in ["", "-wal", "-shm"] {
        // The log may be gone already.
        let _ = fs::remove_file(data.path().join(format!("csms.db{end}")));
    }
}

/// A data directory that a server has worked in and left.
async fn used() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(on(directory.path())).await.unwrap();
    create_many(&client(&server), "kept", SECRETS).await;
    server.terminate().await.unwrap();
    directory
}

/// Starts a server that must refuse, and returns what it says.
async fn refused(options: Options) -> String {
    match Server::start(options).await {
        Ok(server) => panic!("it started: {}", server.log_tail()),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn a_missing_database_beside_a_used_directory_is_no_first_start() {
    let directory = used().await;
    let credentials = fs::read(directory.path().join("credentials.json")).unwrap();
    remove_database(&directory);
    let said = refused(on(directory.path())).await;
    assert!(said.contains("there is no") && said.contains("csms.db") && said.contains("--new"), "{said}");
    assert!(!database(&directory).exists());
    assert_eq!(fs::read(directory.path().join("credentials.json")).unwrap(), credentials);
}

#[tokio::test]
async fn an_empty_database_beside_a_used_directory_is_no_first_start() {
    let directory = used().await;
    remove_database(&directory);
    fs::write(database(&directory), "").unwrap();
    let said = refused(on(directory.path())).await;
    assert!(said.contains("is empty"), "{said}");
}

#[tokio::test]
async fn the_database_of_another_installation_is_refused() {
    let (directory, other) = (used().await, used().await);
    remove_database(&directory);
    for file in ["csms.db", "root.key"] {
        fs::copy(other.path().join(file), directory.path().join(file)).unwrap();
    }
    let said = refused(on(directory.path())).await;
    assert!(said.contains("another installation"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_database_beside_a_used_directory_is_no_first_start() {
    let (database, directory) = (Database::start().await, tempfile::tempdir().unwrap());
    let at = |name: &str| Options { data: Some(directory.path().to_owned()), ..database.options_on(name) };
    let server = Server::start(at(DATABASE)).await.unwrap();
    create_many(&client(&server), "kept", SECRETS).await;
    server.terminate().await.unwrap();
    let credentials = fs::read(directory.path().join("credentials.json")).unwrap();
    for name in ["empty", "other"] {
        database.create(name).await;
    }
    Server::start(database.options_on("other")).await.unwrap().terminate().await.unwrap();
    for (name, words) in [("empty", "the store is empty"), ("other", "another installation")] {
        let said = refused(at(name)).await;
        assert!(said.contains(words), "{name}: {said}");
    }
    assert_eq!(fs::read(directory.path().join("credentials.json")).unwrap(), credentials);
    let server = Server::start(at(DATABASE)).await.unwrap();
    require_many(&client(&server), "kept", SECRETS).await;
}

#[tokio::test]
async fn a_new_installation_is_begun_when_insisted_on_and_never_over_foreign_credentials() {
    let directory = used().await;
    let file = directory.path().join("credentials.json");
    let credentials = fs::read(&file).unwrap();
    remove_database(&directory);
    let said = refused(on(directory.path()).argument("--new")).await;
    assert!(said.contains("credentials.json is there, from another installation"), "{said}");
    assert_eq!(fs::read(&file).unwrap(), credentials);
    fs::rename(&file, directory.path().join("moved-away.json")).unwrap();
    let server = Server::start(on(directory.path()).argument("--new")).await.unwrap();
    create(&client(&server), "first").await.unwrap();
    server.terminate().await.unwrap();
    // The directory now belongs to the new one.
    let server = Server::start(on(directory.path())).await.unwrap();
    assert_eq!(read(&client(&server), "first").await.unwrap(), "first");
}

#[tokio::test]
async fn a_first_start_with_a_root_key_made_beforehand_is_one() {
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("root.key");
    fs::write(&key, "5a".repeat(32)).unwrap();
    rustix::fs::chmod(&key, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
    let server = Server::start(on(directory.path())).await.unwrap();
    create(&client(&server), "first").await.unwrap();
}

#[tokio::test]
async fn a_directory_restored_from_database_and_root_key_alone_is_used() {
    let (directory, new) = (used().await, tempfile::tempdir().unwrap());
    for file in ["csms.db", "root.key"] {
        fs::copy(directory.path().join(file), new.path().join(file)).unwrap();
    }
    fs::copy(directory.path().join("credentials.json"), new.path().join("credentials.json")).unwrap();
    let server = Server::start(on(new.path())).await.unwrap();
    require_many(&client(&server), "kept", SECRETS).await;
    server.terminate().await.unwrap();
    remove_database(&new);
    let said = refused(on(new.path())).await;
    assert!(said.contains("there is no"), "the restored directory has a mark: {said}");
}

#[tokio::test]
async fn a_directory_deleted_under_a_running_server_takes_no_write() {
    let directory = used().await;
    let server = Server::start(on(directory.path())).await.unwrap();
    let client = client(&server);
    create(&client, "before").await.unwrap();
    fs::remove_dir_all(directory.path()).unwrap();
    assert!(create(&client, "lost").await.is_err());
    healthz_becomes(&server, 503).await;
}

#[tokio::test]
async fn each_file_of_the_store_that_is_deleted_under_a_running_server_is_missed() {
    for end in ["", "-wal", "-shm", ".lock"] {
        let directory = used().await;
        let server = Server::start(on(directory.path())).await.unwrap();
        let client = client(&server);
        create(&client, "before").await.unwrap();
        fs::remove_file(directory.path().join(format!("csms.db{end}"))).unwrap();
        assert!(create(&client, "lost").await.is_err(), "without csms.db{end}");
        healthz_becomes(&server, 503).await;
    }
}

#[tokio::test]
async fn a_directory_moved_away_under_a_running_server_takes_no_write() {
    let (directory, elsewhere) = (used().await, tempfile::tempdir().unwrap());
    let server = Server::start(on(directory.path())).await.unwrap();
    let client = client(&server);
    create(&client, "before").await.unwrap();
    fs::rename(directory.path(), elsewhere.path().join("moved")).unwrap();
    assert!(create(&client, "lost").await.is_err());
    healthz_becomes(&server, 503).await;
}

#[tokio::test]
async fn a_database_replaced_under_a_running_server_takes_no_write() {
    let (directory, backup) = (used().await, used().await);
    let server = Server::start(on(directory.path())).await.unwrap();
    let client = client(&server);
    create(&client, "before").await.unwrap();
    // As `install` does: another file under the same name.
    fs::rename(backup.path().join("csms.db"), database(&directory)).unwrap();
    assert!(create(&client, "lost").await.is_err());
    healthz_becomes(&server, 503).await;
}

#[tokio::test]
async fn a_database_cut_under_a_running_server_is_damaged_and_the_server_lives() {
    let directory = used().await;
    let server = Server::start(on(directory.path())).await.unwrap();
    let client = client(&server);
    require_many(&client, "kept", SECRETS).await;
    fs::OpenOptions::new().write(true).open(database(&directory)).unwrap().set_len(4096).unwrap();
    healthz_becomes(&server, 503).await;
    assert!(read(&client, "kept-0").await.is_err());
    assert!(create(&client, "lost").await.is_err());
    assert!(server.status().is_none(), "{}", server.log_tail());
    server.kill().await.unwrap();
    let said = refused(on(directory.path())).await;
    assert!(said.contains("damaged"), "{said}");
}

#[tokio::test]
async fn a_database_written_over_under_a_running_server_gives_no_mixture() {
    let (directory, backup) = (used().await, tempfile::tempdir().unwrap());
    let older = backup.path().join("older.db");
    fs::copy(database(&directory), &older).unwrap();
    let server = Server::start(on(directory.path())).await.unwrap();
    let client = client(&server);
    create_many(&client, "later", SECRETS).await;
    require_many(&client, "later", SECRETS).await;
    // As `cp` does: the same file with another content.
    fs::copy(&older, database(&directory)).unwrap();
    eventually("reads fail", async || read(&client, "later-0").await.is_err()).await;
    for number in 0..SECRETS {
        for prefix in ["kept", "later"] {
            let refused = read(&client, &format!("{prefix}-{number}")).await.unwrap_err();
            assert!(refused.status().is_some_and(|status| status >= 500), "{refused}");
        }
    }
    healthz_becomes(&server, 503).await;
    assert!(server.log().contains("another program wrote into"), "{}", server.log_tail());
}
