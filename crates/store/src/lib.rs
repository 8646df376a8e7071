//! Durable storage of secrets, sealed values, rotation tasks, keys and users.
//!
//! One trait, [`Store`], and its implementations: [`SqliteStore`] is embedded, [`PostgresStore`] serves several
//! replicas, [`AnyStore`] is the one that a program was told to use. Rules are not here: a change of a secret is a
//! function over a [`Draft`], decided by the caller in the same transaction that stores its result. Values arrive
//! sealed and leave sealed. The crate knows no requests and no clock, and no key but that of the audit trail's chain.
//!
//! The invariants: an acknowledged write is on disk; changes are atomic and cancellation-safe; a damaged row is an error, never
//! another value; no type of a database driver leaves the crate.

mod any;
pub mod audit;
mod bound;
mod document;
mod draft;
mod entry;
mod error;
mod find;
mod key_set;
mod outbox;
mod postgres;
mod recent;
mod record;
mod rekey;
mod row;
mod search;
pub mod snapshot;
mod sqlite;
mod store;
#[cfg(feature = "testing")]
pub mod suite;
pub mod transfer;

pub use any::{AnyStore, PoolState};
pub use audit::{
    AuditCheckpoint, AuditEntry, AuditHead, AuditRecord, Broken, ChainCheck, ChainKey, Link, Pruned, SearchColumns,
};
pub use bound::{Replacement, RowKey, RowKind, RowMark};
pub use draft::Draft;
pub use entry::{Entry, EntryChange};
pub use error::{Cause, ChangeError, CreateError, ReadError, Remedy, StoreError};
pub use find::{Found, SecretFilter, Window};
pub use postgres::{PostgresSettings, PostgresStore};
#[cfg(feature = "testing")]
pub use postgres::{QUICK_STATEMENTS, search_statements};
pub use record::{
    AccessChange, AccessDecision, AccessKeyRecord, AccessKeyUse, AccessState, AgencyRecord, ClaimedNotification,
    KeyAlias, KeyDetails, KeyGrant, KeyMaterial, KeyRecord, KeyRotation, KeyState, LastKeyUse, Lease, OutboxBacklog,
    Page, PolicyDetails, PolicyRecord, PolicyVersion, Postponed, RotationBacklog, SecretUse, StoredValue, TaskFilter,
    TaskOutcome, TaskPage, UserDetails, UserRecord,
};
pub use rekey::{Rekey, Rekeyed, Reseal, ServerReport};
pub use search::{Actions, AuditFilter};
pub use sqlite::{SqliteSettings, SqliteStore};
pub use store::Store;
