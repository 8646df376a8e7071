//! Turns the driver's errors into the store's. The only place that reads SQLSTATE codes.
//!
//! What the server says about an error may quote the row that it is about. Only its one-line message is kept.

use std::{error::Error, fmt};

use deadpool_postgres::{HookError, PoolError};
use tokio_postgres::{Row, error::SqlState, types::FromSql};

use crate::{
    audit::FormerKey,
    error::{Cause, ChangeError, StoreError},
};

/// What went wrong, in words of the driver or the server, without a row's content.
#[derive(Debug)]
pub(super) struct DatabaseError {
    text: String,
    state: Option<SqlState>,
    is_closed: bool,
}

impl From<&tokio_postgres::Error> for DatabaseError {
    fn from(error: &tokio_postgres::Error) -> Self {
        let text = match error.as_db_error() {
            Some(refusal) => {
                let constraint = refusal.constraint().map(|name| format!(", constraint {name}")).unwrap_or_default();
                format!("{}: {} ({}{constraint})", refusal.severity(), refusal.message(), refusal.code().code())
            }
            None => chain(error),
        };
        Self { text, state: error.code().cloned(), is_closed: error.is_closed() }
    }
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for DatabaseError {}

/// Adds what was being done to a driver's result.
pub(super) trait During<T> {
    fn during(self, doing: &'static str) -> Result<T, StoreError>;
}

impl<T> During<T> for Result<T, tokio_postgres::Error> {
    fn during(self, doing: &'static str) -> Result<T, StoreError> {
        self.map_err(|error| variant_of(error.code())(Cause::with(doing, DatabaseError::from(&error))))
    }
}

impl<T> During<T> for Result<T, PoolError> {
    fn during(self, doing: &'static str) -> Result<T, StoreError> {
        self.map_err(|error| {
            let source = match &error {
                PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => error.into(),
                other => DatabaseError { text: other.to_string(), state: None, is_closed: false },
            };
            StoreError::Unavailable(Cause::with(doing, source))
        })
    }
}

fn variant_of(state: Option<&SqlState>) -> fn(Cause) -> StoreError {
    let Some(state) = state else { return StoreError::Unavailable };
    if [&SqlState::DATA_CORRUPTED, &SqlState::INDEX_CORRUPTED].contains(&state) {
        return StoreError::Corrupt;
    }
    // Class 22: data that the database cannot hold. Class 23: a constraint.
    match state.code().get(..2) {
        Some("22" | "23") => StoreError::Conflict,
        _ => StoreError::Unavailable,
    }
}

fn source(error: &StoreError) -> Option<&DatabaseError> {
    match error {
        StoreError::NotFound
        | StoreError::UnknownEvent
        | StoreError::InUse
        | StoreError::Full(_)
        | StoreError::NameTaken
        | StoreError::Quota(_) => None,
        StoreError::Conflict(cause) | StoreError::Unavailable(cause) | StoreError::Corrupt(cause) => {
            cause.source_as::<DatabaseError>()
        }
    }
}

/// Whether the server answered with this SQLSTATE.
pub(super) fn has_state(error: &StoreError, state: &SqlState) -> bool {
    source(error).and_then(|source| source.state.as_ref()) == Some(state)
}

/// Whether a row with the same key exists.
pub(super) fn is_duplicate(error: &StoreError) -> bool {
    has_state(error, &SqlState::UNIQUE_VIOLATION)
}

/// Whether the connection is of no more use: its server ends it or has stopped taking writes, or this program and the server
/// no longer agree about the transaction.
pub(super) fn ends_connection(error: &StoreError) -> bool {
    let states = [SqlState::IN_FAILED_SQL_TRANSACTION, SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT];
    concerns_server(error) || states.iter().any(|state| has_state(error, state))
}

/// Whether other connections to the same server are of no more use either.
pub(super) fn concerns_server(error: &StoreError) -> bool {
    let states = [
        SqlState::READ_ONLY_SQL_TRANSACTION,
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
    ];
    is_closed(error) || states.iter().any(|state| has_state(error, state))
}

/// Whether the connection was lost, so that nothing is known about what was asked last.
pub(super) fn is_closed(error: &StoreError) -> bool {
    source(error).is_some_and(|source| source.is_closed)
}

/// Whether a commit that failed so may have happened all the same: the connection has ended, before or after it.
pub(super) fn leaves_doubt(error: &StoreError) -> bool {
    let states = [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN];
    is_closed(error) || states.iter().any(|state| has_state(error, state))
}

/// Whether somebody else has kept a row or a table locked for too long.
pub(super) fn is_locked(error: &StoreError) -> bool {
    has_state(error, &SqlState::LOCK_NOT_AVAILABLE)
}

/// Whether the database refuses what it was given.
pub(super) fn concerns_content(error: &StoreError) -> bool {
    matches!(error, StoreError::Conflict(_))
}

/// Whether rows were bound under a root key that another one has replaced. They are bound under that one when they are bound again.
fn is_former_key(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable(cause) if cause.source_as::<FormerKey>().is_some())
}

/// Whether the same statements may succeed at once: others were in the way, or another connection may be better.
pub(super) fn may_repeat(error: &StoreError) -> bool {
    let states = [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::READ_ONLY_SQL_TRANSACTION,
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
    ];
    is_closed(error) || is_former_key(error) || states.iter().any(|state| has_state(error, state))
}

/// An error of an operation that may come from the store.
pub(super) trait StoreFailure {
    /// The store's error, if it is one.
    fn of_store(&self) -> Option<&StoreError>;
}

impl StoreFailure for StoreError {
    fn of_store(&self) -> Option<&StoreError> {
        Some(self)
    }
}

impl<E> StoreFailure for ChangeError<E> {
    fn of_store(&self) -> Option<&StoreError> {
        if let Self::Store(error) = self { Some(error) } else { None }
    }
}

/// Whether a transaction certainly did not happen, and may be begun again at once.
pub(super) fn was_undone(error: &impl StoreFailure) -> bool {
    error.of_store().is_some_and(|error| may_repeat(error) && !leaves_doubt(error))
}

/// Reads a column; a row that does not hold what the schema promises is damaged.
pub(super) fn column<'r, T: FromSql<'r>>(row: &'r Row, at: usize, doing: &'static str) -> Result<T, StoreError> {
    row.try_get(at).map_err(|error| StoreError::Corrupt(Cause::with(doing, DatabaseError::from(&error))))
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::{
        audit::{AuditHead, require_key_in_use},
        bound::{KnownKey, RowKey},
    };

    fn is(state: &SqlState, expected: fn(Cause) -> StoreError) -> bool {
        let (found, expected) = (variant_of(Some(state))(Cause::new("")), expected(Cause::new("")));
        std::mem::discriminant(&found) == std::mem::discriminant(&expected)
    }

    #[test]
    fn constraints_contradict_damage_is_corrupt_and_the_rest_may_pass() {
        assert!(is(&SqlState::UNIQUE_VIOLATION, StoreError::Conflict));
        assert!(is(&SqlState::FOREIGN_KEY_VIOLATION, StoreError::Conflict));
        assert!(is(&SqlState::CHARACTER_NOT_IN_REPERTOIRE, StoreError::Conflict));
        assert!(is(&SqlState::DATA_CORRUPTED, StoreError::Corrupt));
        assert!(is(&SqlState::T_R_SERIALIZATION_FAILURE, StoreError::Unavailable));
        assert!(is(&SqlState::DISK_FULL, StoreError::Unavailable));
    }

    #[test]
    fn only_what_others_caused_is_repeated() {
        let error = |state: SqlState| {
            let source = DatabaseError { text: String::new(), state: Some(state), is_closed: false };
            StoreError::Unavailable(Cause::with("a test", source))
        };
        assert!(may_repeat(&error(SqlState::T_R_DEADLOCK_DETECTED)));
        assert!(!may_repeat(&error(SqlState::DISK_FULL)));
        assert!(!may_repeat(&StoreError::Unavailable(Cause::new("too slow"))));
    }

    #[test]
    fn what_was_bound_under_a_former_root_key_is_repeated_by_whoever_knows_the_one_in_use() {
        let (one, two) = (Zeroizing::new([1; 32]), Zeroizing::new([2; 32]));
        let head = AuditHead { least_key: 2, ..AuditHead::default() };
        let refused = |key: KnownKey| require_key_in_use(&head, 1, &key).unwrap_err();
        assert!(may_repeat(&refused(RowKey::with_others(1, one.clone(), [(2, two.clone())]).into())));
        assert!(!may_repeat(&refused(RowKey::new(1, one.clone()).into())));
        let ahead: KnownKey = RowKey::with_others(3, two, [(1, one)]).into();
        assert!(!may_repeat(&require_key_in_use(&head, 3, &ahead).unwrap_err()));
    }
}
