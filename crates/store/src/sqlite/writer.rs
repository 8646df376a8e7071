//! The thread that writes, committing what is waiting in groups.
//!
//! A commit costs a sync of the disk however many writes it carries. While one is under way others queue up, and
//! become the next commit. Each write has its own savepoint, so a refused one takes nothing of its neighbours along;
//! all are answered after the commit, refusals too, because they may rest on a neighbour's change. The audit trail is
//! extended once for all of them, right before the commit. When the disk stands still, those who wait are refused after a while,
//! and what was not begun by then is not made.

use std::{
    cell::{Cell, RefCell},
    ops::Deref,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread::{JoinHandle, current},
    time::Duration,
};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{
    SqliteSettings, audit, checkpoint::Checkpoints, failure::During as _, files::Files, log_number, readers::execute,
};
use crate::{
    audit::AuditEntry,
    bound::KnownKey,
    error::{Cause, Remedy, StoreError},
};

/// Runs one write inside the open transaction, or notes why there is none.
type Job = Box<dyn FnOnce(Result<&Group<'_>, &StoreError>) -> Answer + Send>;
/// Tells the caller, given how the commit went.
type Answer = Box<dyn FnOnce(Result<(), &StoreError>)>;

/// A write that waits to be begun. Whoever takes it out, the writing thread or the caller who waits no longer, decides.
struct Waiting(Mutex<Option<Job>>);

impl Waiting {
    fn take(&self) -> Option<Job> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Where the outcome of a write comes.
type Outcome<T, E> = oneshot::Receiver<Result<T, E>>;

/// What the writing thread is asked for.
enum Request {
    Write(Arc<Waiting>),
    /// To end after the writes before this, and to report whether everything is in the file.
    Close(oneshot::Sender<Result<(), StoreError>>),
}

/// The transaction that the writes of one commit share.
pub(super) struct Group<'c> {
    connection: &'c Connection,
    /// What the writes so far append to the audit trail.
    records: RefCell<Vec<AuditEntry>>,
    row_key: &'c KnownKey,
    /// Least number of the root keys under which its rows are bound; 0 where none is known.
    bound: Cell<u32>,
}

impl<'c> Group<'c> {
    fn new(connection: &'c Connection, row_key: &'c KnownKey) -> Self {
        // Numbers never fall, so whatever the writes bind is bound under this root key or a later one.
        Self { connection, records: RefCell::default(), row_key, bound: Cell::new(row_key.number()) }
    }

    /// Says that the root key of this number has been taken into use here, and everything bound under it that was written before.
    /// What this process writes in the same commit behind it is bound under that key, too.
    pub(super) fn took_into_use(&self, number: u32) {
        self.row_key.lead(number);
        self.bound.set(0);
    }

    /// Has records appended to the audit trail by the commit, unless the write that is running fails.
    pub(super) fn record(&self, records: Vec<AuditEntry>) {
        self.records.borrow_mut().extend(records);
    }

    /// Appends the records of all writes and commits.
    fn commit(&self) -> Result<(), StoreError> {
        audit::append(self.connection, self.records.take(), (self.row_key, self.bound.get()))?;
        execute(self.connection, "COMMIT").during("committing")
    }
}

impl Deref for Group<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

/// How often a log that is too long is looked at while nobody writes.
const RETRY: Duration = Duration::from_secs(1);

/// The queue to the writing thread.
pub(super) struct Writer {
    queue: Option<Sender<Request>>,
    /// How long a write may take.
    timeout: Duration,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(
        mut connection: Connection,
        SqliteSettings { max_batch, timeout, .. }: SqliteSettings,
        commits: Arc<AtomicU64>,
        files: Arc<Files>,
        row_key: Arc<KnownKey>,
        mut checkpoints: Checkpoints,
    ) -> Result<Self, StoreError> {
        let log_pages = Arc::new(AtomicU64::new(0));
        let pages = Arc::clone(&log_pages);
        let hook = move |_: &mut rusqlite::hooks::Wal, length: i32| {
            pages.store(u64::try_from(length).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        };
        connection.wal_hook(Some(hook)).during("setting up the writer")?;
        let (queue, requests) = channel();
        let work = move || {
            // Nothing of the log that was there is missing in the file, so what is written next belongs to a new one.
            let mut log = checkpoints.is_alone().then_some(0).filter(|_| checkpoints.copy_all());
            let asked = loop {
                match next(&requests, max_batch, checkpoints.is_overdue().then_some(RETRY)) {
                    Next::Batch(batch, asked) => {
                        commit(&connection, &files, &row_key, &batch, &commits);
                        let mut pages = log_pages.load(Ordering::Relaxed);
                        if let Some(before) = &mut log {
                            if *before == 0 || pages < *before {
                                // A failure says nothing about the writes. The next log gets the number.
                                drop(log_number::raise(&connection));
                                pages = log_pages.load(Ordering::Relaxed);
                            }
                            *before = pages;
                        }
                        checkpoints.after_commit(pages);
                        if asked.is_some() {
                            break asked;
                        }
                    }
                    Next::Idle => checkpoints.empty(),
                    Next::End => break None,
                }
            };
            let finished = checkpoints.finish();
            drop(connection);
            if let Some(asked) = asked {
                // Nobody listens when the caller has gone.
                drop(asked.send(finished));
            }
        };
        let thread = std::thread::Builder::new()
            .name("csms-writer".to_owned())
            .spawn(work)
            .map_err(|error| StoreError::Unavailable(Cause::with("starting the writer thread", error)))?;
        Ok(Self { queue: Some(queue), timeout, thread: Some(thread) })
    }

    /// Has `job` run on the writing thread and answers when it is on disk. From the first poll on it will run, whether
    /// or not anyone waits for the answer.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the time is over. A job that was not begun by then is not run; of one that was begun,
    /// nobody knows yet whether it reaches the disk.
    pub(super) async fn write<T, E>(
        &self,
        job: impl FnOnce(&Group<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (waiting, answer) = self.queue(job)?;
        match tokio::time::timeout(self.timeout, answer).await {
            Ok(answer) => answer.map_err(|_| closed())?,
            Err(elapsed) => {
                let doing = match waiting.take() {
                    Some(_) => "waiting for the disk, and the write was given up",
                    None => "waiting for the disk, which may yet take the write",
                };
                Err(StoreError::Unavailable(Cause::with(doing, elapsed)).into())
            }
        }
    }

    /// As [`Writer::write`], for work that takes as long as there are rows, and so has no limit.
    pub(super) async fn write_all<T, E>(
        &self,
        job: impl FnOnce(&Group<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.queue(job)?.1.await.map_err(|_| closed())?
    }

    /// Hands `job` to the writing thread. Returns where it waits and where its outcome comes.
    fn queue<T, E>(
        &self,
        job: impl FnOnce(&Group<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<(Arc<Waiting>, Outcome<T, E>), StoreError>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |transaction| {
            let outcome = match transaction {
                Ok(group) => in_savepoint(group, job),
                Err(error) => Err(error.clone().into()),
            };
            Box::new(move |committed| {
                let answer = committed.map_err(|error| error.clone().into()).and(outcome);
                // Nobody listens when the caller has gone; the write counts all the same.
                drop(sender.send(answer));
            })
        });
        let waiting = Arc::new(Waiting(Mutex::new(Some(job))));
        let request = Request::Write(Arc::clone(&waiting));
        self.queue.as_ref().ok_or_else(closed)?.send(request).map_err(|_| closed())?;
        Ok((waiting, receiver))
    }

    /// Ends the writing thread after the writes that were begun, and moves everything into the file. What is asked for
    /// afterwards fails.
    pub(super) async fn close(&self) -> Result<(), StoreError> {
        let (sender, receiver) = oneshot::channel();
        let Some(queue) = &self.queue else { return Ok(()) };
        if queue.send(Request::Close(sender)).is_err() {
            return Ok(());
        }
        // A thread that ended for another reason has closed what there was.
        receiver.await.unwrap_or(Ok(()))
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable(Cause::new("the store is closed"))
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

/// What the writing thread does next.
enum Next {
    /// To commit these, and to end after them if that was asked for.
    Batch(Vec<Arc<Waiting>>, Option<oneshot::Sender<Result<(), StoreError>>>),
    /// Nothing was asked for within the time.
    Idle,
    /// No more can come.
    End,
}

/// Waits for a request, `patience` at most if there is one, and takes those queued behind it, `max_batch` at most.
fn next(requests: &Receiver<Request>, max_batch: usize, patience: Option<Duration>) -> Next {
    let first = match patience {
        Some(patience) => match requests.recv_timeout(patience) {
            Ok(first) => first,
            Err(RecvTimeoutError::Timeout) => return Next::Idle,
            Err(RecvTimeoutError::Disconnected) => return Next::End,
        },
        None => match requests.recv() {
            Ok(first) => first,
            Err(_) => return Next::End,
        },
    };
    let mut batch = Vec::new();
    for request in std::iter::once(first).chain(requests.try_iter().take(max_batch.saturating_sub(1))) {
        match request {
            Request::Write(waiting) => batch.push(waiting),
            Request::Close(asked) => return Next::Batch(batch, Some(asked)),
        }
    }
    Next::Batch(batch, None)
}

fn commit(connection: &Connection, files: &Files, row_key: &KnownKey, batch: &[Arc<Waiting>], commits: &AtomicU64) {
    // Those whose callers wait no longer are gone.
    let batch: Vec<_> = batch.iter().filter_map(|waiting| waiting.take()).collect();
    if batch.is_empty() {
        return;
    }
    let mut state = files.check().and_then(|()| execute(connection, "BEGIN IMMEDIATE").during("beginning to write"));
    if state.is_ok() && row_key.has_several() {
        // Nobody else writes from here on.
        state = audit::head(connection).map(|head| row_key.lead(head.least_key));
    }
    let group = Group::new(connection, row_key);
    let mut answers = Vec::with_capacity(batch.len());
    for job in batch {
        answers.push(job(state.as_ref().map(|()| &group)));
        // Errors such as a full disk make SQLite give up the whole transaction. What came before is gone then, and
        // what comes next must not run outside of one.
        if state.is_ok() && connection.is_autocommit() {
            state = Err(StoreError::Unavailable(Cause::new("the database gave the transaction up")));
        }
    }
    if state.is_ok() {
        state = group.commit();
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
    group: &Group<'_>,
    job: impl FnOnce(&Group<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let connection = group.connection;
    execute(connection, "SAVEPOINT job").during("beginning a write")?;
    let records = group.records.borrow().len();
    let outcome = catch_unwind(AssertUnwindSafe(|| job(group))).unwrap_or_else(|_| {
        let cause = Cause::new("the function that decides a write panicked").until(Remedy::Repair);
        Err(StoreError::Unavailable(cause).into())
    });
    if outcome.is_err() {
        group.records.borrow_mut().truncate(records);
    }
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

    use zeroize::Zeroizing;

    use super::{
        super::{SqliteStore, connect, schema},
        *,
    };
    use crate::audit::{ChainCheck, ChainKey};

    fn waiting(job: Job) -> Arc<Waiting> {
        Arc::new(Waiting(Mutex::new(Some(job))))
    }

    /// A job that runs `sql` and sends how it ended.
    fn job(sql: &'static str, outcomes: &Sender<bool>) -> Arc<Waiting> {
        let outcomes = outcomes.clone();
        waiting(Box::new(move |transaction| {
            let outcome = match transaction {
                Ok(db) => in_savepoint(db, |db| db.execute_batch(sql).during("a test")),
                Err(error) => Err(error.clone()),
            };
            Box::new(move |committed| {
                let answer = committed.map_err(Clone::clone).and(outcome);
                outcomes.send(answer.is_ok()).unwrap();
            })
        }))
    }

    /// Commits the statements as one batch; returns how each ended and how many rows there are then.
    fn run(statements: &[&'static str]) -> (Vec<bool>, i64) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("csms.db");
        let mut db = connect::for_writing(&path, Duration::ZERO).unwrap();
        schema::migrate(&mut db).unwrap();
        db.execute_batch("CREATE TABLE t (x INTEGER UNIQUE)").unwrap();
        let files = Files::remember(&path, true).unwrap();
        let (sender, outcomes) = channel();
        let batch: Vec<_> = statements.iter().map(|sql| job(sql, &sender)).collect();
        commit(&db, &files, &KnownKey::default(), &batch, &AtomicU64::new(0));
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
    fn the_trail_is_extended_once_by_what_the_writes_of_a_commit_record_but_for_the_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("csms.db");
        let mut db = connect::for_writing(&path, Duration::ZERO).unwrap();
        schema::migrate(&mut db).unwrap();
        db.execute_batch(
            "CREATE TABLE seals (x); CREATE TRIGGER seal AFTER UPDATE ON audit_head BEGIN INSERT INTO seals VALUES (1); END",
        )
        .unwrap();
        let files = Files::remember(&path, true).unwrap();
        let chain = Arc::new(ChainKey::new(1, Zeroizing::new([7; 32])));
        let write = |what: &'static str, succeeds: bool| {
            let entry =
                AuditEntry { secret: None, document: format!("{{\"what\":\"{what}\"}}"), chain: Arc::clone(&chain) };
            waiting(Box::new(move |group| {
                let refused = StoreError::NotFound;
                let run = |group: &Group<'_>| {
                    group.record(vec![entry]);
                    if succeeds { Ok(()) } else { Err(refused) }
                };
                let outcome = in_savepoint(group.unwrap(), run);
                Box::new(move |committed| assert_eq!(committed.is_ok() && outcome.is_ok(), succeeds))
            }))
        };
        commit(
            &db,
            &files,
            &KnownKey::default(),
            &[write("a", true), write("b", false), write("c", true)],
            &AtomicU64::new(0),
        );
        let records = audit::after(&db, 0, 9, None).unwrap();
        let documents: Vec<_> = records.iter().map(|record| record.document.as_str()).collect();
        assert_eq!(documents, [r#"{"what":"a"}"#, r#"{"what":"c"}"#]);
        let mut check = ChainCheck::new(&chain);
        records.iter().try_for_each(|record| check.next(record)).unwrap();
        check.finish(&audit::head(&db).unwrap()).unwrap();
        assert_eq!(db.query_row("SELECT count(*) FROM seals", [], |row| row.get::<_, i64>(0)).unwrap(), 1);
    }

    /// A store whose writing thread stands still until the sender is dropped, and what came of the write that it stands in.
    async fn standing_still(store: &SqliteStore) -> (Sender<()>, tokio::task::JoinHandle<Result<(), StoreError>>) {
        let ((release, stands), (begun, begins)) = (channel::<()>(), oneshot::channel());
        let store = store.clone();
        let stuck = tokio::spawn(async move {
            let stand_still = move |group: &Group<'_>| {
                begun.send(()).unwrap();
                stands.recv().unwrap_err();
                group.execute_batch(ONE).during("a test")
            };
            store.0.writer.write(stand_still).await
        });
        begins.await.unwrap();
        (release, stuck)
    }

    #[tokio::test]
    async fn while_the_disk_stands_still_writes_are_refused_and_those_not_begun_are_not_made() {
        let directory = tempfile::tempdir().unwrap();
        let settings = SqliteSettings { timeout: Duration::from_millis(50), ..SqliteSettings::default() };
        let store = SqliteStore::open(&directory.path().join("csms.db"), settings).unwrap();
        let create = |db: &Group<'_>| db.execute_batch("CREATE TABLE t (x INTEGER UNIQUE)").during("a test");
        store.0.writer.write_all(create).await.unwrap();
        let (release, stuck) = standing_still(&store).await;
        let refused = store.0.writer.write(|db| db.execute_batch(TWO).during("a test")).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        let refused = stuck.await.unwrap();
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        drop(release);
        // Only what was begun before is there.
        let rows = |db: &Group<'_>| {
            let mut rows = db.prepare("SELECT x FROM t").during("a test")?;
            let rows = rows.query_map([], |row| row.get(0)).during("a test")?;
            rows.collect::<Result<Vec<i64>, _>>().during("a test")
        };
        assert_eq!(store.0.writer.write_all(rows).await.unwrap(), [1]);
    }

    #[test]
    fn a_batch_takes_what_is_waiting_up_to_its_limit() {
        let (sender, jobs) = channel();
        let (outcomes, _kept) = channel();
        for _ in 0..5 {
            sender.send(Request::Write(job(ONE, &outcomes))).unwrap();
        }
        let length = |next| if let Next::Batch(batch, None) = next { batch.len() } else { 0 };
        assert_eq!(length(next(&jobs, 3, None)), 3);
        assert_eq!(length(next(&jobs, 3, None)), 2);
        assert!(matches!(next(&jobs, 3, Some(Duration::ZERO)), Next::Idle));
        drop(sender);
        assert!(matches!(next(&jobs, 3, None), Next::End));
    }
}
