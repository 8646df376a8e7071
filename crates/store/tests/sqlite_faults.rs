//! What only the SQLite store can meet: restarts, crashes, locks, and files that others have changed.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Write as _, stdout},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use csms_core::{SecretName, VersionId};
use csms_store::{
    CreateError, ReadError, SqliteSettings, SqliteStore, Store, StoreError, StoredValue,
    suite::{add_version, common, name, project, put, row_key, sealed},
};
use rusqlite::Connection;
use tempfile::TempDir;

const SETTINGS: SqliteSettings =
    SqliteSettings { max_batch: 64, busy_timeout: Duration::from_millis(50), timeout: Duration::from_secs(60) };

fn directory() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("csms.db");
    (directory, path)
}

fn open(path: &Path) -> SqliteStore {
    let store = SqliteStore::open(path, SETTINGS).unwrap();
    store.use_row_key(row_key());
    store
}

fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

fn read(store: &SqliteStore, name: &SecretName) -> Result<StoredValue, ReadError<()>> {
    wait(store.secret_value(&project(), name, None, |_| Ok(VersionId::FIRST)))
}

/// A file with the secrets `a` and `b`, changed by `sql` behind the store's back.
fn damaged_by(sql: &str) -> (TempDir, SqliteStore) {
    let (directory, path) = directory();
    let store = open(&path);
    for text in ["a", "b"] {
        wait(put(&store, &common(text)));
    }
    drop(store);
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    let store = open(&path);
    (directory, store)
}

#[test]
fn what_was_stored_is_there_after_a_restart() {
    let (_directory, path) = directory();
    let secret = common("a");
    let store = open(&path);
    wait(put(&store, &secret));
    let added = wait(store.change_secret(&project(), &name("a"), false, |draft| Ok::<_, ()>(add_version(draft))));
    drop(store);
    let store = open(&path);
    assert_eq!(read(&store, &secret.name).unwrap().sealed, sealed(&secret.name, VersionId::FIRST));
    let found = wait(store.secret(&project(), &secret.name)).unwrap().unwrap();
    assert!(found.version(added.unwrap()).is_ok());
}

#[test]
fn a_second_store_on_the_same_file_is_refused_until_the_first_closes() {
    let (_directory, path) = directory();
    let first = open(&path);
    let Err(StoreError::Unavailable(cause)) = SqliteStore::open(&path, SETTINGS) else { panic!("not refused") };
    assert_eq!(cause.to_string(), format!("{} is in use by another process", path.display()));
    let clone = first.clone();
    drop(first);
    assert!(SqliteStore::open(&path, SETTINGS).is_err());
    drop(clone);
    open(&path);
}

#[test]
fn a_closed_store_is_one_file_whoever_has_read() {
    let (directory, path) = directory();
    let store = open(&path);
    for number in 0..50 {
        wait(put(&store, &common(&format!("s-{number}"))));
    }
    std::thread::scope(|scope| {
        scope.spawn(|| assert!(read(&store, &name("s-0")).is_ok())).join().unwrap();
        wait(store.close()).unwrap();
    });
    assert!(matches!(read(&store, &name("s-0")), Err(ReadError::Store(StoreError::Unavailable(_)))));
    assert_eq!(fs::metadata(path.with_extension("db-wal")).unwrap().len(), 0);
    drop(store);
    let copy = directory.path().join("copy.db");
    fs::copy(&path, &copy).unwrap();
    let copy = open(&copy);
    for number in 0..50 {
        assert!(read(&copy, &name(&format!("s-{number}"))).is_ok());
    }
}

#[test]
fn a_store_that_is_dropped_is_one_file_too() {
    let (_directory, path) = directory();
    let store = open(&path);
    wait(put(&store, &common("a")));
    drop(store);
    assert_eq!(fs::metadata(path.with_extension("db-wal")).unwrap().len(), 0);
}

#[test]
fn a_command_beside_a_server_leaves_the_file_to_it() {
    let (_directory, path) = directory();
    let server = open(&path);
    wait(put(&server, &common("a")));
    let command = SqliteStore::open_beside(&path).unwrap();
    command.use_row_key(row_key());
    wait(command.put_meta_if_absent("by", b"the command".to_vec())).unwrap();
    wait(command.close()).unwrap();
    assert!(fs::metadata(path.with_extension("db-wal")).unwrap().len() > 0);
    wait(put(&server, &common("b")));
    assert!(read(&server, &name("a")).is_ok());
}

#[test]
fn what_another_program_commits_is_seen_without_a_write_of_this_one() {
    let (_directory, path) = directory();
    let store = open(&path);
    for text in ["a", "b"] {
        wait(put(&store, &common(text)));
        assert!(read(&store, &name(text)).is_ok());
    }
    let other = Connection::open(&path).unwrap();
    let remove = "DELETE FROM secret_values WHERE secret = (SELECT row FROM secrets WHERE name = 'a');
         DELETE FROM secrets WHERE name = 'a'";
    other.execute_batch(remove).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !matches!(read(&store, &name("a")), Err(ReadError::NotFound)) {
        assert!(Instant::now() < deadline, "the deletion goes unnoticed");
    }
    assert!(read(&store, &name("b")).is_ok());
}

/// Waits until reads and writes fail, which takes a moment.
fn until_failing(store: &SqliteStore) -> StoreError {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Err(ReadError::Store(error)) = read(store, &name("a")) {
            let refused = wait(store.create_secret(common("later"), Vec::new(), 9, Vec::new()));
            assert!(matches!(refused, Err(CreateError::Store(_))), "a write succeeded");
            return error;
        }
        assert!(Instant::now() < deadline, "reads go on");
    }
}

#[test]
fn a_file_that_was_deleted_or_replaced_takes_no_writes() {
    for replaced in [false, true] {
        let (directory, path) = directory();
        let store = open(&path);
        wait(put(&store, &common("a")));
        let elsewhere = directory.path().join("elsewhere.db");
        fs::rename(&path, &elsewhere).unwrap();
        if replaced {
            fs::copy(&elsewhere, &path).unwrap();
        }
        let refused = wait(store.create_secret(common("b"), Vec::new(), 9, Vec::new()));
        assert!(matches!(refused, Err(CreateError::Store(StoreError::Unavailable(_)))), "{refused:?}");
        assert!(matches!(until_failing(&store), StoreError::Unavailable(_)));
    }
}

#[test]
fn a_file_that_was_shortened_is_damaged_and_ends_no_process() {
    let (_directory, path) = directory();
    let store = open(&path);
    wait(put(&store, &common("a")));
    wait(store.close()).unwrap();
    drop(store);
    let store = open(&path);
    assert!(read(&store, &name("a")).is_ok());
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(4_096).unwrap();
    assert!(matches!(until_failing(&store), StoreError::Corrupt(_)));
    drop(store);
    assert!(matches!(SqliteStore::open(&path, SETTINGS), Err(StoreError::Corrupt(_))));
}

#[test]
fn a_file_that_was_written_over_is_damaged_and_gives_no_mixture() {
    let (directory, path) = directory();
    let store = open(&path);
    wait(put(&store, &common("a")));
    drop(store);
    let older = directory.path().join("older.db");
    fs::copy(&path, &older).unwrap();
    let store = open(&path);
    wait(put(&store, &common("b")));
    fs::copy(&older, &path).unwrap();
    assert!(matches!(until_failing(&store), StoreError::Corrupt(_)));
    assert!(matches!(read(&store, &name("b")), Err(ReadError::Store(StoreError::Corrupt(_)))));
}

#[test]
fn a_lock_held_by_another_program_makes_writes_fail_and_is_survived() {
    let (_directory, path) = directory();
    let store = open(&path);
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = wait(store.create_secret(common("a"), Vec::new(), 9, Vec::new()));
    assert!(matches!(refused, Err(CreateError::Store(StoreError::Unavailable(_)))));
    assert_eq!(wait(store.secret(&project(), &name("a"))).unwrap(), None);
    other.execute_batch("ROLLBACK").unwrap();
    wait(put(&store, &common("a")));
}

#[test]
fn a_file_locked_by_another_program_is_not_opened() {
    let (_directory, path) = directory();
    drop(open(&path));
    let other = Connection::open(&path).unwrap();
    other.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
    assert!(matches!(SqliteStore::open(&path, SETTINGS), Err(StoreError::Unavailable(_))));
}

#[test]
fn a_missing_directory_and_a_file_that_is_no_database_are_errors() {
    let (directory, path) = directory();
    let absent = directory.path().join("absent").join("csms.db");
    assert!(matches!(SqliteStore::open(&absent, SETTINGS), Err(StoreError::Unavailable(_))));
    fs::write(&path, "not a database, but long enough to be looked at as one".repeat(100)).unwrap();
    assert!(matches!(SqliteStore::open(&path, SETTINGS), Err(StoreError::Corrupt(_))));
}

#[test]
fn a_newer_schema_is_refused() {
    let (_directory, path) = directory();
    drop(open(&path));
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 1_000).unwrap();
    assert!(matches!(SqliteStore::open(&path, SETTINGS), Err(StoreError::Unavailable(_))));
}

#[test]
fn only_the_owner_may_read_the_files() {
    let (directory, path) = directory();
    let store = open(&path);
    wait(put(&store, &common("a")));
    let files: Vec<_> = fs::read_dir(directory.path()).unwrap().map(Result::unwrap).collect();
    assert_eq!(files.len(), 4);
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.path());
    }
}

#[test]
fn a_changed_document_is_damaged() {
    // Without the checksum this would be a valid secret whose SYSCURRENT is another version.
    let (_directory, store) =
        damaged_by(r#"UPDATE secrets SET document = replace(document, '"version":1', '"version":2') WHERE name = 'a'"#);
    assert!(matches!(read(&store, &name("a")), Err(ReadError::Store(StoreError::Corrupt(_)))));
    assert!(matches!(wait(store.secret(&project(), &name("a"))), Err(StoreError::Corrupt(_))));
    assert!(matches!(wait(store.list_secrets(&project(), None, 9, None)), Err(StoreError::Corrupt(_))));
    assert!(read(&store, &name("b")).is_ok());
}

#[test]
fn a_secret_in_the_row_of_another_is_damaged() {
    let (_directory, store) = damaged_by(
        "UPDATE secrets SET (document, checksum, mac) = (SELECT document, checksum, mac FROM secrets WHERE name = 'b')
         WHERE name = 'a'",
    );
    assert!(matches!(read(&store, &name("a")), Err(ReadError::Store(StoreError::Corrupt(_)))));
}

#[test]
fn a_missing_value_is_damage_and_not_an_absent_version() {
    let (_directory, store) = damaged_by("DELETE FROM secret_values");
    assert!(matches!(read(&store, &name("a")), Err(ReadError::Store(StoreError::Corrupt(_)))));
}

#[test]
fn many_stores_and_threads_share_nothing() {
    let stores: Vec<_> = (0..3).map(|_| directory()).map(|(kept, path)| (kept, open(&path))).collect();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for (_, store) in &stores {
                    assert_eq!(wait(store.secret(&project(), &name("a"))).unwrap(), None);
                }
            });
        }
    });
    wait(put(&stores[1].1, &common("a")));
    let found = stores.iter().map(|(_, store)| read(store, &name("a")).is_ok()).collect::<Vec<_>>();
    assert_eq!(found, [false, true, false]);
}

const CRASH_PATH: &str = "CSMS_STORE_TEST_CRASH_PATH";
const CALLERS: usize = 8;

/// Creates secrets from several callers at once and prints each name once its write is answered.
fn write_until_killed(path: &Path) {
    let store = open(path);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    runtime.block_on(async {
        let mut callers = tokio::task::JoinSet::new();
        for caller in 0..CALLERS {
            let store = store.clone();
            callers.spawn(async move {
                for number in 0..20_000 {
                    let secret = common(&format!("s-{caller}-{number}"));
                    put(&store, &secret).await;
                    // One line is one write to the pipe, and as short as this one it arrives whole.
                    stdout().write_all(format!("answered {}\n", secret.name).as_bytes()).unwrap();
                }
            });
        }
        callers.join_all().await;
    });
}

#[test]
fn a_killed_process_loses_no_answered_write() {
    const THIS: &str = "a_killed_process_loses_no_answered_write";
    if let Some(path) = env::var_os(CRASH_PATH) {
        return write_until_killed(Path::new(&path));
    }
    let (_directory, path) = directory();
    let mut writer = Command::new(env::current_exe().unwrap())
        .args(["--exact", THIS, "--nocapture"])
        .env(CRASH_PATH, &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut answered = Vec::new();
    for line in BufReader::new(writer.stdout.take().unwrap()).lines() {
        answered.extend(line.unwrap().strip_prefix("answered ").map(str::to_owned));
        if answered.len() == 400 {
            writer.kill().unwrap();
        }
    }
    writer.wait().unwrap();
    assert!(answered.len() >= 400, "the writer stopped by itself");

    let store = open(&path);
    for text in &answered {
        assert_eq!(read(&store, &name(text)).unwrap().sealed, sealed(&name(text), VersionId::FIRST), "{text}");
    }
    let mut after = None;
    loop {
        let page = wait(store.list_secrets(&project(), after.as_deref(), 500, None)).unwrap();
        for secret in &page.items {
            assert!(read(&store, &secret.name).is_ok(), "{} is there without its value", secret.name);
        }
        after = page.items.last().map(|secret| secret.name.as_str().to_owned());
        if !page.more {
            break;
        }
    }
}
