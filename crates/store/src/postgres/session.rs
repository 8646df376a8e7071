//! A connection for one operation, inside a transaction or outside of one.
//!
//! A connection goes back to the pool only when it is known to be idle. When a future is dropped or a function panics
//! in the middle, the connection is closed instead, and the server rolls its transaction back.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use deadpool_postgres::{Object, Pool};
use futures_util::{Stream, StreamExt as _};
use tokio_postgres::{Row, types::ToSql};

use super::failure::{During as _, column};
use crate::error::{Cause, StoreError};

/// What a statement is given.
pub(super) type Parameters<'p> = &'p [&'p (dyn ToSql + Sync)];

/// Waits for an operation, but not longer than `limit`.
pub(super) async fn within<T, E: From<StoreError>>(
    limit: Duration,
    operation: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    match tokio::time::timeout(limit, operation).await {
        Ok(outcome) => outcome,
        Err(_) => {
            Err(StoreError::Unavailable(Cause::new(format!("the database did not answer within {limit:?}"))).into())
        }
    }
}

/// A connection in use.
pub(super) struct Session {
    connection: Option<Object>,
    /// Whether no answer is awaited and no transaction is open.
    at_rest: AtomicBool,
    in_transaction: bool,
}

impl Session {
    /// A connection outside of a transaction: each statement is one by itself.
    pub(super) async fn open(pool: &Pool) -> Result<Self, StoreError> {
        let connection = pool.get().await.during("connecting to the database")?;
        Ok(Self { connection: Some(connection), at_rest: AtomicBool::new(true), in_transaction: false })
    }

    /// A transaction whose statements each see what was committed before them, and which locks what it changes.
    pub(super) async fn write(pool: &Pool) -> Result<Self, StoreError> {
        Self::begin(pool, "BEGIN ISOLATION LEVEL READ COMMITTED").await
    }

    /// A transaction whose statements all see the same instant, and which changes nothing.
    pub(super) async fn snapshot(pool: &Pool) -> Result<Self, StoreError> {
        Self::begin(pool, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await
    }

    async fn begin(pool: &Pool, sql: &str) -> Result<Self, StoreError> {
        let mut session = Self::open(pool).await?;
        session.in_transaction = true;
        session.batch(sql, "beginning a transaction").await?;
        Ok(session)
    }

    fn connection(&self) -> Result<&Object, StoreError> {
        self.connection.as_ref().ok_or_else(|| StoreError::Unavailable(Cause::new("the connection is closed")))
    }

    /// Awaits the server's answer, and notes meanwhile that the connection is not idle.
    async fn busy<T>(&self, answer: impl Future<Output = T>) -> T {
        self.at_rest.store(false, Ordering::Relaxed);
        let answer = answer.await;
        self.at_rest.store(!self.in_transaction, Ordering::Relaxed);
        answer
    }

    /// Runs statements that have no parameters and answer no rows.
    pub(super) async fn batch(&self, sql: &str, doing: &'static str) -> Result<(), StoreError> {
        let connection = self.connection()?;
        self.busy(connection.batch_execute(sql)).await.during(doing)
    }

    /// The rows that a query finds.
    pub(super) async fn rows(
        &self,
        sql: &str,
        parameters: Parameters<'_>,
        doing: &'static str,
    ) -> Result<Vec<Row>, StoreError> {
        let connection = self.connection()?;
        let answer = async {
            let statement = connection.prepare_cached(sql).await?;
            connection.query(&statement, parameters).await
        };
        self.busy(answer).await.during(doing)
    }

    /// The rows that a query without parameters finds, as they come. To be read to the end within a transaction.
    pub(super) async fn stream(
        &self,
        sql: &str,
        doing: &'static str,
    ) -> Result<impl Stream<Item = Result<Row, StoreError>> + Unpin, StoreError> {
        let connection = self.connection()?;
        let answer = async {
            let statement = connection.prepare_cached(sql).await?;
            connection.query_raw(&statement, std::iter::empty::<i64>()).await
        };
        let rows = self.busy(answer).await.during(doing)?;
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

    /// The number that a query answers.
    pub(super) async fn number(
        &self,
        sql: &str,
        parameters: Parameters<'_>,
        doing: &'static str,
    ) -> Result<Option<i64>, StoreError> {
        let row = self.row(sql, parameters, doing).await?;
        row.map_or(Ok(None), |row| column(&row, 0, doing))
    }

    /// Runs a statement and answers how many rows it changed.
    pub(super) async fn execute(
        &self,
        sql: &str,
        parameters: Parameters<'_>,
        doing: &'static str,
    ) -> Result<u64, StoreError> {
        let connection = self.connection()?;
        let answer = async {
            let statement = connection.prepare_cached(sql).await?;
            connection.execute(&statement, parameters).await
        };
        self.busy(answer).await.during(doing)
    }

    /// Ends the transaction: commits a success, undoes a failure. When the answer to the commit is lost, nobody knows
    /// whether it happened; that is [`StoreError::Unavailable`].
    pub(super) async fn end<T, E: From<StoreError>>(mut self, outcome: Result<T, E>) -> Result<T, E> {
        let ended = match &outcome {
            Ok(_) => self.batch("COMMIT", "committing").await,
            Err(_) => self.batch("ROLLBACK", "undoing a refused change").await,
        };
        if ended.is_ok() {
            self.in_transaction = false;
            self.at_rest.store(true, Ordering::Relaxed);
        }
        match (outcome, ended) {
            (Ok(_), Err(error)) => Err(error.into()),
            // A transaction that cannot be undone ends with its connection; the refusal is the answer.
            (outcome, _) => outcome,
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.at_rest.load(Ordering::Relaxed)
            && let Some(connection) = self.connection.take()
        {
            drop(Object::take(connection));
        }
    }
}
