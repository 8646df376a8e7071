//! `csms migrate`: what was in the file is in the database, all of it or nothing.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::{
    collections::BTreeMap,
    path::Path,
    process::{Output, Stdio},
    time::Duration,
};

use csms_client::{CreateSecretBody, CreateVersionBody};
use csms_conformance::{client, everything};
use csms_core::{SecretName, StageName, TaskId, UnixMillis, VersionId};
use csms_store::{
    PostgresSettings, PostgresStore, SecretFilter, SqliteSettings, SqliteStore, Store, TaskFilter, suite,
};
use csms_testbed::{
    Postgres, Server,
    postgres::{ADMIN, DATABASE},
    server::{Options, binary},
};
use tempfile::TempDir;

fn address(postgres: &Postgres) -> String {
    format!("postgres://{ADMIN}@127.0.0.1:{}/{DATABASE}", postgres.port())
}

fn settings(postgres: &Postgres) -> PostgresSettings {
    let password = Some(postgres.admin_password().to_owned().into());
    PostgresSettings { password, ..PostgresSettings::at(address(postgres)) }
}

fn migration(data: &Path, postgres: &Postgres) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(binary().unwrap());
    command.args(["migrate", "--from", &format!("sqlite:{}", data.display()), "--to", &address(postgres)]);
    command.env("PGPASSWORD", postgres.admin_password()).stdin(Stdio::null()).kill_on_drop(true);
    command
}

async fn migrate(data: &Path, postgres: &Postgres) -> Output {
    migration(data, postgres).output().await.unwrap()
}

/// Sends a signal to a process.
async fn signal(name: &str, process: u32) {
    let sent = tokio::process::Command::new("kill").args([format!("-{name}"), process.to_string()]).status();
    assert!(sent.await.unwrap().success());
}

/// Waits until this is true of the session of `csms migrate`.
async fn until_its_session(watcher: &tokio_postgres::Client, condition: &str) {
    let sql = format!("SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'csms' AND {condition}");
    let found = async { while !watcher.query_one(&sql, &[]).await.unwrap().get::<_, bool>(0) {} };
    tokio::time::timeout(Duration::from_secs(60), found).await.unwrap();
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A data directory that a server has worked in, and everything that a client could read there.
async fn worked_in() -> (TempDir, BTreeMap<String, Vec<String>>) {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { data: Some(directory.path().to_owned()), ..Options::default() };
    let server = Server::start(options).await.unwrap();
    let client = client(&server);
    for number in 0..120 {
        let name = format!("text-{number}");
        let value = format!("value {number}: ü \u{1f511} \"quoted\" \\ {}", "x".repeat(number * 50));
        let body = CreateSecretBody { name: &name, secret_string: Some(&value), ..CreateSecretBody::default() };
        client.create_secret(&body).await.unwrap();
    }
    let binary = CreateSecretBody { name: "binary", secret_binary: Some("AAH/gA=="), ..CreateSecretBody::default() };
    client.create_secret(&binary).await.unwrap();
    let name = SecretName::parse("text-7").unwrap();
    for number in 0..25 {
        let value = format!("later {number}");
        let stages: &[&str] = if number == 5 { &["blue", "SYSCURRENT"] } else { &["SYSCURRENT"] };
        let body = CreateVersionBody {
            secret_string: Some(&value),
            version_stages: Some(stages),
            ..CreateVersionBody::default()
        };
        client.create_version(&name, &body).await.unwrap();
    }
    client.update_stage(&name, &StageName::parse("blue").unwrap(), VersionId::from_number(20).unwrap()).await.unwrap();
    let all = everything(&client).await;
    server.terminate().await.unwrap();
    (directory, all)
}

#[tokio::test]
async fn a_server_on_the_database_answers_as_the_one_on_the_file_did() {
    let (postgres, (directory, before)) = (Postgres::start().await.unwrap(), worked_in().await);
    let moved = migrate(directory.path(), &postgres).await;
    assert!(moved.status.success(), "{}", stderr(&moved));
    let told = String::from_utf8(moved.stdout).unwrap();
    for line in [format!("  {:<20} {:>12}", "secrets", 121), format!("  {:<20} {:>12}", "secret_values", 140)] {
        assert!(told.contains(&line), "{line}\n{told}");
    }
    let options = Options { data: Some(directory.path().to_owned()), ..Options::default() };
    let options = options.argument("--store").argument(address(&postgres));
    let server = Server::start(options.variable("PGPASSWORD", postgres.admin_password())).await.unwrap();
    let client = client(&server);
    assert_eq!(everything(&client).await, before);
    // The counts that belong to the secrets have come along.
    client
        .create_secret(&CreateSecretBody { name: "new", secret_string: Some("v"), ..Default::default() })
        .await
        .unwrap();
    let again = migrate(directory.path(), &postgres).await;
    assert!(!again.status.success() && stderr(&again).contains("is not empty"), "{}", stderr(&again));
    assert_eq!(everything(&client).await.len(), before.len() + 1, "nothing was changed");
}

#[tokio::test]
async fn tasks_come_along_and_every_table_has_its_place() {
    let (postgres, directory) = (Postgres::start().await.unwrap(), tempfile::tempdir().unwrap());
    let path = directory.path().join("csms.db");
    let source = SqliteStore::open(&path, SqliteSettings::default()).unwrap();
    suite::put(&source, &suite::common("db")).await;
    let begun = suite::begin_task(&source, "db", UnixMillis::new(5)).await;
    drop(source);
    let copied = csms_store::transfer::move_to_postgres(&path, &settings(&postgres)).await.unwrap();
    let target = PostgresStore::open(&settings(&postgres)).await.unwrap();
    target.use_row_key(suite::row_key());
    assert_eq!(target.task(&suite::project(), &begun.id).await.unwrap(), Some(begun));
    let filter = TaskFilter { secret_name: None, status: None, after: None::<TaskId>, limit: 9 };
    assert_eq!(target.tasks(&suite::project(), &filter).await.unwrap().total, 1);
    // What searches look into does not come along, but is derived again.
    let named = SecretFilter { names: vec!["db".to_owned()], ..SecretFilter::default() };
    assert_eq!(target.count_secrets(&suite::project(), &named).await.unwrap(), 1);
    let tables = "SELECT table_name::TEXT FROM information_schema.tables
        WHERE table_schema = current_schema()
            AND table_name NOT IN ('csms_schema', 'search_projects', 'secret_trigrams', 'secret_tags') ORDER BY 1";
    let tables = postgres.admin().await.unwrap().query(tables, &[]).await.unwrap();
    let tables: Vec<String> = tables.iter().map(|row| row.get(0)).collect();
    let mut names: Vec<_> = copied.into_iter().map(|table| table.name).collect();
    names.sort_unstable();
    assert_eq!(names, tables, "each table of the one schema is a table of the other");
}

#[tokio::test]
async fn a_migration_that_stands_still_for_longer_than_a_server_may_goes_on() {
    let (postgres, (directory, _)) = (Postgres::start().await.unwrap(), worked_in().await);
    drop(PostgresStore::open(&settings(&postgres)).await.unwrap());
    let (holder, watcher) = (postgres.admin().await.unwrap(), postgres.admin().await.unwrap());
    holder.batch_execute("BEGIN; LOCK TABLE secret_values").await.unwrap();
    let mut command = migration(directory.path(), &postgres);
    let running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until_its_session(&watcher, "wait_event_type = 'Lock'").await;
    let process = running.id().unwrap();
    signal("STOP", process).await;
    holder.batch_execute("ROLLBACK").await.unwrap();
    // A server's session would have been ended after 2.5 s.
    until_its_session(&watcher, "state = 'idle in transaction' AND now() - state_change > interval '4 s'").await;
    signal("CONT", process).await;
    let moved = running.wait_with_output().await.unwrap();
    assert!(moved.status.success(), "{}", stderr(&moved));
}

#[tokio::test]
async fn a_refused_password_is_told_apart_from_a_database_that_is_out_of_reach() {
    let (postgres, (directory, _)) = (Postgres::start().await.unwrap(), worked_in().await);
    let command = || migration(directory.path(), &postgres);
    let wrong = command().env("PGPASSWORD", "wrong").output().await.unwrap();
    assert_eq!(wrong.status.code(), Some(2), "{}", stderr(&wrong));
    let missing = command().env_remove("PGPASSWORD").output().await.unwrap();
    assert_eq!(missing.status.code(), Some(2), "{}", stderr(&missing));
    let mut late = command();
    drop(postgres);
    let unreachable = late.output().await.unwrap();
    assert_eq!(unreachable.status.code(), Some(5), "{}", stderr(&unreachable));
}

#[tokio::test]
async fn a_copy_that_differs_is_undone() {
    let (postgres, (directory, _)) = (Postgres::start().await.unwrap(), worked_in().await);
    drop(PostgresStore::open(&settings(&postgres)).await.unwrap());
    let distort = "CREATE FUNCTION distort() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN IF new.version = 12 THEN new.sealed := new.sealed || '\\x00'; END IF; RETURN new; END $$;
         CREATE TRIGGER distort BEFORE INSERT ON secret_values FOR EACH ROW EXECUTE FUNCTION distort()";
    postgres.admin().await.unwrap().batch_execute(distort).await.unwrap();
    let refused = migrate(directory.path(), &postgres).await;
    assert!(!refused.status.success() && stderr(&refused).contains("secret_values is not the same"), "{refused:?}");
    postgres.admin().await.unwrap().batch_execute("DROP TRIGGER distort ON secret_values").await.unwrap();
    let again = migrate(directory.path(), &postgres).await;
    assert!(again.status.success(), "{}", stderr(&again));
}

#[tokio::test]
async fn the_data_of_a_running_server_and_what_is_no_data_are_refused() {
    let (postgres, server) = (Postgres::start().await.unwrap(), Server::start(Options::default()).await.unwrap());
    let refused = migrate(server.data(), &postgres).await;
    assert!(!refused.status.success() && stderr(&refused).contains("in use by another process"), "{refused:?}");
    let nowhere = migrate(Path::new("/nowhere"), &postgres).await;
    assert!(!nowhere.status.success() && stderr(&nowhere).contains("there is no database at"), "{nowhere:?}");
}
