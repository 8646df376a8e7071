//! Turns the driver's errors into the store's. The only place that reads SQLSTATE codes.
//!
//! What the server says about an error may quote the row that it is about. Only its one-line message is kept.

use std::{error::Error, fmt, io, iter::successors};

use deadpool_postgres::{HookError, PoolError};
use tokio_postgres::{Row, error::SqlState, types::FromSql};

use crate::{
    audit::FormerKey,
    error::{Cause, ChangeError, Remedy, StoreError},
};

/// What went wrong, in words of the driver or the server, without a row's content.
#[derive(Debug)]
pub(super) struct DatabaseError {
    text: String,
    state: Option<SqlState>,
    is_closed: bool,
    /// Whether the connection was closed before anything was sent on it.
    is_unsent: bool,
    remedy: Remedy,
}

impl DatabaseError {
    /// This error as the cause of a failure.
    fn during(self, doing: &'static str) -> Cause {
        let remedy = self.remedy;
        Cause::with(doing, self).until(remedy)
    }
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
        let remedy = error.code().map_or_else(|| remedy_without_answer(error), remedy_for);
        Self { text, state: error.code().cloned(), is_closed: error.is_closed(), is_unsent: false, remedy }
    }
}

/// What it takes until the server does what it has refused so.
fn remedy_for(state: &SqlState) -> Remedy {
    // Class 28: the login. Class 3D: the name of the database.
    match (state, state.code().get(..2)) {
        (_, Some("28" | "3D")) | (&SqlState::INSUFFICIENT_PRIVILEGE, _) => Remedy::Settings,
        (&SqlState::DISK_FULL | &SqlState::IO_ERROR, _) => Remedy::Repair,
        _ => Remedy::Time,
    }
}

/// The same where the driver has failed by itself. It says in words alone that it lacks a setting, such as the password.
fn remedy_without_answer(error: &tokio_postgres::Error) -> Remedy {
    let sources = successors(error.source(), |error| (*error).source());
    let is_untrusted =
        sources.filter_map(refused_by_tls).any(|error| matches!(error, rustls::Error::InvalidCertificate(_)));
    let lacks_a_setting = !error.is_closed() && error.to_string().starts_with("invalid configuration");
    if is_untrusted || lacks_a_setting { Remedy::Settings } else { Remedy::Time }
}

/// The error of TLS, which hides in one of a stream.
fn refused_by_tls<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    error.downcast_ref::<io::Error>()?.get_ref()?.downcast_ref()
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
        self.map_err(|error| variant_of(error.code())(DatabaseError::from(&error).during(doing)))
    }
}

impl<T> During<T> for Result<T, PoolError> {
    fn during(self, doing: &'static str) -> Result<T, StoreError> {
        self.map_err(|error| {
            let source = match &error {
                PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => error.into(),
                other => unsent_because(other.to_string(), false),
            };
            StoreError::Unavailable(source.during(doing))
        })
    }
}

/// The error of what was not sent because the server had already closed the connection.
pub(super) fn unsent(doing: &'static str) -> StoreError {
    StoreError::Unavailable(unsent_because("the server has closed the connection".to_owned(), true).during(doing))
}

const fn unsent_because(text: String, is_closed: bool) -> DatabaseError {
    DatabaseError { text, state: None, is_closed, is_unsent: true, remedy: Remedy::Time }
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
    let is_lost = source(error).is_some_and(|source| source.is_closed && !source.is_unsent);
    is_lost || states.iter().any(|state| has_state(error, state))
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
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
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

/// Whether a transaction that was to end with this outcome did not come as far as its commit, and may be begun again at once.
pub(super) fn is_undone_by<T>(outcome: &Result<T, impl StoreFailure>) -> bool {
    outcome.as_ref().err().and_then(|error| error.of_store()).is_some_and(may_repeat)
}

/// Whether a transaction certainly did not happen, although its commit may have been sent, and may be begun again at once.
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
    fn a_refused_login_asks_for_settings_and_a_full_disk_for_a_repair() {
        for state in [SqlState::INVALID_PASSWORD, SqlState::INVALID_CATALOG_NAME, SqlState::INSUFFICIENT_PRIVILEGE] {
            assert_eq!(remedy_for(&state), Remedy::Settings, "{}", state.code());
        }
        assert_eq!(remedy_for(&SqlState::DISK_FULL), Remedy::Repair);
        for state in [SqlState::TOO_MANY_CONNECTIONS, SqlState::CANNOT_CONNECT_NOW, SqlState::ADMIN_SHUTDOWN] {
            assert_eq!(remedy_for(&state), Remedy::Time, "{}", state.code());
        }
    }

    #[test]
    fn only_what_others_caused_is_repeated() {
        let error = |state: SqlState| {
            let source = unsent_because(String::new(), false);
            let source = DatabaseError { state: Some(state), is_unsent: false, ..source };
            StoreError::Unavailable(source.during("a test"))
        };
        assert!(may_repeat(&error(SqlState::T_R_DEADLOCK_DETECTED)));
        assert!(was_undone(&error(SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT)));
        assert!(!was_undone(&error(SqlState::ADMIN_SHUTDOWN)), "the commit may have come first");
        assert!(was_undone(&unsent("a test")) && concerns_server(&unsent("a test")));
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
