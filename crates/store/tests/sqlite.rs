//! The behaviour suite on SQLite, with commits in groups and one at a time.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::sync::Arc;

use csms_core::policy::Policy;
use csms_store::{
    AccessChange, AuditEntry, ChainCheck, ChainKey, PolicyDetails, PolicyRecord, SqliteSettings, SqliteStore, Store,
    StoreError, audit::Broken,
};
use rusqlite::Connection;
use tempfile::TempDir;
use zeroize::Zeroizing;

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

#[tokio::test]
async fn a_running_store_sees_what_a_command_beside_it_changes() {
    let (server, directory) = in_groups().await;
    server.use_row_key(csms_store::suite::row_key());
    let path = directory.path().join("csms.db");
    // A read before the change leaves a snapshot of before the change behind.
    assert_eq!(server.policy("p").await.unwrap(), None);
    let command = SqliteStore::open_beside(&path).unwrap();
    command.use_row_key(csms_store::suite::row_key());
    let record = PolicyRecord {
        name: "p".to_owned(),
        description: String::new(),
        policy: Policy::administrator(),
        details: PolicyDetails::default(),
    };
    command.change_access(vec![AccessChange::PutPolicy(record.clone())], Vec::new()).await.unwrap();
    drop(command);
    assert_eq!(server.policy("p").await.unwrap(), Some(record));
    assert!(matches!(SqliteStore::open_beside(&path.with_extension("other")), Err(StoreError::NotFound)));
}

/// A store with three records in its audit trail, tampered with by `sql`, and what following the chain says.
async fn tampered(sql: &str) -> Result<(), Broken> {
    let (store, directory) = in_groups().await;
    let key = Arc::new(ChainKey::new(1, Zeroizing::new([7; 32])));
    for what in ["one", "two", "three"] {
        let document = format!("{{\"what\":\"{what}\"}}");
        let entry = AuditEntry { secret: Some(what.to_owned()), document, chain: Arc::clone(&key) };
        store.append_audit(vec![entry]).await.unwrap();
    }
    let other = Connection::open(directory.path().join("csms.db")).unwrap();
    other.execute_batch(sql).unwrap();
    let mut check = ChainCheck::new(&key);
    store.audit_records(0, 100, None).await.unwrap().iter().try_for_each(|record| check.next(record))?;
    check.finish(&store.audit_head().await.unwrap())
}

#[tokio::test]
async fn every_edit_of_the_audit_trail_in_the_file_is_found() {
    assert_eq!(tampered("SELECT 1").await, Ok(()));
    for (sql, expected) in [
        ("UPDATE audit SET document = replace(document, 'two', 'tow')", Broken::Changed(2)),
        ("UPDATE audit SET secret = 'other' WHERE number = 3", Broken::Changed(3)),
        ("UPDATE audit SET subject = 'other' WHERE number = 2", Broken::Changed(2)),
        ("UPDATE audit SET time = 9 WHERE number = 1", Broken::Changed(1)),
        ("DELETE FROM audit WHERE number = 1", Broken::Missing { expected: 1, found: 2 }),
        ("DELETE FROM audit WHERE number = 3", Broken::End { head: 3, last: 2 }),
        ("DELETE FROM audit WHERE number = 2; UPDATE audit SET number = 2 WHERE number = 3", Broken::Changed(2)),
        (
            "UPDATE audit SET number = 9 WHERE number = 1; UPDATE audit SET number = 1 WHERE number = 2;
          UPDATE audit SET number = 2 WHERE number = 9",
            Broken::Changed(1),
        ),
        (
            "DELETE FROM audit WHERE number = 3;
          UPDATE audit_head SET number = 2, link = (SELECT link FROM audit WHERE number = 2)",
            Broken::Head,
        ),
        ("DELETE FROM audit; UPDATE audit_head SET number = 0", Broken::Head),
        ("INSERT INTO audit (number, secret, document, link) VALUES (4, NULL, '{}', x'00')", Broken::Changed(4)),
        ("UPDATE audit SET key_number = 2 WHERE number = 2", Broken::UnknownKey(2)),
        ("UPDATE audit_head SET key_number = 3", Broken::UnknownKey(3)),
    ] {
        assert_eq!(tampered(sql).await, Err(expected), "{sql}");
    }
}
