//! A connection for one operation, inside a transaction or outside of one.
//!
//! A connection goes back to the pool only when it is idle and its server still takes writes. When a future is dropped or a
//! function panics in the middle, what the server is doing is cancelled, and the connection keeps its place in the pool until
//! the server has ended it: a server that waits for a lock costs no more connections than the pool has.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use deadpool_postgres::{Object, Pool};
use futures_util::{Stream, StreamExt as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_postgres::{
    Row, Statement,
    types::{ToSql, Type},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    connect::Connections,
    failure::{self, During as _, column},
};
use crate::{
    audit::{self, AuditHead},
    bound::{self, Binding, KnownKey},
    error::{Cause, StoreError},
};

/// What a statement is given.
pub(super) type Parameters<'p> = &'p [&'p (dyn ToSql + Sync)];

/// Doing what a group does.
const CHANGING: &str = "writing one change of several";
pub(super) const COMMITTING: &str = "committing";

/// How long, in milliseconds, one of several changes in a transaction may wait for a lock.
const SHORT_WAIT: u32 = 200;

/// How long a server may take to end what nobody waits for, before it counts as one that answers nobody.
const SILENCE: Duration = Duration::from_secs(3);

/// How long a server that answers may take to connect and to answer the shortest question.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// How long an abandoned connection may keep its place while its server ends what it was doing.
const ABANDONED: Duration = Duration::from_secs(30);

/// Waits for an operation, but not longer than `limit`.
pub(super) async fn within<T, E: From<StoreError>>(
    limit: Duration,
    operation: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    match tokio::time::timeout(limit, operation).await {
        Ok(outcome) => outcome,
        Err(_) => {
            let silence = format!("the database did not answer within {} ms", limit.as_millis());
            Err(StoreError::Unavailable(Cause::new(silence)).into())
        }
    }
}

/// A connection in use.
pub(super) struct Session {
    connection: Option<Object>,
    /// What a write that may wait for others needs besides a connection.
    permit: Option<OwnedSemaphorePermit>,
    tls: MakeRustlsConnect,
    /// Whether no reply is awaited and no transaction is open.
    idle: AtomicBool,
    /// Whether the connection is not to be used again.
    spoiled: AtomicBool,
    /// Whether others that were made before are not to be used again either.
    server_spoiled: AtomicBool,
    in_transaction: AtomicBool,
    /// How long, in milliseconds, the statements of a group wait for a lock.
    lock_wait: u128,
    row_key: Arc<KnownKey>,
    /// Least number of the root keys under which rows are bound here; 0 where none is known.
    bound: u32,
}

impl Session {
    /// A connection outside of a transaction: each statement is one by itself.
    pub(super) async fn open(connections: &Connections) -> Result<Self, StoreError> {
        let connection = connections.pool.get().await.during("connecting to the database")?;
        Ok(Self {
            connection: Some(connection),
            permit: None,
            tls: connections.tls.clone(),
            idle: AtomicBool::new(true),
            spoiled: AtomicBool::new(false),
            server_spoiled: AtomicBool::new(false),
            in_transaction: AtomicBool::new(false),
            lock_wait: connections.limits.group_lock_wait,
            // Numbers never fall, so whatever is bound is bound under this root key or a later one.
            bound: connections.row_key.number(),
            row_key: Arc::clone(&connections.row_key),
        })
    }

    /// As [`Session::open`], for a statement that may wait for a lock: such waits take a part of the connections at most.
    pub(super) async fn open_to_write(connections: &Connections) -> Result<Self, StoreError> {
        Self::open_by_permit(connections, &connections.waiting).await
    }

    /// As [`Session::open`], for a search, which may read many rows: they take a part of the connections at most.
    pub(super) async fn open_to_search(connections: &Connections) -> Result<Self, StoreError> {
        Self::open_by_permit(connections, &connections.searching).await
    }

    async fn open_by_permit(connections: &Connections, permits: &Arc<Semaphore>) -> Result<Self, StoreError> {
        let permit = Arc::clone(permits).acquire_owned().await;
        let permit = permit.map_err(|_| StoreError::Unavailable(Cause::new("the store is closed")))?;
        let mut session = Self::open(connections).await?;
        session.permit = Some(permit);
        Ok(session)
    }

    /// A transaction whose statements each see what was committed before them, and which locks what it changes. The server
    /// ends it when it waits or stands still for too long. It takes one of the places of [`Session::open_to_write`].
    pub(super) async fn write(connections: &Connections) -> Result<Self, StoreError> {
        let session = Self::open_to_write(connections).await?;
        session.begin(&connections.limits.begin).await?;
        Ok(session)
    }

    /// As [`Session::write`], for statements that take as long as there are rows.
    pub(super) async fn write_at_length(connections: &Connections) -> Result<Self, StoreError> {
        let session = Self::write(connections).await?;
        session.batch("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0", "beginning a transaction").await?;
        Ok(session)
    }

    /// Begins a transaction by this statement.
    pub(super) async fn begin(&self, sql: &str) -> Result<(), StoreError> {
        self.in_transaction.store(true, Ordering::Relaxed);
        self.batch(sql, "beginning a transaction").await
    }

    /// What binds rows; an error until it is known.
    pub(super) fn binding(&self) -> Result<Binding<'_>, StoreError> {
        bound::known(&self.row_key)
    }

    /// Least number of the root keys under which rows are bound here; 0 where none is known.
    pub(super) const fn bound(&self) -> u32 {
        self.bound
    }

    /// Requires that the root key under which rows are bound here is still in use, by the locked head of the audit trail.
    pub(super) fn require_key_in_use(&self, head: &AuditHead) -> Result<(), StoreError> {
        if self.bound() == 0 {
            return Ok(());
        }
        audit::require_key_in_use(head, self.bound(), &self.row_key)
    }

    fn connection(&self) -> Result<&Object, StoreError> {
        self.connection.as_ref().ok_or_else(|| StoreError::Unavailable(Cause::new("the connection is closed")))
    }

    /// Awaits the server's reply, and notes meanwhile that the connection is not idle.
    async fn busy<T>(
        &self,
        doing: &'static str,
        reply: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, StoreError> {
        let reply = if self.connection()?.is_closed() {
            Err(failure::unsent(doing))
        } else {
            self.idle.store(false, Ordering::Relaxed);
            let reply = reply.await;
            self.idle.store(!self.in_transaction.load(Ordering::Relaxed), Ordering::Relaxed);
            reply.during(doing)
        };
        reply.inspect_err(|error| {
            if failure::ends_connection(error) {
                self.spoiled.store(true, Ordering::Relaxed);
            }
            if failure::concerns_server(error) {
                self.server_spoiled.store(true, Ordering::Relaxed);
            }
        })
    }

    /// Runs statements that have no parameters and return no rows.
    pub(super) async fn batch(&self, sql: &str, doing: &'static str) -> Result<(), StoreError> {
        let connection = self.connection()?;
        self.busy(doing, connection.batch_execute(sql)).await
    }

    /// The rows that a query finds.
    pub(super) async fn rows(
        &self,
        sql: &str,
        parameters: Parameters<'_>,
        doing: &'static str,
    ) -> Result<Vec<Row>, StoreError> {
        let connection = self.connection()?;
        let reply = async {
            let statement = connection.prepare_cached(sql).await?;
            connection.query(&statement, parameters).await
        };
        self.busy(doing, reply).await
    }

    /// As [`Session::rows`], for a query that is seldom asked in the same words: the connection does not keep it.
    pub(super) async fn rows_once(
        &self,
        sql: &str,
        parameters: &[(&(dyn ToSql + Sync), Type)],
        doing: &'static str,
    ) -> Result<Vec<Row>, StoreError> {
        self.busy(doing, self.connection()?.query_typed(sql, parameters)).await
    }

    /// The rows that a query without parameters finds, as they come. To be read to the end within a transaction.
    pub(super) async fn stream(
        &self,
        sql: &str,
        doing: &'static str,
    ) -> Result<impl Stream<Item = Result<Row, StoreError>> + Unpin + use<>, StoreError> {
        let connection = self.connection()?;
        let reply = async {
            let statement = connection.prepare_cached(sql).await?;
            connection.query_raw(&statement, std::iter::empty::<i64>()).await
        };
        let rows = self.busy(doing, reply).await?;
        Ok(Box::pin(rows.map(move |row| row.during(doing))))
    }

    /// The first row that a query finds.
    pub(super) async fn row(
        &self,
        sql: &str,
        parameters: Parameters<'_>,
        doing: &'static str,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(sql, parameters, doing).await?.into_iter().next())
    }

    /// The number that a query returns.
    pub(super) async fn number(
        &self,
        sql: &str,
        parameters: Parameters<'_>,
        doing: &'static str,
    ) -> Result<Option<i64>, StoreError> {
        let row = self.row(sql, parameters, doing).await?;
        row.map_or(Ok(None), |row| column(&row, 0, doing))
    }

    /// Runs a statement and returns how many rows it changed.
    pub(super) async fn execute(
        &self,
        sql: &str,
        parameters: Parameters<'_>,
        doing: &'static str,
    ) -> Result<u64, StoreError> {
        let connection = self.connection()?;
        let reply = async {
            let statement = connection.prepare_cached(sql).await?;
            connection.execute(&statement, parameters).await
        };
        self.busy(doing, reply).await
    }

    /// A statement that this connection knows from now on.
    pub(super) async fn prepared(&self, sql: &str, doing: &'static str) -> Result<Statement, StoreError> {
        let connection = self.connection()?;
        self.busy(doing, connection.prepare_cached(sql)).await
    }

    /// The rows that a prepared query finds. It is sent when the future is first polled, so that several that are polled one
    /// after the other reach the server in this order, without waiting for each other's replies.
    pub(super) async fn query(
        &self,
        statement: &Statement,
        parameters: Parameters<'_>,
        doing: &'static str,
    ) -> Result<Vec<Row>, StoreError> {
        let connection = self.connection()?;
        self.busy(doing, connection.query(statement, parameters)).await
    }

    /// Marks where a change begins that may be undone without the rest of the transaction. It waits for locks only shortly.
    pub(super) async fn savepoint(&self) -> Result<(), StoreError> {
        self.batch(&format!("SAVEPOINT change; SET LOCAL lock_timeout = {SHORT_WAIT}"), CHANGING).await
    }

    /// Keeps what was done since [`Session::savepoint`].
    pub(super) async fn release(&self) -> Result<(), StoreError> {
        let wait = self.lock_wait;
        self.batch(&format!("RELEASE SAVEPOINT change; SET LOCAL lock_timeout = {wait}"), CHANGING).await
    }

    /// Undoes what was done since [`Session::savepoint`].
    pub(super) async fn roll_back_to_savepoint(&self) -> Result<(), StoreError> {
        self.batch("ROLLBACK TO SAVEPOINT change; RELEASE SAVEPOINT change", CHANGING).await
    }

    /// Commits. When the reply is lost, nobody knows whether it happened; see [`failure::is_closed`].
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        self.batch("COMMIT", COMMITTING).await?;
        self.ended();
        Ok(())
    }

    /// Notes that the transaction has been committed.
    pub(super) fn ended(&self) {
        self.in_transaction.store(false, Ordering::Relaxed);
        self.idle.store(true, Ordering::Relaxed);
    }

    /// Undoes the transaction. One that cannot be undone ends with its connection.
    pub(super) async fn discard(self) {
        if self.spoiled.load(Ordering::Relaxed) {
            return;
        }
        if self.batch("ROLLBACK", "undoing a refused change").await.is_ok() {
            self.ended();
        }
    }

    /// Ends the transaction: commits a success, undoes a failure. When the reply to the commit is lost, nobody knows
    /// whether it happened; that is [`StoreError::Unavailable`].
    pub(super) async fn end<T, E: From<StoreError>>(self, outcome: Result<T, E>) -> Result<T, E> {
        match outcome {
            Ok(done) => {
                self.commit().await?;
                Ok(done)
            }
            Err(refusal) => {
                self.discard().await;
                Err(refusal)
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        if self.spoiled.load(Ordering::Relaxed) {
            if self.server_spoiled.load(Ordering::Relaxed)
                && let Some(pool) = Object::pool(&connection)
            {
                pool.retain(|_, _| false);
            }
            drop(Object::take(connection));
        } else if !self.idle.load(Ordering::Relaxed) {
            abandon(connection, self.permit.take(), self.tls.clone());
        }
    }
}

/// Has the server end what it is doing, and then closes the connection, which keeps its place in the pool meanwhile.
fn abandon(connection: Object, permit: Option<OwnedSemaphorePermit>, tls: MakeRustlsConnect) {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        drop(Object::take(connection));
        return;
    };
    drop(runtime.spawn(async move {
        {
            let mut ended = pin!(async {
                // Without it the server ends by its own limits in time.
                drop(connection.cancel_token().cancel_query(tls).await);
                drop(connection.batch_execute("ROLLBACK").await);
            });
            if tokio::time::timeout(SILENCE, &mut ended).await.is_err() {
                // The idle ones would be waited for in vain, too, and new ones may reach another server. A server that is only slow
                // with its disk answers them.
                if let Some(pool) = Object::pool(&connection)
                    && !answers(&pool).await
                {
                    pool.retain(|_, _| false);
                }
                drop(tokio::time::timeout(ABANDONED, ended).await);
            }
        }
        drop(Object::take(connection));
        drop(permit);
    }));
}

/// Whether the server answers on another connection of the pool.
async fn answers(pool: &Pool) -> bool {
    let asked = async {
        match pool.get().await {
            Ok(connection) => connection.batch_execute("SELECT 1").await.is_ok(),
            Err(_) => false,
        }
    };
    tokio::time::timeout(SIGN_OF_LIFE, asked).await.unwrap_or_default()
}
