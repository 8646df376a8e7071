//! The thread that writes, committing what is waiting in groups.
//!
//! A commit costs a sync of the disk however many writes it carries. While one is under way others queue up, and
//! become the next commit. Each write has its own savepoint, so a refused one takes nothing of its neighbours along;
//! all are answered after the commit, refusals too, because they may rest on a neighbour's change.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread::{JoinHandle, current},
};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{checkpoint::Checkpoints, failure::During as _, readers::execute};
use crate::error::{Cause, StoreError};

/// Runs one write inside the open transaction, or notes why there is none.
type Job = Box<dyn FnOnce(Result<&Connection, &StoreError>) -> Answer + Send>;
/// Tells the caller, given how the commit went.
type Answer = Box<dyn FnOnce(Result<(), &StoreError>)>;

/// The queue to the writing thread.
pub(super) struct Writer {
    queue: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(
        mut connection: Connection,
        max_batch: usize,
        commits: Arc<AtomicU64>,
        mut checkpoints: Checkpoints,
    ) -> Result<Self, StoreError> {
        let log_pages = Arc::new(AtomicU64::new(0));
        let pages = Arc::clone(&log_pages);
        let hook = move |_: &mut rusqlite::hooks::Wal, length: i32| {
            pages.store(u64::try_from(length).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        };
        connection.wal_hook(Some(hook)).during("setting up the writer")?;
        let (queue, jobs) = channel();
        let work = move || {
            while let Some(batch) = next_batch(&jobs, max_batch) {
                commit(&connection, batch, &commits);
                checkpoints.after_commit(log_pages.load(Ordering::Relaxed));
            }
        };
        let thread = std::thread::Builder::new()
            .name("csms-writer".to_owned())
            .spawn(work)
            .map_err(|error| StoreError::Unavailable(Cause::with("starting the writer thread", error)))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Has `job` run on the writing thread and answers when it is on disk. From the first poll on it will run, whether
    /// or not anyone waits for the answer.
    pub(super) async fn write<T, E>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let closed = || StoreError::Unavailable(Cause::new("the store is closed"));
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |transaction| {
            let outcome = match transaction {
                Ok(connection) => in_savepoint(connection, job),
                Err(error) => Err(error.clone().into()),
            };
            Box::new(move |committed| {
                let answer = committed.map_err(|error| error.clone().into()).and(outcome);
                // Nobody listens when the caller has gone; the write counts all the same.
                drop(sender.send(answer));
            })
        });
        self.queue.as_ref().ok_or_else(closed)?.send(job).map_err(|_| closed())?;
        receiver.await.map_err(|_| closed())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            // The last handle may be dropped by a job, and a thread cannot wait for itself.
            && thread.thread().id() != current().id()
        {
            drop(thread.join());
        }
    }
}

/// Waits for a job and takes those queued behind it, `max_batch` at most. `None` when no more can come.
fn next_batch(jobs: &Receiver<Job>, max_batch: usize) -> Option<Vec<Job>> {
    let mut batch = vec![jobs.recv().ok()?];
    batch.extend(jobs.try_iter().take(max_batch.saturating_sub(1)));
    Some(batch)
}

fn commit(connection: &Connection, batch: Vec<Job>, commits: &AtomicU64) {
    let mut state = execute(connection, "BEGIN IMMEDIATE").during("beginning to write");
    let mut answers = Vec::with_capacity(batch.len());
    for job in batch {
        answers.push(job(state.as_ref().map(|()| connection)));
        // Errors such as a full disk make SQLite give up the whole transaction. What came before is gone then, and
        // what comes next must not run outside of one.
        if state.is_ok() && connection.is_autocommit() {
            state = Err(StoreError::Unavailable(Cause::new("the database gave the transaction up")));
        }
    }
    if state.is_ok() {
        state = execute(connection, "COMMIT").during("committing");
    }
    if state.is_err() && !connection.is_autocommit() {
        // Fails only if there is nothing to roll back.
        drop(execute(connection, "ROLLBACK"));
    }
    commits.fetch_add(1, Ordering::Release);
    for answer in answers {
        answer(state.as_ref().copied());
    }
}

/// Runs a job so that it leaves nothing behind unless it succeeds.
fn in_savepoint<T, E: From<StoreError>>(
    connection: &Connection,
    job: impl FnOnce(&Connection) -> Result<T, E>,
) -> Result<T, E> {
    execute(connection, "SAVEPOINT job").during("beginning a write")?;
    let outcome = catch_unwind(AssertUnwindSafe(|| job(connection))).unwrap_or_else(|_| {
        Err(StoreError::Unavailable(Cause::new("the function that decides a write panicked")).into())
    });
    if outcome.is_err() && !connection.is_autocommit() {
        execute(connection, "ROLLBACK TO job").during("undoing a refused write")?;
    }
    if !connection.is_autocommit() {
        execute(connection, "RELEASE job").during("ending a write")?;
    }
    outcome
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    /// A job that runs `sql` and sends how it ended.
    fn job(sql: &'static str, outcomes: &Sender<bool>) -> Job {
        let outcomes = outcomes.clone();
        Box::new(move |transaction| {
            let outcome = match transaction {
                Ok(db) => in_savepoint(db, |db| db.execute_batch(sql).during("a test")),
                Err(error) => Err(error.clone()),
            };
            Box::new(move |committed| {
                let answer = committed.map_err(Clone::clone).and(outcome);
                outcomes.send(answer.is_ok()).unwrap();
            })
        })
    }

    /// Commits the statements as one batch; returns how each ended and how many rows there are then.
    fn run(statements: &[&'static str]) -> (Vec<bool>, i64) {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch("CREATE TABLE t (x INTEGER UNIQUE)").unwrap();
        let (sender, outcomes) = channel();
        let batch = statements.iter().map(|sql| job(sql, &sender)).collect();
        commit(&db, batch, &AtomicU64::new(0));
        drop(sender);
        let rows = db.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
        (outcomes.iter().collect(), rows)
    }

    const ONE: &str = "INSERT INTO t VALUES (1)";
    const TWO: &str = "INSERT INTO t VALUES (2)";

    #[test]
    fn a_failing_write_takes_nothing_along_and_leaves_nothing_behind() {
        assert_eq!(run(&[ONE, "INSERT INTO t VALUES (3), (1)", TWO]), (vec![true, false, true], 2));
    }

    #[test]
    fn when_the_database_gives_the_transaction_up_nothing_is_written_and_everybody_hears() {
        assert_eq!(run(&[ONE, "ROLLBACK", TWO]), (vec![false, false, false], 0));
    }

    #[test]
    fn when_the_commit_fails_nothing_is_written_and_everybody_hears() {
        // A deferred constraint is checked by the commit itself.
        let broken = "PRAGMA defer_foreign_keys = ON; CREATE TABLE child (t INTEGER REFERENCES t (x));
                      INSERT INTO child VALUES (9)";
        assert_eq!(run(&[ONE, broken, TWO]), (vec![false, false, false], 0));
    }

    #[test]
    fn a_batch_takes_what_is_waiting_up_to_its_limit() {
        let (sender, jobs) = channel();
        let (outcomes, _kept) = channel();
        for _ in 0..5 {
            sender.send(job(ONE, &outcomes)).unwrap();
        }
        assert_eq!(next_batch(&jobs, 3).unwrap().len(), 3);
        assert_eq!(next_batch(&jobs, 3).unwrap().len(), 2);
        drop(sender);
        assert!(next_batch(&jobs, 3).is_none());
    }
}
