//! Changes of the root key, and the servers that report themselves for them.

use std::time::Duration;

use csms_core::policy::Policy;
use zeroize::Zeroizing;

use super::{
    audit::entry,
    identities::{access_key, add_key, key, user},
    *,
};
use crate::{
    AccessChange, AuditEntry, ChainCheck, ChainKey, KeyRecord, PolicyDetails, PolicyRecord, Rekey, Replacement, Reseal,
    RowKey, ServerReport, StoreError,
};

/// Begins what this seals, with the number of its key; everything else is under the first.
const SEALED: u8 = 0xee;

const HOUR: Duration = Duration::from_secs(3600);

struct Resealer;

impl Reseal for Resealer {
    fn access_key(&self, key: &crate::AccessKeyRecord) -> Result<Option<Vec<u8>>, StoreError> {
        let sealed = &key.sealed_secret_key;
        Ok((sealed.first() != Some(&SEALED)).then(|| [&[SEALED], sealed.as_slice()].concat()))
    }

    fn kms_key(&self, key: &mut KeyRecord) -> Result<bool, StoreError> {
        let is_sealed = key.wrapped.first() == Some(&SEALED);
        if !is_sealed {
            key.wrapped.insert(0, SEALED);
        }
        Ok(!is_sealed)
    }
}

fn second_row_key() -> Arc<RowKey> {
    RowKey::with_others(2, Zeroizing::new([8; 32]), [(1, Zeroizing::new([7; 32]))])
}

fn second_chain() -> Arc<ChainKey> {
    Arc::new(ChainKey::with_others(2, Zeroizing::new([8; 32]), [(1, Zeroizing::new([7; 32]))]))
}

fn second_entry(what: &str) -> AuditEntry {
    AuditEntry { secret: None, document: format!("{{\"what\":\"{what}\"}}"), chain: second_chain() }
}

fn rekey(replacements: Vec<Replacement>) -> Rekey {
    Rekey {
        row_key: second_row_key(),
        started_with: None,
        reseal: Arc::new(Resealer),
        replacements,
        record: second_entry("rekey"),
    }
}

fn replacement(old: &[u8], new: &[u8]) -> Replacement {
    Replacement { key: "ring".to_owned(), old: old.to_vec(), new: new.to_vec() }
}

/// One row of every kind.
async fn fill<S: Store>(store: &S) -> KeyRecord {
    let policy = PolicyRecord {
        name: "p".to_owned(),
        description: String::new(),
        policy: Policy::administrator(),
        details: PolicyDetails::default(),
    };
    let changes = vec![
        AccessChange::PutUser(user("1", "d1", "alice")),
        AccessChange::PutAccessKey(access_key("AK1", "1")),
        AccessChange::PutPolicy(policy),
    ];
    store.change_access(changes, vec![entry(None, "users")]).await.unwrap();
    for name in ["one", "two", "three"] {
        put(store, &common(name)).await;
    }
    let made = key("csms/default");
    add_key(store, &made).await;
    entries::count(store, "counter").await.unwrap();
    store.put_meta_if_absent("ring", b"old".to_vec()).await.unwrap();
    made
}

pub async fn every_row_is_bound_and_sealed_under_the_new_root_key<S: Store>(store: Shared<S>) {
    let made = fill(&*store).await;
    let done = store.rekey(rekey(vec![replacement(b"old", b"new")])).await.unwrap();
    // A user, its key, a policy, three secrets, a KMS key and an entry.
    assert_eq!((done.rows, done.foreign.len()), (8, 0));
    assert_eq!(store.meta("ring").await.unwrap(), Some(b"new".to_vec()));
    // The new key alone reads everything: nothing is left under the former.
    store.use_row_key(RowKey::new(2, Zeroizing::new([8; 32])));
    assert_eq!(store.users().await.unwrap(), [user("1", "d1", "alice")]);
    let (access_key_found, _) = store.access_key("AK1").await.unwrap().unwrap();
    assert_eq!(
        access_key_found.sealed_secret_key,
        [&[SEALED], access_key("AK1", "1").sealed_secret_key.as_slice()].concat()
    );
    assert_eq!(
        store.key(&project(), &made.id).await.unwrap().unwrap().wrapped,
        [&[SEALED], made.wrapped.as_slice()].concat()
    );
    assert_eq!(store.policies().await.unwrap().len(), 1);
    assert_eq!(store.list_secrets(&project(), None, 10, None).await.unwrap().items.len(), 3);
    assert_eq!(entries::count(&*store, "counter").await.unwrap(), 2);
    // The record of it names the rows as they are now.
    let rows = store.access_rows().await.unwrap();
    let records = store.audit_records(0, 100, None).await.unwrap();
    let record = records.iter().find(|record| record.document.contains("rekey")).unwrap();
    assert!(!rows.is_empty());
    for row in rows {
        assert!(record.document.contains(&row.mac.unwrap()), "{} {}", row.kind, row.id);
    }
    let chain = second_chain();
    let mut check = ChainCheck::new(&chain);
    records.iter().for_each(|record| check.next(record).unwrap());
    check.finish(&store.audit_head().await.unwrap()).unwrap();
    // Once more finds nothing to do.
    let again = store.rekey(rekey(vec![replacement(b"new", b"newer")])).await.unwrap();
    assert_eq!((again.rows, again.foreign.len()), (0, 0));
}

pub async fn a_change_of_the_root_key_that_another_has_overtaken_changes_nothing<S: Store>(store: Shared<S>) {
    fill(&*store).await;
    store.put_meta_if_absent("first", b"old".to_vec()).await.unwrap();
    let first = Replacement { key: "first".to_owned(), ..replacement(b"old", b"new") };
    let refused = store.rekey(rekey(vec![first, replacement(b"other", b"new")])).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    assert_eq!(store.meta("first").await.unwrap(), Some(b"old".to_vec()));
    assert_eq!(store.users().await.unwrap().len(), 1);
    store.append_audit(vec![entry(None, "still under the first")]).await.unwrap();
    change(&*store, &name("one"), add_version).await;
}

pub async fn nothing_is_written_under_a_former_root_key<S: Store>(store: Shared<S>) {
    fill(&*store).await;
    let kept = store.users().await.unwrap();
    store.rekey(rekey(vec![replacement(b"old", b"new")])).await.unwrap();
    // This store still binds under the first key, and does not know the second.
    let head = store.audit_head().await.unwrap();
    let append = store.append_audit(vec![entry(None, "late")]).await;
    assert!(matches!(append, Err(StoreError::Unavailable(_))), "{append:?}");
    let secret = common("late");
    let created = store
        .create_secret(secret.clone(), sealed(&secret.name, VersionId::FIRST), u64::MAX, vec![entry(None, "late")])
        .await;
    assert!(created.is_err());
    // Neither is what leaves no record.
    let elsewhere = create(&other_project(), new_secret("late"), at(1_000));
    let value = sealed(&elsewhere.name, VersionId::FIRST);
    assert!(store.create_secret(elsewhere, value, u64::MAX, Vec::new()).await.is_err());
    assert!(entries::count(&*store, "late").await.is_err());
    assert!(entries::count(&*store, "counter").await.is_err());
    let users = vec![AccessChange::PutUser(user("2", "d1", "bob"))];
    assert!(store.change_access(users.clone(), vec![entry(None, "late")]).await.is_err());
    assert_eq!(store.audit_head().await.unwrap(), head);
    // One that knows both goes on under the second, also before it is told which is in use.
    store.use_row_key(RowKey::with_others(1, Zeroizing::new([7; 32]), [(2, Zeroizing::new([8; 32]))]));
    let both = Arc::new(ChainKey::with_others(1, Zeroizing::new([7; 32]), [(2, Zeroizing::new([8; 32]))]));
    let late = |what: &str| AuditEntry { chain: Arc::clone(&both), ..entry(None, what) };
    // The first try may be refused, and says that it can be repeated.
    let mut tried = store.change_access(users.clone(), vec![late("users")]).await;
    if tried.is_err() {
        tried = store.change_access(users, vec![late("users")]).await;
    }
    tried.unwrap();
    change(&*store, &name("one"), add_version).await;
    store.use_row_key(RowKey::new(2, Zeroizing::new([8; 32])));
    assert_eq!(store.users().await.unwrap().len(), kept.len() + 1);
    assert!(store.secret(&project(), &name("one")).await.unwrap().is_some());
    assert!(store.secret(&other_project(), &name("late")).await.unwrap().is_none());
    assert_eq!(entries::count(&*store, "late").await.unwrap(), 1);
    assert_eq!(entries::count(&*store, "counter").await.unwrap(), 2);
}

pub async fn a_row_that_a_former_root_key_binds_is_not_made_valid<S: Store>(store: Shared<S>) {
    fill(&*store).await;
    let alone = RowKey::new(2, Zeroizing::new([8; 32]));
    let done = store.rekey(Rekey { row_key: alone.clone(), ..rekey(vec![replacement(b"old", b"new")]) }).await.unwrap();
    assert_eq!((done.rows, done.foreign.len()), (0, 8));
    store.use_row_key(alone);
    let refused = store.users().await.unwrap_err();
    assert!(refused.is_foreign_row(), "{refused}");
}

pub async fn nothing_is_written_under_a_root_key_that_the_database_does_not_have_in_use<S: Store>(store: Shared<S>) {
    fill(&*store).await;
    let head = store.audit_head().await.unwrap();
    let users = vec![AccessChange::PutUser(user("2", "d1", "bob"))];
    let refuses = async |head: &crate::AuditHead| {
        for records in [Vec::new(), vec![second_entry("late")]] {
            let refused = store.change_access(users.clone(), records).await;
            assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        }
        let refused = store.append_audit(vec![second_entry("late")]).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        assert_eq!(&store.audit_head().await.unwrap(), head);
    };
    // The database is from before the change of the root key that this store has seen.
    store.use_row_key(second_row_key());
    refuses(&head).await;
    // Then another key gets the same number.
    let other = RowKey::with_others(2, Zeroizing::new([9; 32]), [(1, Zeroizing::new([7; 32]))]);
    store.rekey(Rekey { row_key: other.clone(), ..rekey(vec![replacement(b"old", b"new")]) }).await.unwrap();
    let head = store.audit_head().await.unwrap();
    refuses(&head).await;
    store.use_row_key(other);
    assert_eq!(store.users().await.unwrap().len(), 1);
    store.change_access(users, vec![second_entry("now")]).await.unwrap();
}

pub async fn the_root_key_does_not_change_beside_a_server_that_was_started_with_another_key<S: Store>(
    store: Shared<S>,
) {
    fill(&*store).await;
    let started = |name: &str, key: &str| ServerReport { wrapping_key: key.to_owned(), ..report(name, 1) };
    store.report_server(&started("a", "new"), HOUR).await.unwrap();
    store.report_server(&started("b", "old"), HOUR).await.unwrap();
    let change = || Rekey { started_with: Some("new".to_owned()), ..rekey(vec![replacement(b"old", b"new")]) };
    let refused = store.rekey(change()).await;
    assert!(matches!(refused, Err(StoreError::InUse)), "{refused:?}");
    assert_eq!(store.meta("ring").await.unwrap(), Some(b"old".to_vec()));
    store.report_server(&started("b", "new"), HOUR).await.unwrap();
    assert_eq!(store.rekey(change()).await.unwrap().rows, 8);
}

pub async fn of_two_keyrings_the_first_is_stored<S: Store>(store: Shared<S>) {
    let put = async |old: Option<&[u8]>, new: &[u8]| {
        let (old, records) = (old.map(<[u8]>::to_vec), vec![entry(None, "ring")]);
        store.put_keyring("ring", old, new.to_vec(), records, HOUR).await.unwrap()
    };
    assert!(put(None, b"1").await);
    assert!(!put(None, b"2").await);
    assert!(!put(Some(b"2"), b"3").await);
    assert!(put(Some(b"1"), b"3").await);
    assert_eq!(store.meta("ring").await.unwrap(), Some(b"3".to_vec()));
    assert_eq!(store.audit_head().await.unwrap().number, 2);
}

fn report(name: &str, keyring: u64) -> ServerReport {
    ServerReport {
        name: name.to_owned(),
        release: "1".to_owned(),
        keyring,
        digest: format!("digest {keyring}"),
        wrapping_key: "k".to_owned(),
    }
}

pub async fn a_server_runs_until_it_ends_or_is_silent<S: Store>(store: Shared<S>) {
    store.report_server(&report("a", 1), HOUR).await.unwrap();
    store.report_server(&report("b", 1), HOUR).await.unwrap();
    store.report_server(&report("silent", 1), Duration::ZERO).await.unwrap();
    assert_eq!(store.servers().await.unwrap(), [report("a", 1), report("b", 1)]);
    store.report_server(&report("a", 2), HOUR).await.unwrap();
    store.withdraw_server("b").await.unwrap();
    assert_eq!(store.servers().await.unwrap(), [report("a", 2)]);
}

pub async fn a_server_that_is_silent_behind_a_new_keyring_is_not_waited_for<S: Store>(store: Shared<S>) {
    store.report_server(&report("a", 1), HOUR).await.unwrap();
    store.report_server(&report("b", 1), HOUR).await.unwrap();
    let put = async |new: &[u8], old: Option<Vec<u8>>, silence| {
        store.put_keyring("ring", old, new.to_vec(), vec![entry(None, "ring")], silence).await.unwrap()
    };
    assert!(put(b"1", None, HOUR).await);
    assert_eq!(store.servers().await.unwrap().len(), 2);
    assert!(!put(b"2", None, Duration::ZERO).await);
    assert_eq!(store.servers().await.unwrap().len(), 2);
    assert!(put(b"2", Some(b"1".to_vec()), Duration::ZERO).await);
    assert_eq!(store.servers().await.unwrap(), []);
    store.report_server(&report("a", 2), HOUR).await.unwrap();
    assert_eq!(store.servers().await.unwrap(), [report("a", 2)]);
}

pub async fn the_root_key_in_use_is_checked_without_a_write<S: Store>(store: Shared<S>) {
    let refusal = async || {
        let checked = store.check_root_key().await;
        checked.err().map(|error| error.refused_root_key().unwrap().to_string()).unwrap_or_default()
    };
    fill(&*store).await;
    assert_eq!(refusal().await, "");
    store.rekey(rekey(vec![replacement(b"old", b"new")])).await.unwrap();
    let head = store.audit_head().await.unwrap();
    // This store knows the first key alone, then both, then another second one.
    assert!(refusal().await.contains("number 2 is in use"));
    store.use_row_key(RowKey::with_others(1, Zeroizing::new([7; 32]), [(2, Zeroizing::new([8; 32]))]));
    assert_eq!(refusal().await, "");
    store.use_row_key(RowKey::with_others(2, Zeroizing::new([9; 32]), [(1, Zeroizing::new([7; 32]))]));
    assert!(refusal().await.contains("gone back"));
    assert_eq!(store.audit_head().await.unwrap(), head);
}
