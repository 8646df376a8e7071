//! The behaviour suite on SQLite, with commits in groups and one at a time.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use csms_store::{SqliteSettings, SqliteStore};
use tempfile::TempDir;

async fn open(settings: SqliteSettings) -> (SqliteStore, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("csms.db"), settings).unwrap();
    (store, directory)
}

async fn in_groups() -> (SqliteStore, TempDir) {
    open(SqliteSettings::default()).await
}

async fn one_at_a_time() -> (SqliteStore, TempDir) {
    open(SqliteSettings { max_batch: 1, ..SqliteSettings::default() }).await
}

csms_store::store_suite!(grouped, crate::in_groups);
csms_store::store_suite!(single, crate::one_at_a_time);
