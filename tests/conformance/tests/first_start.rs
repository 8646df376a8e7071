//! Servers that start together on an empty PostgreSQL store: one makes the first user, and all of them serve it.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use csms_server::{
    boot::{
        serve::{self, Bound, ServeError},
        settings::Flags,
    },
    clock::Clock,
    installation::Credentials,
};
use csms_store::Store;
use csms_testbed::{
    Postgres,
    postgres::{ADMIN, DATABASE},
};

const SERVERS: usize = 6;

/// Opens a server as `csms serve` does, up to the point where it listens.
async fn open(data: &Path, root_key: &Path, postgres: &Postgres) -> Result<Bound, ServeError> {
    let flags = Flags {
        listen: Some(([127, 0, 0, 1], 0).into()),
        data: Some(data.to_owned()),
        root_key_file: Some(root_key.to_owned()),
        store: Some(format!("postgres://{ADMIN}@127.0.0.1:{}/{DATABASE}", postgres.port()).into()),
        ..Flags::default()
    };
    let mut settings = flags.settle().unwrap();
    settings.store.as_mut().unwrap().password = Some(postgres.admin_password().to_owned().into());
    serve::bind(&settings, Clock::default()).await
}

fn root_key(directory: &Path) -> std::path::PathBuf {
    let file = directory.join("shared-root.key");
    fs::write(&file, format!("{}\n", "5a".repeat(32))).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    file
}

fn credentials(file: &Path) -> Option<Credentials> {
    fs::read(file).ok().map(|text| serde_json::from_slice(&text).unwrap())
}

/// Starts servers at the same time, each with the data directory that `data` names.
async fn start_together(data: impl Fn(usize) -> std::path::PathBuf, key: &Path, postgres: &Postgres) -> Vec<Bound> {
    let directories: Vec<_> = (0..SERVERS).map(data).collect();
    let starts = directories.iter().map(|data| open(data, key, postgres));
    futures_util::future::join_all(starts).await.into_iter().map(Result::unwrap).collect()
}

/// The one credentials file there is, whose keys every server knows.
async fn the_only_credentials(servers: &[Bound]) -> Credentials {
    let files: std::collections::BTreeSet<_> = servers.iter().map(|server| server.credentials.clone()).collect();
    let mut written: Vec<_> = files.iter().filter_map(|file| credentials(file)).collect();
    assert_eq!(written.len(), 1);
    let written = written.remove(0);
    for server in servers {
        let known = server.app.store.access_key(&written.access_key).await.unwrap();
        let (_, user) = known.unwrap();
        assert_eq!((user.name.as_str(), user.domain_id.as_str()), ("admin", written.domain_id.as_str()));
        assert_eq!(server.app.identity.project_id.as_str(), written.project_id);
        assert!(!server.credentials.with_extension("json.new").exists());
    }
    written
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_the_servers_that_start_together_makes_the_first_user() {
    let (postgres, directory) = (Postgres::start().await.unwrap(), tempfile::tempdir().unwrap());
    let key = root_key(directory.path());
    let servers = start_together(|number| directory.path().join(number.to_string()), &key, &postgres).await;
    let first = the_only_credentials(&servers).await;
    let users = "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM access_keys)";
    let counted = postgres.admin().await.unwrap().query_one(users, &[]).await.unwrap();
    assert_eq!((counted.get::<_, i64>(0), counted.get::<_, i64>(1)), (1, 1));
    drop(servers);
    // Later starts leave it at that.
    let servers = start_together(|number| directory.path().join(number.to_string()), &key, &postgres).await;
    assert_eq!(the_only_credentials(&servers).await.access_key, first.access_key);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_share_a_directory_write_the_keys_of_the_user_that_was_made() {
    let (postgres, directory) = (Postgres::start().await.unwrap(), tempfile::tempdir().unwrap());
    let key = root_key(directory.path());
    let servers = start_together(|_| directory.path().join("data"), &key, &postgres).await;
    the_only_credentials(&servers).await;
}

#[tokio::test]
async fn a_start_that_broke_off_after_the_user_was_made_is_completed_by_the_next() {
    let (postgres, directory) = (Postgres::start().await.unwrap(), tempfile::tempdir().unwrap());
    let (key, data) = (root_key(directory.path()), directory.path().join("data"));
    drop(open(&data, &key, &postgres).await.unwrap());
    let file = data.join("credentials.json");
    let made = credentials(&file).unwrap();
    fs::rename(&file, file.with_extension("json.new")).unwrap();
    let server = open(&data, &key, &postgres).await.unwrap();
    assert_eq!(the_only_credentials(&[server]).await.access_key, made.access_key);
}
