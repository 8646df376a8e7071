//! Whether a log that a killed process left belongs to the file beside it.
//!
//! SQLite lays the pages of the log over whatever file has its name. Over an older copy of the file they make a mixture of two times,
//! which reads as corrupt in places and takes writes in others. So each log gets a number of its own, in a row of a table with one
//! page: the file without its log has that number, or the one before. Not here: when checkpoints happen.

use std::{fmt::Write as _, os::unix::ffi::OsStrExt as _, path::Path};

use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::{connect, failure::During as _};
use crate::error::{Cause, Remedy, StoreError};

/// The table with the number.
pub(super) const TABLE: &str = "log_number";

/// How often the numbers are compared: a server that has the file open may begin the log again between the two readings.
const COMPARISONS: usize = 3;

/// Requires that the log, if there is one, belongs to the file. To be called before anything is written.
///
/// # Errors
/// [`StoreError::Unavailable`] when the file was replaced while there was a log.
pub(super) fn require_own_log(path: &Path, connection: &Connection) -> Result<(), StoreError> {
    let log = connect::log_of(path);
    if log.metadata().map_or(0, |log| log.len()) == 0 {
        return Ok(());
    }
    for _ in 0..COMPARISONS {
        // A file of an older release has no number, and nothing is known about it. Neither is about one that cannot be read by
        // itself: a part of the log's pages may be in it.
        let (Ok(Some(with_log)), Some(alone)) = (number(connection), number_alone(path)) else { return Ok(()) };
        if with_log == alone || with_log == alone.saturating_add(1) {
            return Ok(());
        }
    }
    let (file, log) = (path.display(), log.display());
    let cause = Cause::new(format!(
        "{log} does not belong to {file}, which was put in place of another file while the log was there. Move {log} and \
         {file}-shm away to use the file as it is, or put the other file back"
    ));
    Err(StoreError::Unavailable(cause.until(Remedy::Repair)))
}

/// Gives the log that has just begun a number of its own.
pub(super) fn raise(connection: &Connection) -> Result<(), StoreError> {
    connection.execute("UPDATE log_number SET number = number + 1", []).map(drop).during("numbering the log")
}

fn number(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    connection.query_row("SELECT number FROM log_number", [], |row| row.get(0)).optional()
}

/// The number in the file without its log.
fn number_alone(path: &Path) -> Option<i64> {
    let mut address = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        // What has a meaning in such an address is escaped, and so is everything else but these.
        if byte.is_ascii_alphanumeric() || b"/._-".contains(byte) {
            address.push(char::from(*byte));
        } else {
            write!(address, "%{byte:02X}").ok()?;
        }
    }
    // SQLite looks for no log beside a file that is said not to change.
    address.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    number(&Connection::open_with_flags(address, flags).ok()?).ok()?
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::checkpoint::Limits;
    use super::*;
    use crate::{SqliteSettings, SqliteStore, Store as _};

    /// Logs begin again often.
    const LIMITS: Limits = Limits { copy_after: 20, restart_after: 100 };

    /// The file of a store as a process leaves it that is killed after this many writes of 16 KB, with its log beside it.
    fn killed_after(directory: &Path, writes: u32, runtime: &tokio::runtime::Runtime) -> std::path::PathBuf {
        let path = directory.join("csms.db");
        let store = open(&path).unwrap();
        for number in 0..writes {
            let name = format!("{writes} {number}");
            runtime.block_on(store.put_meta_if_absent(&name, vec![7; 16_000])).unwrap();
        }
        let killed = directory.join("killed ?#%");
        fs::create_dir(&killed).unwrap();
        for name in ["csms.db", "csms.db-wal"] {
            fs::copy(directory.join(name), killed.join(name)).unwrap();
        }
        drop(store);
        killed.join("csms.db")
    }

    fn open(path: &Path) -> Result<SqliteStore, StoreError> {
        SqliteStore::open_with(path, SqliteSettings::default(), LIMITS)
    }

    #[test]
    fn a_killed_store_opens_with_its_log_however_long_that_was() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        for writes in [0, 1, 10, 50, 300] {
            let directory = tempfile::tempdir().unwrap();
            let path = killed_after(directory.path(), writes, &runtime);
            // Also if the next process is killed at once, with the log as the first one left it or begun again.
            for round in 0..3 {
                let store = open(&path).unwrap();
                runtime.block_on(store.put_meta_if_absent(&format!("more {round}"), vec![7; 16_000])).unwrap();
                let log = fs::read(connect::log_of(&path)).unwrap();
                let file = fs::read(&path).unwrap();
                drop(store);
                fs::write(&path, file).unwrap();
                fs::write(connect::log_of(&path), log).unwrap();
                let _ = fs::remove_file(connect::beside(&path, "-shm"));
            }
            assert!(open(&path).is_ok(), "{writes}");
        }
    }

    #[test]
    fn an_older_file_in_place_of_a_killed_store_s_is_refused_once_the_log_has_begun_again() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("csms.db");
        drop(open(&path).unwrap());
        let backup = fs::read(&path).unwrap();
        let killed = killed_after(directory.path(), 300, &runtime);
        fs::write(&killed, &backup).unwrap();
        for refused in [open(&killed), SqliteStore::open_beside(&killed)] {
            let error = refused.map(drop).unwrap_err();
            assert!(format!("{error:?}").contains("does not belong to"), "{error:?}");
        }
        fs::remove_file(connect::log_of(&killed)).unwrap();
        let _ = fs::remove_file(connect::beside(&killed, "-shm"));
        assert!(open(&killed).is_ok());
    }
}
