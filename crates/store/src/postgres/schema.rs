//! Brings the database's schema up to date: numbered SQL files, each applied once, in order. Only a server and a move from
//! another store do so; commands require the schema of their own release.
//!
//! The one row of `csms_schema` is the number of the newest that was applied, and the lock under which one replica at a
//! time applies the next ones.

use std::time::Duration;

use tokio_postgres::error::SqlState;

use super::{
    connect::Connections,
    failure::{has_state, is_duplicate},
    session::{Session, within},
};
use crate::error::{Cause, StoreError, newer_schema, older_schema};

/// Migration number n is the n-th entry.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/postgres/0001_initial.sql"),
    include_str!("../../migrations/postgres/0002_task_age.sql"),
    include_str!("../../migrations/postgres/0003_entries.sql"),
    include_str!("../../migrations/postgres/0004_access.sql"),
    include_str!("../../migrations/postgres/0005_audit.sql"),
    include_str!("../../migrations/postgres/0006_outbox.sql"),
    include_str!("../../migrations/postgres/0007_last_use.sql"),
    include_str!("../../migrations/postgres/0008_key_times.sql"),
    include_str!("../../migrations/postgres/0009_audit_search.sql"),
    include_str!("../../migrations/postgres/0010_bound_rows.sql"),
    include_str!("../../migrations/postgres/0011_current_version.sql"),
    include_str!("../../migrations/postgres/0012_key_rotation.sql"),
    include_str!("../../migrations/postgres/0013_key_ends.sql"),
    include_str!("../../migrations/postgres/0014_chain_key.sql"),
    include_str!("../../migrations/postgres/0015_audit_columns.sql"),
    include_str!("../../migrations/postgres/0016_agencies.sql"),
    include_str!("../../migrations/postgres/0017_bound_secrets.sql"),
    include_str!("../../migrations/postgres/0018_audit_checkpoint.sql"),
    include_str!("../../migrations/postgres/0019_audit_sink.sql"),
    include_str!("../../migrations/postgres/0020_secret_search.sql"),
    include_str!("../../migrations/postgres/0021_keyring.sql"),
];

const DOING: &str = "bringing the schema up to date";
const VERSION: &str = "SELECT version FROM csms_schema WHERE singleton = 1";
const LOCKED_VERSION: &str = "SELECT version FROM csms_schema WHERE singleton = 1 FOR UPDATE";

/// How long migrations may take, which grows with what is stored.
pub(super) const MIGRATION_TIMEOUT: Duration = Duration::from_secs(3600);

/// Applies the migrations that the database lacks, all in one transaction. The database must answer within `timeout` how far
/// it has come.
pub(super) async fn migrate(connections: &Connections, timeout: Duration) -> Result<(), StoreError> {
    if within(timeout, is_up_to_date(connections)).await? {
        return Ok(());
    }
    let change = async {
        let session = Session::write_at_length(connections).await?;
        let applied = apply(&session, MIGRATIONS).await;
        session.end(applied).await
    };
    within(MIGRATION_TIMEOUT, change).await
}

/// Requires that the database has exactly the schema of this release, and changes nothing: servers of another release may
/// use it.
///
/// # Errors
/// [`StoreError::NotFound`] for a database without any schema of ours, [`StoreError::Unavailable`] with both numbers for an
/// older or newer one.
pub(super) async fn require(connections: &Connections) -> Result<(), StoreError> {
    let session = Session::open(connections).await?;
    let version = match session.number(VERSION, &[], DOING).await {
        Err(error) if has_state(&error, &SqlState::UNDEFINED_TABLE) => return Err(StoreError::NotFound),
        version => version?.ok_or(StoreError::NotFound)?,
    };
    match missing(version, MIGRATIONS)?.len() {
        0 => Ok(()),
        lacking => Err(older_schema(MIGRATIONS.len().saturating_sub(lacking), MIGRATIONS.len())),
    }
}

/// Whether the database lacks no migration. Makes the table of the schema's number if it is missing.
async fn is_up_to_date(connections: &Connections) -> Result<bool, StoreError> {
    let session = Session::open(connections).await?;
    // A database that is up to date needs no rights to change its schema.
    match session.number(VERSION, &[], DOING).await {
        Ok(Some(version)) if missing(version, MIGRATIONS)?.is_empty() => return Ok(true),
        Err(error) if has_state(&error, &SqlState::UNDEFINED_TABLE) => {
            let table = "CREATE TABLE csms_schema (singleton BIGINT NOT NULL PRIMARY KEY, version BIGINT NOT NULL)";
            unless_another_did(session.batch(table, DOING).await)?;
        }
        found => drop(found?),
    }
    unless_another_did(session.batch("INSERT INTO csms_schema VALUES (1, 0)", DOING).await)?;
    Ok(false)
}

/// Replicas that start at the same time all try. Whoever comes second is told of the table or of the type of its rows.
fn unless_another_did(done: Result<(), StoreError>) -> Result<(), StoreError> {
    let theirs = [SqlState::DUPLICATE_TABLE, SqlState::DUPLICATE_OBJECT];
    match done {
        Err(error) if is_duplicate(&error) || theirs.iter().any(|state| has_state(&error, state)) => Ok(()),
        done => done,
    }
}

/// The migrations behind number `version`.
fn missing<'m, 's>(version: i64, migrations: &'m [&'s str]) -> Result<&'m [&'s str], StoreError> {
    let missing = usize::try_from(version).ok().and_then(|applied| migrations.get(applied..));
    missing.ok_or_else(|| newer_schema(version, migrations.len()))
}

async fn apply(session: &Session, migrations: &[&str]) -> Result<(), StoreError> {
    let version = session.number(LOCKED_VERSION, &[], DOING).await?;
    let version = version.ok_or_else(|| StoreError::Corrupt(Cause::new("the number of the schema is missing")))?;
    for migration in missing(version, migrations)? {
        session.batch(migration, DOING).await.map_err(|error| {
            if has_state(&error, &SqlState::DUPLICATE_TABLE) {
                StoreError::Corrupt(Cause::with("the database has tables of another program", error))
            } else {
                error
            }
        })?;
    }
    let known = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    session.execute("UPDATE csms_schema SET version = $1 WHERE singleton = 1", &[&known], DOING).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_schema_is_refused_with_both_numbers() {
        assert_eq!(missing(1, &["one", "two"]).unwrap(), ["two"]);
        assert!(missing(2, &["one", "two"]).unwrap().is_empty());
        let Err(StoreError::Unavailable(cause)) = missing(3, &["one", "two"]) else { panic!("not refused") };
        assert!(cause.to_string().ends_with("its schema is number 3, this release knows 2"), "{cause}");
    }
}
