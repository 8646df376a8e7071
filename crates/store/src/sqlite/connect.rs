//! Opening the file: one lock, one connection that writes, others that read.

use std::{
    fs::{File, OpenOptions, TryLockError},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rusqlite::{Connection, OpenFlags, config::DbConfig};

use super::failure::During as _;
use crate::error::{Cause, Remedy, StoreError};

/// More statements than this crate has, so that each is prepared once per connection.
const STATEMENTS: usize = 128;
/// Pages that a reader keeps, in KiB as SQLite wants it: negative. The file is not mapped into memory, since a mapped file
/// that another program shortens ends the process (SIGBUS).
const READER_CACHE: i64 = -8 * 1024;
/// Bytes that the log's file keeps when the log begins again, 64 MiB.
const KEPT_LOG: i64 = 64 * 1024 * 1024;
/// How long a start waits for a command that is just ending.
const LOCK_WAIT: Duration = Duration::from_secs(1);
const LOCK_RETRY: Duration = Duration::from_millis(20);

/// Takes the lock that keeps a second server away from the file. Held as long as the returned file lives, and released by
/// the system if the process dies.
pub(super) fn lock(path: &Path) -> Result<File, StoreError> {
    let begun = Instant::now();
    loop {
        if let Some(lock) = try_lock(path)? {
            return Ok(lock);
        }
        if begun.elapsed() >= LOCK_WAIT {
            return Err(StoreError::Unavailable(Cause::new(format!(
                "{} is in use by another process",
                path.display()
            ))));
        }
        std::thread::sleep(LOCK_RETRY);
    }
}

/// As [`lock`] without a wait; `None` when another process has it.
pub(super) fn try_lock(path: &Path) -> Result<Option<File>, StoreError> {
    let lock_path = lock_of(path);
    let unavailable = |error| unusable(format!("locking {}", lock_path.display()), error);
    let file = private_file(&lock_path).map_err(unavailable)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(unavailable(error)),
    }
}

/// The file whose lock keeps a second server away.
pub(super) fn lock_of(path: &Path) -> PathBuf {
    beside(path, ".lock")
}

/// The log of the database.
pub(super) fn log_of(path: &Path) -> PathBuf {
    beside(path, "-wal")
}

/// The file beside the database whose name goes on like this.
pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// Opens a file that only its owner may use, making it if there is none.
fn private_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// The system does not let this program use a file.
fn unusable(doing: String, error: std::io::Error) -> StoreError {
    let remedy = Remedy::for_file(&error);
    StoreError::Unavailable(Cause::with(doing, error).until(remedy))
}

/// The connection that writes.
pub(super) fn for_writing(path: &Path, busy_timeout: Duration) -> Result<Connection, StoreError> {
    // SQLite gives the files beside it the mode of this one.
    private_file(path).map_err(|error| unusable(format!("opening the database {}", path.display()), error))?;
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, busy_timeout)?;
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
        .during("switching the database to WAL mode")?;
    if !mode.eq_ignore_ascii_case("wal") {
        let reason = Cause::new(format!("the database cannot use WAL mode, only {mode}"));
        return Err(StoreError::Unavailable(reason.until(Remedy::Settings)));
    }
    connection.pragma_update(None, "synchronous", "FULL").during("setting up the database")?;
    connection.pragma_update(None, "foreign_keys", true).during("setting up the database")?;
    connection.pragma_update(None, "journal_size_limit", KEPT_LOG).during("setting up the database")?;
    Ok(connection)
}

/// A connection that only reads.
pub(super) fn for_reading(path: &Path, busy_timeout: Duration) -> Result<Connection, StoreError> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY, busy_timeout)?;
    connection.pragma_update(None, "cache_size", READER_CACHE).during("setting up a reader")?;
    Ok(connection)
}

/// A connection that moves committed pages from the log into the file.
pub(super) fn for_checkpoints(path: &Path) -> Result<Connection, StoreError> {
    // It never waits for another program, since writes may be waiting for it.
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, Duration::ZERO)?;
    connection.pragma_update(None, "synchronous", "FULL").during("setting up checkpoints")?;
    Ok(connection)
}

fn open(path: &Path, access: OpenFlags, busy_timeout: Duration) -> Result<Connection, StoreError> {
    // Each connection is used by one thread at a time, so SQLite need not lock it again.
    let connection =
        Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX).during("opening the database")?;
    connection.busy_timeout(busy_timeout).during("opening the database")?;
    // Without this, clearing a cached statement's parameters makes SQLite compile it again at the next use.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).during("opening the database")?;
    // Log and index stay when the last connection closes: with nothing free on the disk, a start could not make them again.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).during("opening the database")?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Checkpoints are our own business on every connection, see `checkpoint`.
    connection.pragma_update(None, "wal_autocheckpoint", 0).during("opening the database")?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use rusqlite::{StatementStatus, params_from_iter};

    use super::{
        super::{identities, schema, secrets},
        *,
    };

    #[test]
    fn a_statement_is_compiled_once_per_connection() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("csms.db");
        schema::migrate(&mut for_writing(&path, Duration::ZERO).unwrap()).unwrap();
        let db = for_reading(&path, Duration::ZERO).unwrap();
        for sql in
            [secrets::FIND, secrets::VALUE, secrets::LIST, secrets::DUE_ROTATIONS, identities::ACCESS_KEY.as_str()]
        {
            for number in 0..20 {
                let mut statement = db.prepare_cached(sql).unwrap();
                let parameters = params_from_iter(vec![number; statement.parameter_count()]);
                assert!(!statement.exists(parameters).unwrap());
            }
            let compiled_again = db.prepare_cached(sql).unwrap().get_status(StatementStatus::RePrepare);
            assert_eq!(compiled_again, 0, "{sql}");
        }
    }
}
