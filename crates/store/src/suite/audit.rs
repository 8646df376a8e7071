//! The audit trail.

use csms_core::event::Event;
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use super::*;
use crate::{
    AccessChange, AuditEntry, ChainCheck, ChainKey, CreateError, EntryChange, KeyRecord, PolicyDetails, PolicyRecord,
    StoreError, audit::Broken,
};

fn chain() -> Arc<ChainKey> {
    Arc::new(ChainKey::new(Zeroizing::new([7; 32])))
}

/// A record of something.
#[must_use]
pub fn entry(secret: Option<&str>, what: &str) -> AuditEntry {
    AuditEntry { secret: secret.map(str::to_owned), document: format!("{{\"what\":\"{what}\"}}"), chain: chain() }
}

/// The whole trail, its records as text.
async fn verified<S: Store>(store: &S) -> Result<Vec<String>, Broken> {
    let key = chain();
    let mut check = ChainCheck::new(&key);
    let mut texts = Vec::new();
    loop {
        let records = store.audit_records(check.position().0, 7, None).await.unwrap();
        if records.is_empty() {
            break;
        }
        for record in records {
            check.next(&record)?;
            texts.push(record.document);
        }
    }
    check.finish(&store.audit_head().await.unwrap())?;
    Ok(texts)
}

pub async fn a_record_is_stored_with_its_change<S: Store>(store: Shared<S>) {
    let secret = common("db");
    let value = sealed(&secret.name, VersionId::FIRST);
    store.create_secret(secret.clone(), value, u64::MAX, vec![entry(Some("db"), "create")]).await.unwrap();
    let decide = |draft: &mut Draft| {
        add_version(draft);
        draft.put_audit(entry(Some("db"), "version"));
        Ok::<_, Never>(())
    };
    store.change_secret(&project(), &secret.name, false, decide).await.unwrap();
    let policy = csms_core::policy::Policy::administrator();
    let policy =
        PolicyRecord { name: "p".to_owned(), description: String::new(), policy, details: PolicyDetails::default() };
    store.change_access(vec![AccessChange::PutPolicy(policy)], vec![entry(None, "policy")]).await.unwrap();
    let keys = |_: &mut Vec<KeyRecord>| Ok::<_, Never>(((), vec![entry(None, "key")]));
    store.change_keys(&project(), keys).await.unwrap();
    let note = |change: EntryChange<Event>| move |_: Option<Event>| Ok::<_, Never>((change, ()));
    let put = note(EntryChange::Put(super::events::event("event")));
    store.change_entry(&project(), "event", vec![entry(None, "entry")], put).await.unwrap();
    store.change_entry(&project(), "event", vec![entry(None, "kept")], note(EntryChange::Keep)).await.unwrap();
    store.append_audit(vec![entry(Some("db"), "read"), entry(None, "read")]).await.unwrap();
    let delete = |draft: &mut Draft| {
        draft.delete();
        draft.put_audit(entry(Some("db"), "delete"));
        Ok::<_, Never>(())
    };
    store.change_secret(&project(), &secret.name, false, delete).await.unwrap();

    let texts = verified(&*store).await.unwrap();
    let expected = ["create", "version", "policy", "key", "entry", "read", "read", "delete"];
    assert_eq!(texts, expected.map(|what| format!("{{\"what\":\"{what}\"}}")));
    let of_secret = store.audit_records(1, 2, Some("db")).await.unwrap();
    assert_eq!(of_secret.iter().map(|record| record.number).collect::<Vec<_>>(), [2, 6]);
}

pub async fn a_change_that_does_not_happen_leaves_no_record<S: Store>(store: Shared<S>) {
    put(&*store, &common("db")).await;
    let refuse = |draft: &mut Draft| {
        draft.put_audit(entry(Some("db"), "refused"));
        Err::<(), _>("no")
    };
    assert!(store.change_secret(&project(), &name("db"), false, refuse).await.is_err());
    let taken = store.create_secret(common("db"), Vec::new(), u64::MAX, vec![entry(Some("db"), "taken")]).await;
    assert!(matches!(taken, Err(CreateError::Exists)));
    let full = store.create_secret(common("full"), Vec::new(), 1, vec![entry(Some("full"), "full")]).await;
    assert!(matches!(full, Err(CreateError::Quota)));
    let absent = vec![AccessChange::DeletePolicy("absent".to_owned())];
    assert!(matches!(store.change_access(absent, vec![entry(None, "absent")]).await, Err(StoreError::NotFound)));
    let refuse = |_: Option<Event>| Err::<(EntryChange<Event>, ()), _>("no");
    assert!(store.change_entry(&project(), "event", vec![entry(None, "refused")], refuse).await.is_err());
    assert_eq!(verified(&*store).await.unwrap(), [""; 0]);
}

pub async fn many_writers_make_one_chain<S: Store>(store: Shared<S>) {
    const CALLERS: usize = 6;
    const ROUNDS: usize = 5;
    put(&*store, &common("db")).await;
    let mut callers = JoinSet::new();
    for number in 0..CALLERS {
        let store = Arc::clone(&store);
        callers.spawn(async move {
            for round in 0..ROUNDS {
                let text = format!("{number} {round}");
                let decide = move |draft: &mut Draft| {
                    add_version(draft);
                    draft.put_audit(entry(Some("db"), &text));
                    Ok::<_, Never>(())
                };
                store.change_secret(&project(), &name("db"), false, decide).await.unwrap();
                let fresh = common(&format!("db-{number}-{round}"));
                let records = vec![entry(None, "create")];
                store.create_secret(fresh, Vec::new(), u64::MAX, records).await.unwrap();
                store.append_audit(vec![entry(None, "a"), entry(None, "b")]).await.unwrap();
            }
        });
    }
    callers.join_all().await;
    assert_eq!(verified(&*store).await.unwrap().len(), CALLERS * ROUNDS * 4);
}
