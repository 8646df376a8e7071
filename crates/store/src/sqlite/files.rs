//! Notices when the database is no longer the file that was opened.
//!
//! SQLite goes on with the files that it has open, whatever becomes of their names: after `rm` or `mv` every commit would
//! succeed and be gone at the next start, and reads of a file that `cp` wrote over would mix two databases. So the names
//! are looked up again before each commit and, at short intervals, before reads. Repairing anything is not done here.

use std::{
    fs::Metadata,
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError, TryLockError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use super::connect;
use crate::error::{Cause, StoreError};

/// Longest time between two looks while there are reads, in milliseconds.
const INTERVAL_MILLIS: u64 = 20;

/// What SQLite keeps beside the database, by the end of its name.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// Device and number of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
struct FileId(u64, u64);

impl FileId {
    fn of(metadata: &Metadata) -> Self {
        Self(metadata.dev(), metadata.ino())
    }
}

/// What changes whenever somebody writes into a file.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Content {
    bytes: u64,
    seconds: i64,
    nanoseconds: i64,
}

impl Content {
    fn of(metadata: &Metadata) -> Self {
        Self { bytes: metadata.size(), seconds: metadata.mtime(), nanoseconds: metadata.mtime_nsec() }
    }
}

/// What the content of the database should be.
enum Expected {
    /// As this process left it. Only checkpoints write into the file, and only this process makes them.
    Known(Content),
    /// Anything: a server beside this process makes checkpoints, too.
    Any,
    /// Another program wrote into it. Nothing that was read before fits to what is there now.
    Spoiled,
}

/// The files of one open database.
pub(super) struct Files {
    names: Vec<(PathBuf, FileId)>,
    opened: Instant,
    /// When they were last looked at, in milliseconds after they were opened.
    checked: AtomicU64,
    failing: AtomicBool,
    expected: Mutex<Expected>,
}

impl Files {
    /// Remembers the files that connections have just opened. `is_alone` says whether this process holds the lock, so that
    /// nobody else may write into the database.
    pub(super) fn remember(database: &Path, is_alone: bool) -> Result<Self, StoreError> {
        let beside = BESIDE.into_iter().map(|end| connect::beside(database, end));
        let mut names = Vec::new();
        for name in std::iter::once(database.to_owned()).chain(beside) {
            let metadata = name.metadata().map_err(|error| missing(&name, error))?;
            names.push((name, FileId::of(&metadata)));
        }
        // Without the file that is locked, a second server would not be kept out.
        let lock = connect::lock_of(database);
        if is_alone && let Ok(metadata) = lock.metadata() {
            names.push((lock, FileId::of(&metadata)));
        }
        let files = Self {
            names,
            opened: Instant::now(),
            checked: AtomicU64::new(0),
            failing: AtomicBool::new(false),
            expected: Mutex::new(Expected::Any),
        };
        if is_alone {
            *files.expected() = files.found()?;
        }
        Ok(files)
    }

    fn expected(&self) -> MutexGuard<'_, Expected> {
        self.expected.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The content of the database now.
    fn found(&self) -> Result<Expected, StoreError> {
        let Some((database, _)) = self.names.first() else { return Ok(Expected::Any) };
        let metadata = database.metadata().map_err(|error| missing(database, error))?;
        Ok(Expected::Known(Content::of(&metadata)))
    }

    /// Looks at the files unless that was done a moment ago. Returns the time of the latest look, in milliseconds after they
    /// were opened.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] for a file that is gone or was replaced, [`StoreError::Corrupt`] for a database that
    /// another program wrote into.
    pub(super) fn check_lately(&self) -> Result<u64, StoreError> {
        let now = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        let checked = self.checked.load(Ordering::Relaxed);
        if now.saturating_sub(checked) < INTERVAL_MILLIS && !self.failing.load(Ordering::Relaxed) {
            return Ok(checked);
        }
        self.checked.store(now, Ordering::Relaxed);
        self.check().map(|()| now)
    }

    /// Looks at the files.
    ///
    /// # Errors
    /// As [`Files::check_lately`].
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let checked = self.check_names().and_then(|()| self.check_content());
        self.failing.store(checked.is_err(), Ordering::Relaxed);
        checked
    }

    fn check_names(&self) -> Result<(), StoreError> {
        for (name, id) in &self.names {
            let metadata = name.metadata().map_err(|error| missing(name, error))?;
            if FileId::of(&metadata) != *id {
                return Err(StoreError::Unavailable(Cause::new(format!(
                    "{} was replaced by another file while it was open; restart the server to use that one",
                    name.display()
                ))));
            }
        }
        Ok(())
    }

    fn check_content(&self) -> Result<(), StoreError> {
        match self.expected.try_lock() {
            Ok(mut expected) => self.judge(&mut expected),
            Err(TryLockError::Poisoned(poisoned)) => self.judge(&mut poisoned.into_inner()),
            // A checkpoint is under way. It looks before it begins.
            Err(TryLockError::WouldBlock) => Ok(()),
        }
    }

    fn judge(&self, expected: &mut Expected) -> Result<(), StoreError> {
        let found = self.found()?;
        if matches!((&*expected, &found), (Expected::Known(known), Expected::Known(found)) if known != found) {
            *expected = Expected::Spoiled;
        }
        match expected {
            Expected::Known(_) | Expected::Any => Ok(()),
            Expected::Spoiled => Err(StoreError::Corrupt(Cause::new(format!(
                "another program wrote into {} while it was open; stop the server and restore the file",
                self.names.first().map_or_else(String::new, |(database, _)| database.display().to_string())
            )))),
        }
    }

    /// Runs a checkpoint: nothing else of this process writes into the database.
    ///
    /// # Errors
    /// As [`Files::check_lately`], before anything is written; what `write` returns.
    pub(super) fn during_checkpoint<T>(&self, write: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut expected = self.expected();
        self.check_names()?;
        self.judge(&mut expected)?;
        let written = write();
        if matches!(*expected, Expected::Known(_)) {
            *expected = self.found()?;
        }
        written
    }
}

fn missing(name: &Path, error: io::Error) -> StoreError {
    let gone = format!("{} is not there any more; stop the server and restore it", name.display());
    StoreError::Unavailable(Cause::with(gone, error))
}
