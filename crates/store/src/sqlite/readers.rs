//! Connections that read: one per calling thread, opened when the thread first reads.
//!
//! A reader keeps its read transaction open from one read to the next and renews it only when the writer has committed
//! since, or when the files have been looked at again (`files`): beginning a read transaction costs more than finding a
//! row. The second shows what other programs have committed, at most the interval of these looks later. An open
//! transaction keeps the log from being emptied, so those of idle threads are ended before each checkpoint.

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use rusqlite::Connection;

use super::{connect, failure::During as _, files::Files};
use crate::error::{Cause, StoreError};

thread_local! {
    /// This thread's readers, with the number of the store that each belongs to.
    static SLOTS: RefCell<Vec<(u64, Arc<Slot>)>> = const { RefCell::new(Vec::new()) };
}

/// One thread's reader; empty once its store is closed.
struct Slot(Mutex<Option<Reader>>);

impl Slot {
    fn lock(&self) -> MutexGuard<'_, Option<Reader>> {
        // A panic in a caller's function leaves the reader usable: it only reads.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Reader {
    connection: Connection,
    /// What the open transaction sees; `None` while none is open.
    snapshot: Option<Snapshot>,
}

/// What a read transaction sees at least.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Snapshot {
    /// The number of commits of this process.
    commits: u64,
    /// When the files were looked at before it began. What other programs committed until then is seen, too.
    looked: u64,
}

impl Reader {
    fn begin(&mut self, least: Snapshot) -> Result<(), StoreError> {
        // An error may have ended the transaction.
        if self.snapshot != Some(least) || self.connection.is_autocommit() {
            self.end()?;
            execute(&self.connection, "BEGIN").during("beginning to read")?;
            self.snapshot = Some(least);
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), StoreError> {
        self.snapshot = None;
        if !self.connection.is_autocommit() {
            execute(&self.connection, "COMMIT").during("ending to read")?;
        }
        Ok(())
    }
}

/// Runs a statement that takes and answers nothing.
pub(super) fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

/// All readers of one store.
pub(super) struct Readers {
    store: u64,
    path: PathBuf,
    busy_timeout: Duration,
    commits: Arc<AtomicU64>,
    files: Arc<Files>,
    is_closed: AtomicBool,
    slots: Mutex<Vec<Weak<Slot>>>,
}

impl Readers {
    pub(super) fn new(path: &Path, busy_timeout: Duration, commits: Arc<AtomicU64>, files: Arc<Files>) -> Self {
        static STORES: AtomicU64 = AtomicU64::new(0);
        let store = STORES.fetch_add(1, Ordering::Relaxed);
        let is_closed = AtomicBool::new(false);
        Self { store, path: path.to_owned(), busy_timeout, commits, files, is_closed, slots: Mutex::default() }
    }

    /// The file that is read.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `query` on this thread's reader. It sees one instant, at or after every commit answered so far.
    pub(super) fn read<T, E: From<StoreError>>(&self, query: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E> {
        self.read_at(false, query)
    }

    /// As [`Readers::read`], and sees what other processes have committed until now. For what they may change: users,
    /// access keys and policies, by the commands beside a running server.
    pub(super) fn read_latest<T, E: From<StoreError>>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        self.read_at(true, query)
    }

    fn read_at<T, E: From<StoreError>>(
        &self,
        latest: bool,
        query: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let looked = self.files.check_lately()?;
        let slot = self.slot()?;
        let mut guard = slot.lock();
        let Some(reader) = guard.as_mut() else { return Err(closed().into()) };
        if latest {
            reader.end()?;
        }
        reader.begin(Snapshot { commits: self.commits.load(Ordering::Acquire), looked })?;
        query(&reader.connection)
    }

    fn slot(&self) -> Result<Arc<Slot>, StoreError> {
        SLOTS.with_borrow_mut(|slots| {
            if let Some((_, slot)) = slots.iter().find(|(store, _)| *store == self.store) {
                return Ok(Arc::clone(slot));
            }
            slots.retain(|(_, slot)| slot.lock().is_some());
            let mut all = self.all();
            // Looked at while the list is locked, as the end does.
            if self.is_closed.load(Ordering::Acquire) {
                return Err(closed());
            }
            let connection = connect::for_reading(&self.path, self.busy_timeout)?;
            let slot = Arc::new(Slot(Mutex::new(Some(Reader { connection, snapshot: None }))));
            all.retain(|slot| slot.strong_count() > 0);
            all.push(Arc::downgrade(&slot));
            slots.push((self.store, Arc::clone(&slot)));
            Ok(slot)
        })
    }

    fn all(&self) -> MutexGuard<'_, Vec<Weak<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the open transactions that see an outdated state. Those of busy threads are renewed without this.
    pub(super) fn end_outdated(&self) -> Result<(), StoreError> {
        let commits = self.commits.load(Ordering::Acquire);
        for slot in self.all().iter().filter_map(Weak::upgrade) {
            match slot.lock().as_mut() {
                Some(reader) if reader.snapshot.is_some_and(|snapshot| snapshot.commits < commits) => reader.end()?,
                Some(_) | None => {}
            }
        }
        Ok(())
    }

    /// Runs `work` while no thread reads and no read transaction is open.
    pub(super) fn paused<T>(&self, work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        let all = self.all();
        let slots: Vec<_> = all.iter().filter_map(Weak::upgrade).collect();
        let mut guards: Vec<_> = slots.iter().map(|slot| slot.lock()).collect();
        for reader in guards.iter_mut().filter_map(|guard| guard.as_mut()) {
            reader.end()?;
        }
        work()
    }
}

impl Readers {
    /// Closes the connections of all threads; reads fail from now on. The threads keep their empty slots until they end or read
    /// another store.
    pub(super) fn close(&self) {
        let all = self.all();
        self.is_closed.store(true, Ordering::Release);
        for slot in all.iter().filter_map(Weak::upgrade) {
            drop(slot.lock().take());
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.close();
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable(Cause::new("the store is closed"))
}
