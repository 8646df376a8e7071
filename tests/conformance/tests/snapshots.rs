//! `csms snapshot` and `csms drill`: what was in the store is in the snapshot and comes back, into either store.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use csms_client::{Client, CreateSecretBody, CreateVersionBody};
use csms_conformance::{client, everything};
use csms_core::SecretName;
use csms_testbed::{
    Postgres, Server,
    postgres::{ADMIN, DATABASE},
    server::{Options, binary},
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A text that is a secret's value, so it must not be readable in a snapshot.
const VALUE: &str = "the value that nobody reads";

/// A database password in a snapshot.
const LOGIN_PASSWORD: &str = "Pass-word-of-the-snapshot";

/// Where the data of a command is.
struct Data<'d> {
    directory: &'d Path,
    root_key: PathBuf,
    postgres: Option<&'d Postgres>,
}

impl<'d> Data<'d> {
    fn of(directory: &'d Path) -> Self {
        Self { directory, root_key: directory.join("root.key"), postgres: None }
    }

    /// The same with the root key of another directory.
    fn with_root_key_of(self, other: &Path) -> Self {
        Self { root_key: other.join("root.key"), ..self }
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = tokio::process::Command::new(binary().unwrap());
        command.args(arguments).arg("--data").arg(self.directory).arg("--root-key-file").arg(&self.root_key);
        if let Some(postgres) = self.postgres {
            command.args(["--store", &address(postgres)]).env("PGPASSWORD", postgres.admin_password());
        }
        command.stdin(Stdio::null()).kill_on_drop(true).output().await.unwrap()
    }

    async fn succeeds(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Requires that a command fails and says `why`.
    async fn fails(&self, arguments: &[&str], why: &str) {
        let output = self.run(arguments).await;
        assert!(!output.status.success() && stderr(&output).contains(why), "{arguments:?} {why}: {output:?}");
    }
}

fn address(postgres: &Postgres) -> String {
    format!("postgres://{ADMIN}@127.0.0.1:{}/{DATABASE}", postgres.port())
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn options(directory: &Path, root_key: &Path, postgres: Option<&Postgres>) -> Options {
    let options = Options { data: Some(directory.to_owned()), ..Options::default() };
    let options = options.argument("--root-key-file").argument(root_key);
    match postgres {
        Some(postgres) => {
            let options = options.argument("--store").argument(address(postgres));
            options.variable("PGPASSWORD", postgres.admin_password())
        }
        None => options,
    }
}

/// Secrets with several versions, one of them a replica-free text, one binary.
async fn fill(client: &Client) {
    for number in 0..30 {
        let name = format!("text-{number}");
        let body = CreateSecretBody { name: &name, secret_string: Some(VALUE), ..CreateSecretBody::default() };
        client.create_secret(&body).await.unwrap();
    }
    let binary = CreateSecretBody { name: "binary", secret_binary: Some("AAH/gA=="), ..CreateSecretBody::default() };
    client.create_secret(&binary).await.unwrap();
    let name = SecretName::parse("text-7").unwrap();
    for number in 0..5 {
        let value = format!("later {number}");
        let body = CreateVersionBody { secret_string: Some(&value), ..CreateVersionBody::default() };
        client.create_version(&name, &body).await.unwrap();
    }
}

/// Starts a server on restored data with the credentials of the first one, and returns what a client can read there.
async fn read_by_another(first: &Server, restored: Options) -> BTreeMap<String, Vec<String>> {
    let data = restored.data.clone().unwrap();
    fs::copy(first.credentials_path(), data.join("credentials.json")).unwrap();
    let server = Server::start(restored).await.unwrap();
    everything(&client(&server)).await
}

fn snapshot_in(directory: &TempDir) -> String {
    directory.path().join("a.snapshot").to_str().unwrap().to_owned()
}

/// The files of a directory that a command may have left there.
fn left_in(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn a_snapshot_of_a_running_server_comes_back_as_it_was() {
    let (data, backup, restored) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let root_key = data.path().join("root.key");
    let server = Server::start(options(data.path(), &root_key, None)).await.unwrap();
    let first = client(&server);
    fill(&first).await;
    let before = everything(&first).await;
    let (commands, file) = (Data::of(data.path()), snapshot_in(&backup));
    let made = commands.succeeds(&["snapshot", "create", &file, "-o", "json"]).await;
    let made: Value = serde_json::from_str(&made).unwrap();
    let body = CreateSecretBody { name: "later", secret_string: Some("v"), ..CreateSecretBody::default() };
    first.create_secret(&body).await.unwrap();

    assert_eq!(left_in(backup.path()), ["a.snapshot"], "the command cleans up");
    let content = fs::read(&file).unwrap();
    let root = fs::read_to_string(&root_key).unwrap();
    for (what, text) in [("a value", VALUE), ("the root key", root.trim())] {
        let found = content.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text.as_bytes()));
        assert!(!found, "{what} is readable in the snapshot");
    }
    let head = made["manifest"]["audit_head"].as_str().unwrap();
    commands.succeeds(&["snapshot", "verify", &file, "--expect", head]).await;
    commands.fails(&["snapshot", "create", &file], "is there already").await;

    let elsewhere = Data::of(restored.path()).with_root_key_of(data.path());
    elsewhere.succeeds(&["snapshot", "restore", &file]).await;
    let found = read_by_another(&server, options(restored.path(), &root_key, None)).await;
    assert_eq!(found, before, "what was written after the snapshot is not in it");
    let trail = elsewhere.succeeds(&["audit", "list", "--offline"]).await;
    assert!(trail.contains("CreateSnapshot") && trail.contains("RestoreSnapshot"), "{trail}");
    elsewhere.fails(&["snapshot", "restore", &file], "csms.db is there").await;
}

#[tokio::test]
async fn a_snapshot_made_among_writes_is_of_one_instant() {
    let (data, backup) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start(options(data.path(), &data.path().join("root.key"), None)).await.unwrap();
    let writer = client(&server);
    let writing = tokio::spawn(async move {
        for number in 0_u64.. {
            let name = format!("written-{number}");
            let body = CreateSecretBody { name: &name, secret_string: Some(VALUE), ..CreateSecretBody::default() };
            writer.create_secret(&body).await.unwrap();
        }
    });
    let commands = Data::of(data.path());
    for number in 0..3 {
        let file = backup.path().join(number.to_string()).to_str().unwrap().to_owned();
        commands.succeeds(&["snapshot", "create", &file]).await;
        // The trail, its head and the rows that it names fit together, and every value opens.
        commands.succeeds(&["drill", &file, "--no-logins"]).await;
    }
    writing.abort();
}

#[tokio::test]
async fn what_was_changed_or_is_of_another_installation_is_refused() {
    let (data, other, backup, empty) = (
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
    );
    for directory in [&data, &other] {
        let server = Server::start(options(directory.path(), &directory.path().join("root.key"), None)).await.unwrap();
        fill(&client(&server)).await;
        server.terminate().await.unwrap();
    }
    let (commands, file) = (Data::of(data.path()), snapshot_in(&backup));
    commands.succeeds(&["snapshot", "create", &file]).await;
    let mut content = fs::read(&file).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    let damaged = backup.path().join("damaged").to_str().unwrap().to_owned();
    fs::write(&damaged, &content).unwrap();
    commands.fails(&["snapshot", "verify", &damaged], "damaged").await;
    commands.fails(&["snapshot", "verify", "--without-key", &damaged], "damaged").await;
    let cut = backup.path().join("cut").to_str().unwrap().to_owned();
    fs::write(&cut, &content[..middle]).unwrap();
    commands.fails(&["snapshot", "verify", "--without-key", &cut], "bytes").await;
    commands.fails(&["snapshot", "verify", &data.path().join("csms.db").to_string_lossy()], "is not a snapshot").await;
    Data::of(data.path()).with_root_key_of(other.path()).fails(&["snapshot", "verify", &file], "root key").await;

    let into_empty = Data::of(empty.path()).with_root_key_of(data.path());
    into_empty.fails(&["snapshot", "restore", &damaged], "damaged").await;
    into_empty.fails(&["snapshot", "restore", &cut], "bytes").await;
    assert_eq!(left_in(empty.path()), Vec::<String>::new(), "nothing is left of a refused restore");
    // A directory that lost its database belongs to its installation all the same.
    for name in ["csms.db", "csms.db-wal", "csms.db-shm"] {
        let _ = fs::remove_file(other.path().join(name));
    }
    let into_other = Data::of(other.path()).with_root_key_of(data.path());
    into_other.fails(&["snapshot", "restore", &file], "another installation").await;
    assert!(!other.path().join("csms.db").exists());
    // Its log without its database is not taken for nothing either.
    fs::write(empty.path().join("csms.db-wal"), b"log").unwrap();
    into_empty.fails(&["snapshot", "restore", &file], "csms.db-wal is there").await;
}

#[tokio::test]
async fn a_snapshot_of_a_database_goes_into_a_database_and_into_a_file() {
    let (data, backup, restored, in_file) = (
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
    );
    let (postgres, another) = (Postgres::start().await.unwrap(), Postgres::start().await.unwrap());
    let root_key = data.path().join("root.key");
    let server = Server::start(options(data.path(), &root_key, Some(&postgres))).await.unwrap();
    fill(&client(&server)).await;
    let before = everything(&client(&server)).await;
    let commands = Data { postgres: Some(&postgres), ..Data::of(data.path()) };
    let file = snapshot_in(&backup);
    commands.succeeds(&["snapshot", "create", &file]).await;
    commands.succeeds(&["drill", &file, "--no-logins"]).await;
    commands.fails(&["snapshot", "restore", &file], "is not empty").await;

    let elsewhere = Data { postgres: Some(&another), ..Data::of(restored.path()).with_root_key_of(data.path()) };
    elsewhere.succeeds(&["snapshot", "restore", &file]).await;
    let found = read_by_another(&server, options(restored.path(), &root_key, Some(&another))).await;
    assert_eq!(found, before, "in a database");

    Data::of(in_file.path()).with_root_key_of(data.path()).succeeds(&["snapshot", "restore", &file]).await;
    let found = read_by_another(&server, options(in_file.path(), &root_key, None)).await;
    assert_eq!(found, before, "in a file");
}

#[tokio::test]
async fn a_drill_names_the_passwords_that_no_longer_log_in() {
    let (data, backup) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let postgres = Postgres::start().await.unwrap();
    let server = Server::start(options(data.path(), &data.path().join("root.key"), None)).await.unwrap();
    let client = client(&server);
    for name in ["right", "rotated_since"] {
        postgres.create_login(name, LOGIN_PASSWORD).await.unwrap();
        let value = json!({
            "engine": "postgresql", "host": "127.0.0.1", "port": postgres.port(), "dbname": DATABASE,
            "username": name, "password": LOGIN_PASSWORD, "tls": "disable",
        });
        let value = value.to_string();
        let body = CreateSecretBody {
            name,
            secret_string: Some(&value),
            secret_type: Some("RDS-FG"),
            rotation_config: Some(r#"{"InstanceId":"i","SecretSubType":"SingleUser"}"#),
            ..CreateSecretBody::default()
        };
        client.create_secret(&body).await.unwrap();
    }
    let (commands, file) = (Data::of(data.path()), snapshot_in(&backup));
    commands.succeeds(&["snapshot", "create", &file]).await;
    postgres.execute("ALTER ROLE rotated_since PASSWORD 'another one'").await.unwrap();

    let drill = commands.run(&["drill", &file, "-o", "json"]).await;
    assert!(!drill.status.success(), "{drill:?}");
    let found: Value = serde_json::from_slice(&drill.stdout).unwrap();
    let logins: Vec<_> = found["logins"].as_array().unwrap().iter().map(|it| (&it["name"], &it["outcome"])).collect();
    assert_eq!(logins, [(&json!("rotated_since"), &json!("refused")), (&json!("right"), &json!("logs_in"))]);
    assert_eq!(found["findings"]["values_opened"], 2);
    let told = stderr(&drill);
    for name in ["right", "rotated_since"] {
        let line = format!("will log in to postgresql {name}@127.0.0.1:{}", postgres.port());
        assert!(told.contains(&line), "{told}");
    }
    assert!(!told.contains(LOGIN_PASSWORD) && !String::from_utf8(drill.stdout).unwrap().contains(LOGIN_PASSWORD));

    commands.succeeds(&["drill", &file, "--no-logins"]).await;
}
