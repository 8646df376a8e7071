//! Moves committed pages from the log into the file.
//!
//! Done by the thread that commits, this would make the writes behind it wait. So a thread of its own copies what the
//! log has gained every few megabytes, while writes go on at the log's end. That alone never empties the log under
//! constant load; when it has grown long, the writer pauses the readers for the short rest of the copying and starts
//! the log again.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use rusqlite::{Connection, DEFAULT_NAME, wal::CheckpointMode};

use super::{connect, failure::During as _, readers::Readers};
use crate::error::{Cause, StoreError};

/// When checkpoints happen, in pages of 4 KiB.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// Pages that the log gains before they are copied.
    pub(super) copy_after: u64,
    /// Length of the log at which it is restarted.
    pub(super) restart_after: u64,
}

impl Limits {
    /// Copies every 4 MiB, restarts at 64 MiB.
    pub(super) const USUAL: Self = Self { copy_after: 1_000, restart_after: 16_000 };
}

/// The writer's side of checkpoints.
pub(super) struct Checkpoints {
    shared: Arc<Shared>,
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    /// Length of the log, in pages, when copying was last asked for.
    asked_at: u64,
    limits: Limits,
}

struct Shared {
    connection: Mutex<Connection>,
    readers: Arc<Readers>,
}

impl Checkpoints {
    pub(super) fn start(path: &Path, readers: Arc<Readers>, limits: Limits) -> Result<Self, StoreError> {
        let connection = Mutex::new(connect::for_checkpoints(path)?);
        let shared = Arc::new(Shared { connection, readers });
        // One waiting request is as good as many.
        let (wake, requests) = sync_channel(1);
        let copier = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("csms-checkpoint".to_owned())
            .spawn(move || copy_on(&requests, &copier))
            .map_err(|error| StoreError::Unavailable(Cause::with("starting the checkpoint thread", error)))?;
        Ok(Self { shared, wake: Some(wake), thread: Some(thread), asked_at: 0, limits })
    }

    /// To be called by the writer between transactions, with the length of the log in pages.
    pub(super) fn after_commit(&mut self, pages: u64) {
        // A shorter log is one that was restarted.
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
            // Fails while another program reads the file. The log then grows on, and a few megabytes later this is
            // tried again; nothing is lost.
            drop(self.shared.readers.paused(|| self.shared.run(CheckpointMode::RESTART)));
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
    fn run(&self, mode: CheckpointMode) -> Result<(), StoreError> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        connection.wal_checkpoint_v2(DEFAULT_NAME, mode).during("moving the log into the database").map(drop)
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            // It does not panic, and if it did there would be nothing left to do here.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

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
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (has_read, wait_for_read) = channel();
        let (finish, wait_for_finish) = channel::<()>();
        std::thread::scope(|scope| {
            let store = &store;
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
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
        assert!(log < 2 * LIMITS.restart_after * 4_096, "{log} bytes");
    }

    #[test]
    fn another_program_that_reads_stops_the_emptying_of_the_log_but_no_write() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("csms.db");
        let store = SqliteStore::open_with(&path, SqliteSettings::default(), LIMITS).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let other = Connection::open(&path).unwrap();
        other.execute_batch("BEGIN; SELECT * FROM meta").unwrap();
        write_much(&runtime, &store, "a");
        let grown = log_length(&path);
        assert!(grown > WRITES * 16_000, "{grown} bytes");
        other.execute_batch("COMMIT").unwrap();
        write_much(&runtime, &store, "b");
        // The file keeps its length, but is used from its beginning again.
        assert!(log_length(&path) < grown + WRITES * 16_000 / 2);
        assert_eq!(runtime.block_on(store.meta("a-0")).unwrap(), Some(vec![0; 16_000]));
    }
}
