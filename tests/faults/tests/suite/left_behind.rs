//! What a killed server leaves: the next one on its directory removes it, and nothing of a server that lives.

use std::{fs, path::Path};

use csms_faults::Database;
use csms_testbed::{Server, server::Options};

/// Directories that servers have made for the files of functions.
fn directories(data: &Path) -> usize {
    let is_own = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with("host-");
    fs::read_dir(data.join("functions")).unwrap().filter(|entry| is_own(&entry.as_ref().unwrap().file_name())).count()
}

fn names(directory: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().to_string_lossy().into_owned();
    let mut names: Vec<_> = fs::read_dir(directory).unwrap().map(name).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_killed_server_leaves_nothing_for_ever() {
    let (directory, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let options = || {
        let options = Options { data: Some(directory.path().to_owned()), ..Options::default() };
        options.variable("TMPDIR", temporary.path())
    };
    let server = Server::start(options()).await.unwrap();
    server.terminate().await.unwrap();
    let once = names(directory.path());
    for _ in 0..3 {
        Server::start(options()).await.unwrap().kill().await.unwrap();
    }
    let server = Server::start(options()).await.unwrap();
    assert_eq!(directories(directory.path()), 1, "{:?}", names(&directory.path().join("functions")));
    assert!(names(temporary.path()).is_empty(), "{:?}", names(temporary.path()));
    server.terminate().await.unwrap();
    assert_eq!(directories(directory.path()), 0);
    assert_eq!(names(directory.path()), once);
}

#[tokio::test]
async fn a_server_that_lives_keeps_what_is_its_own() {
    let database = Database::start().await;
    let directory = tempfile::tempdir().unwrap();
    let options = || Options { data: Some(directory.path().to_owned()), ..database.options() };
    let first = Server::start(options()).await.unwrap();
    let second = Server::start(options()).await.unwrap();
    second.kill().await.unwrap();
    let third = Server::start(options()).await.unwrap();
    assert_eq!(directories(directory.path()), 2);
    drop((first, third));
}
