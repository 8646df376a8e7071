//! Recognises a pooler through which prepared statements do not work.
//!
//! A pooler in transaction mode gives each transaction any of its connections. PgBouncer prepares a statement there again
//! since release 1.21, if `max_prepared_statements` is not 0; others fail now and then, under load, with statements that do
//! not exist. It is better to find that at the start.

use std::time::Duration;

use tokio_postgres::error::SqlState;

use super::{connect::Connections, failure::has_state, session::Session};
use crate::error::{Cause, Remedy, StoreError};

const DOING: &str = "looking for a pooler";

/// How long the pooler may take. One that has a single connection never gives a second one, and is in no danger either.
const LIMIT: Duration = Duration::from_secs(2);

/// Refuses a pooler that loses prepared statements. Prepares a statement while another transaction occupies the connection
/// that is used next.
pub(super) async fn require_prepared_statements(connections: &Connections) -> Result<(), StoreError> {
    if connections.pool.status().max_size < 2 {
        return Ok(());
    }
    let (first, second) = (Session::open(connections).await?, Session::open(connections).await?);
    first.begin("BEGIN").await?;
    let Ok(statement) = tokio::time::timeout(LIMIT, second.prepared("SELECT 1::BIGINT", DOING)).await else {
        return Ok(());
    };
    let statement = statement?;
    first.commit().await?;
    match second.query(&statement, &[], DOING).await {
        Err(error) if has_state(&error, &SqlState::INVALID_SQL_STATEMENT_NAME) => {
            let reason = "a pooler in front of the database loses prepared statements: use PgBouncer 1.21 or newer with \
                          max_prepared_statements, or pool_mode = session";
            Err(StoreError::Unavailable(Cause::new(reason).until(Remedy::Settings)))
        }
        found => found.map(drop),
    }
}
