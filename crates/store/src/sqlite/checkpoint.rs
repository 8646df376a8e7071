//! Moves committed pages from the log into the file.
//!
//! Done by the thread that commits, this would make the writes behind it wait. So a thread of its own copies what the
//! log has gained every few megabytes, while writes go on at the log's end. That alone never empties the log under
//! constant load; when it has grown long, the writer pauses the readers for the short rest of the copying and starts
//! the log again from its beginning. At an orderly end the whole log is moved, so that the file alone is the data.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use rusqlite::{Connection, DEFAULT_NAME, wal::CheckpointMode};

use super::{connect, failure::During as _, files::Files, readers::Readers};
use crate::error::{Cause, StoreError};

/// Bytes of a page of the database.
const PAGE: u64 = 4_096;

/// How long the end waits for other programs that read the file.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// When checkpoints happen, in pages of 4 KiB.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// Pages that the log gains before they are copied.
    pub(super) copy_after: u64,
    /// Length of the log at which it is started again from its beginning.
    pub(super) restart_after: u64,
}

impl Limits {
    /// Copies every 4 MiB, restarts at 64 MiB.
    pub(super) const USUAL: Self = Self { copy_after: 1_000, restart_after: 16_000 };

    /// For a process that may not be alone with the file.
    const NEVER: Self = Self { copy_after: u64::MAX, restart_after: u64::MAX };
}

/// The writer's side of checkpoints.
pub(super) struct Checkpoints {
    shared: Arc<Shared>,
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    /// Length of the log, in pages, when copying was last asked for.
    asked_at: u64,
    limits: Limits,
    /// Whether the log is longer than it should be because another program still read it.
    is_overdue: bool,
    /// The database, if a server may have it open beside this process.
    shared_file: Option<PathBuf>,
}

struct Shared {
    connection: Mutex<Connection>,
    readers: Arc<Readers>,
    files: Arc<Files>,
}

/// Pages of the log, and how many of them are in the file.
struct Progress {
    pages: u64,
    copied: u64,
}

impl Checkpoints {
    /// Without limits, for a process that may not be alone with the file, there are no checkpoints before the end.
    pub(super) fn start(
        path: &Path,
        readers: Arc<Readers>,
        files: Arc<Files>,
        limits: Option<Limits>,
    ) -> Result<Self, StoreError> {
        let shared_file = limits.is_none().then(|| path.to_owned());
        let limits = limits.unwrap_or(Limits::NEVER);
        let connection = Mutex::new(connect::for_checkpoints(path)?);
        let shared = Arc::new(Shared { connection, readers, files });
        // One waiting request is as good as many.
        let (wake, requests) = sync_channel(1);
        let copier = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("csms-checkpoint".to_owned())
            .spawn(move || copy_on(&requests, &copier))
            .map_err(|error| StoreError::Unavailable(Cause::with("starting the checkpoint thread", error)))?;
        // A log that a killed process left long.
        let left = connect::log_of(path).metadata().map_or(0, |log| log.len());
        let is_overdue = left / PAGE > limits.restart_after;
        Ok(Self { shared, wake: Some(wake), thread: Some(thread), asked_at: 0, limits, is_overdue, shared_file })
    }

    /// To be called by the writer between transactions, with the length of the log in pages.
    pub(super) fn after_commit(&mut self, pages: u64) {
        // A shorter log is one that was started again.
        self.asked_at = self.asked_at.min(pages);
        if pages - self.asked_at < self.limits.copy_after {
            return;
        }
        self.asked_at = pages;
        if pages < self.limits.restart_after {
            if let Some(wake) = &self.wake {
                // A full channel means that a request waits already.
                let _ = wake.try_send(());
            }
        } else {
            self.empty();
        }
    }

    /// Whether no other process writes to the file.
    pub(super) const fn is_alone(&self) -> bool {
        self.shared_file.is_none()
    }

    /// Copies all that the log has into the file, if nothing prevents it; whether it is there then.
    pub(super) fn copy_all(&self) -> bool {
        self.shared.run(CheckpointMode::PASSIVE).is_ok_and(|Progress { pages, copied }| pages == copied)
    }

    /// Whether [`Checkpoints::empty`] should be tried again soon although nobody writes.
    pub(super) const fn is_overdue(&self) -> bool {
        self.is_overdue
    }

    /// Has the log begin again. Fails while another program reads the file: the log then grows on, and this is tried again
    /// later; nothing is lost.
    pub(super) fn empty(&mut self) {
        self.is_overdue = self.try_to_empty().is_err();
    }

    fn try_to_empty(&self) -> Result<(), StoreError> {
        // The bulk is copied while the readers go on.
        self.shared.readers.end_outdated()?;
        let Progress { pages, copied } = self.shared.run(CheckpointMode::PASSIVE)?;
        if pages - copied.min(pages) > self.limits.copy_after {
            return Err(StoreError::Unavailable(Cause::new("another program reads the database")));
        }
        // A log of usual length is used again from its beginning, which is cheaper; a longer one gives its room back.
        let is_usual = pages <= self.limits.restart_after.saturating_mul(2);
        let mode = if is_usual { CheckpointMode::RESTART } else { CheckpointMode::TRUNCATE };
        self.shared.readers.paused(|| self.shared.run(mode)).map(drop)
    }

    /// Moves everything into the file, for the end: the readers are closed, the log is empty afterwards.
    ///
    /// # Errors
    /// What kept the log from being emptied, such as another program that reads.
    pub(super) fn finish(mut self) -> Result<(), StoreError> {
        self.stop_copying();
        self.shared.readers.close();
        // Beside a server, the file is the server's business.
        let _alone = match &self.shared_file {
            Some(path) => match connect::try_lock(path)? {
                Some(lock) => Some(lock),
                None => return Ok(()),
            },
            None => None,
        };
        self.shared.connection().busy_timeout(LAST_WAIT).during("waiting for other programs")?;
        self.shared.run(CheckpointMode::TRUNCATE).map(drop)
    }

    fn stop_copying(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            // It does not panic, and if it did there would be nothing left to do here.
            drop(thread.join());
        }
    }
}

fn copy_on(requests: &Receiver<()>, shared: &Shared) {
    while requests.recv().is_ok() {
        // Copies what it can; the rest, or all after a failure, waits for the next time.
        drop(shared.readers.end_outdated().and_then(|()| shared.run(CheckpointMode::PASSIVE)));
    }
}

impl Shared {
    fn connection(&self) -> std::sync::MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, mode: CheckpointMode) -> Result<Progress, StoreError> {
        let connection = self.connection();
        let (pages, copied) = self.files.during_checkpoint(|| {
            connection.wal_checkpoint_v2(DEFAULT_NAME, mode).during("moving the log into the database")
        })?;
        let number = |pages| u64::try_from(pages).unwrap_or(0);
        Ok(Progress { pages: number(pages), copied: number(copied) })
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.stop_copying();
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc::channel, time::Instant};

    use super::*;
    use crate::{SqliteSettings, SqliteStore, Store as _};

    const LIMITS: Limits = Limits { copy_after: 20, restart_after: 100 };
    const WRITES: u64 = 200;

    /// Writes three megabytes, four times the limit.
    fn write_much(runtime: &tokio::runtime::Runtime, store: &SqliteStore, names: &str) {
        for number in 0..WRITES {
            let name = format!("{names}-{number}");
            runtime.block_on(store.put_meta_if_absent(&name, vec![0; 16_000])).unwrap();
        }
    }

    fn log_length(path: &Path) -> u64 {
        std::fs::metadata(path.with_extension("db-wal")).unwrap().len()
    }

    #[test]
    fn the_log_stays_short_although_an_idle_thread_has_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("csms.db");
        let store = SqliteStore::open_with(&path, SqliteSettings::default(), LIMITS).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let (has_read, wait_for_read) = channel();
        let (finish, wait_for_finish) = channel::<()>();
        std::thread::scope(|scope| {
            let store = &store;
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
                assert_eq!(runtime.block_on(store.meta("x")).unwrap(), None);
                has_read.send(()).unwrap();
                // Idle until the end, which comes as an error because nothing is ever sent.
                assert!(wait_for_finish.recv().is_err());
            });
            wait_for_read.recv().unwrap();
            write_much(&runtime, store, "a");
            drop(finish);
        });
        let log = log_length(&path);
        assert!(log < 2 * LIMITS.restart_after * PAGE, "{log} bytes");
    }

    #[test]
    fn the_log_gives_its_room_back_once_another_program_has_read_without_a_further_write() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("csms.db");
        let store = SqliteStore::open_with(&path, SqliteSettings::default(), LIMITS).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let other = Connection::open(&path).unwrap();
        other.execute_batch("BEGIN; SELECT * FROM meta").unwrap();
        write_much(&runtime, &store, "a");
        let grown = log_length(&path);
        assert!(grown > WRITES * 16_000, "{grown} bytes");
        other.execute_batch("COMMIT").unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        while log_length(&path) > 2 * LIMITS.restart_after * PAGE {
            assert!(Instant::now() < deadline, "the log still has {} bytes", log_length(&path));
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(runtime.block_on(store.meta("a-0")).unwrap(), Some(vec![0; 16_000]));
    }
}
