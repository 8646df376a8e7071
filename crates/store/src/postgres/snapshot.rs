//! The whole database as it is at one instant, for a copy of it.

use futures_util::{Stream, TryStreamExt as _};

use super::{connect::Connections, session::Session, transfer::cell};
use crate::{
    error::StoreError,
    transfer::{Cell, Table},
};

const READING: &str = "reading a table for a copy";

/// Statements take as long as there are rows, and the file is written between them.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0; \
                     SET LOCAL idle_in_transaction_session_timeout = 0";

/// A transaction that sees what was committed before its first statement, and nothing later.
pub(crate) struct Reading(Session);

impl Reading {
    pub(super) async fn begin(connections: &Connections) -> Result<Self, StoreError> {
        let session = Session::open(connections).await?;
        session.begin(BEGIN).await?;
        Ok(Self(session))
    }

    /// The rows of a table. To be read to the end before the next table.
    pub(crate) async fn rows(
        &self,
        table: &Table,
    ) -> Result<impl Stream<Item = Result<Vec<Cell>, StoreError>> + Unpin + use<>, StoreError> {
        let width = table.columns.len();
        let sql = format!("SELECT {} FROM {}", table.columns.join(", "), table.name);
        let rows = self.0.stream(&sql, READING).await?;
        Ok(rows.and_then(move |row| std::future::ready((0..width).map(|at| cell(&row, at)).collect())))
    }

    /// Ends the transaction, which has changed nothing.
    pub(crate) async fn end(self) {
        self.0.discard().await;
    }
}
