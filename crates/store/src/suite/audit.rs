//! The audit trail.

use std::time::Duration;

use csms_core::event::Event;
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use super::*;
use crate::{
    AccessChange, Actions, AuditCheckpoint, AuditEntry, AuditFilter, ChainCheck, ChainKey, CreateError, EntryChange,
    KeyRecord, Link, PolicyDetails, PolicyRecord, StoreError, audit::Broken,
};

fn chain() -> Arc<ChainKey> {
    Arc::new(ChainKey::new(1, Zeroizing::new([7; 32])))
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
    // A change of users and policies says what became of their rows, too.
    let texts: Vec<_> =
        texts.iter().map(|text| text.split(",\"rows\"").next().unwrap().trim_end_matches('}')).collect();
    let expected = ["create", "version", "policy", "key", "entry", "read", "read", "delete"];
    assert_eq!(texts, expected.map(|what| format!("{{\"what\":\"{what}\"")));
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

/// Records that say what those of the server say, in one trail.
async fn telling<S: Store>(store: &S) {
    let tell = |secret: Option<&str>, time: u64, rest: &str| AuditEntry {
        secret: secret.map(str::to_owned),
        document: format!("{{\"time\":{time},{rest}}}"),
        chain: chain(),
    };
    let mine = format!("\"project\":\"{}\"", project());
    let told = vec![
        tell(
            Some("db"),
            10,
            &format!("\"actor\":\"alice\",\"action\":\"Make\",\"outcome\":\"OK\",\"secret_id\":\"s1\",{mine}"),
        ),
        tell(None, 20, &format!("\"actor\":\"bob\",\"action\":\"UseKey\",\"outcome\":\"OK\",\"key\":\"k1\",{mine}")),
        tell(None, 30, "\"actor\":\"alice\",\"action\":\"MakeUser\",\"outcome\":\"OK\",\"target\":\"bob\""),
        tell(Some("db"), 30, &format!("\"actor\":\"bob\",\"action\":\"Read\",\"outcome\":\"No\",{mine}")),
        tell(Some("x"), 25, "\"actor\":\"bob\",\"action\":\"Read\",\"outcome\":\"OK\",\"project\":\"another\""),
    ];
    store.append_audit(told).await.unwrap();
}

async fn found<S: Store>(store: &S, filter: AuditFilter) -> Vec<u64> {
    store.find_audit_records(&filter).await.unwrap().into_iter().map(|record| record.number).collect()
}

pub async fn records_are_found_by_what_they_say<S: Store>(store: Shared<S>) {
    telling(&*store).await;
    let all = || AuditFilter::between(at(0), at(99), 99);
    let text = |text: &str| Some(text.to_owned());
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    for (filter, expected) in [
        (all(), &[4, 3, 5, 2, 1][..]),
        (AuditFilter::between(at(20), at(25), 99), &[5, 2]),
        (AuditFilter { actor: text("bob"), ..all() }, &[4, 5, 2]),
        (AuditFilter { actor: text("bo\0b"), ..all() }, &[]),
        (AuditFilter { subject: text("db"), ..all() }, &[4, 1]),
        (AuditFilter { subject: text("k1"), ..all() }, &[2]),
        (AuditFilter { subject: text("bob"), ..all() }, &[3]),
        (AuditFilter { subject_id: text("s1"), ..all() }, &[1]),
        (AuditFilter { subject_id: text("k1"), ..all() }, &[2]),
        (AuditFilter { project: text(project().as_str()), ..all() }, &[4, 3, 2, 1]),
        (AuditFilter { succeeded: Some(false), ..all() }, &[4]),
        (AuditFilter { succeeded: Some(true), actor: text("bob"), ..all() }, &[5, 2]),
        (AuditFilter { actions: Some(Actions::Among(names(&["Read", "Make"]))), ..all() }, &[4, 5, 1]),
        (AuditFilter { actions: Some(Actions::Among(Vec::new())), ..all() }, &[]),
        (AuditFilter { actions: Some(Actions::Except(names(&["Read"]))), ..all() }, &[3, 2, 1]),
        (AuditFilter { actor: text("' OR 1=1 --"), ..all() }, &[]),
    ] {
        assert_eq!(found(&*store, filter.clone()).await, expected, "{filter:?}");
    }
    // What is found is what the chain protects.
    let records = store.find_audit_records(&all()).await.unwrap();
    let stored = store.audit_records(3, 1, None).await.unwrap();
    assert_eq!(records[0], stored[0]);
}

pub async fn found_records_follow_each_other_by_time_and_number<S: Store>(store: Shared<S>) {
    telling(&*store).await;
    let mut numbers = Vec::new();
    let mut before = None;
    loop {
        let filter = AuditFilter { before, ..AuditFilter::between(at(0), at(99), 2) };
        let page = found(&*store, filter).await;
        let Some(last) = page.last() else { break };
        before = Some((at([0, 10, 20, 30, 30, 25][usize::try_from(*last).unwrap()]), *last));
        numbers.extend(page);
    }
    assert_eq!(numbers, [4, 3, 5, 2, 1]);
}

fn checkpoint(number: u64) -> AuditCheckpoint {
    AuditCheckpoint { number, document: format!("{{\"number\":{number}}}"), signature: vec![1, 2, 3] }
}

/// Appends records until there are so many.
async fn fill<S: Store>(store: &S, records: u64) {
    for number in store.audit_head().await.unwrap().number..records {
        store.append_audit(vec![entry(Some("db"), &format!("number {number}"))]).await.unwrap();
    }
}

async fn numbers<S: Store>(store: &S, after: u64, secret: Option<&str>) -> Vec<u64> {
    store.audit_records(after, 99, secret).await.unwrap().into_iter().map(|record| record.number).collect()
}

pub async fn the_trail_goes_on_behind_a_checkpoint<S: Store>(store: Shared<S>) {
    telling(&*store).await;
    fill(&*store, 8).await;
    let fourth = store.audit_records(3, 1, None).await.unwrap().remove(0);
    store.put_audit_checkpoint(0, checkpoint(4), vec![entry(None, "archive")]).await.unwrap();
    assert_eq!(store.audit_checkpoint().await.unwrap(), Some(checkpoint(4)));
    // What is archived is not read any more, whether it has been removed or not.
    let mut from = None;
    loop {
        assert_eq!(numbers(&*store, 0, None).await, [5, 6, 7, 8, 9]);
        assert_eq!(numbers(&*store, 6, None).await, [7, 8, 9]);
        assert_eq!(numbers(&*store, 0, Some("db")).await, [6, 7, 8]);
        assert_eq!(found(&*store, AuditFilter::between(at(0), at(99), 99)).await, [5, 9, 8, 7, 6]);
        let pruned = store.prune_audit(from, 3).await.unwrap();
        from = pruned.next;
        if from.is_none() {
            break;
        }
    }
    let key = chain();
    let mut check = ChainCheck::behind(&key, 4, Link::try_from(fourth.link.as_slice()).unwrap());
    for record in store.audit_records(4, 99, None).await.unwrap() {
        check.next(&record).unwrap();
    }
    check.finish(&store.audit_head().await.unwrap()).unwrap();
    fill(&*store, 12).await;
    assert_eq!(numbers(&*store, 0, None).await, [5, 6, 7, 8, 9, 10, 11, 12]);
}

pub async fn a_checkpoint_replaces_the_one_it_names_and_no_other<S: Store>(store: Shared<S>) {
    fill(&*store, 6).await;
    assert_eq!(store.audit_checkpoint().await.unwrap(), None);
    let put = async |before, number| {
        store.put_audit_checkpoint(before, checkpoint(number), vec![entry(None, "archive")]).await
    };
    // Behind the end of the trail, and in place of one that is not there.
    assert!(matches!(put(0, 7).await, Err(StoreError::Conflict(_))));
    assert!(matches!(put(1, 3).await, Err(StoreError::Conflict(_))));
    assert_eq!(store.audit_head().await.unwrap().number, 6);
    put(0, 3).await.unwrap();
    // The same again, and back.
    assert!(matches!(put(0, 4).await, Err(StoreError::Conflict(_))));
    assert!(matches!(put(3, 3).await, Err(StoreError::Conflict(_))));
    assert!(matches!(put(3, 2).await, Err(StoreError::Conflict(_))));
    put(3, 5).await.unwrap();
    assert_eq!(store.audit_checkpoint().await.unwrap(), Some(checkpoint(5)));
    assert_eq!(store.audit_head().await.unwrap().number, 8);
}

pub async fn nothing_behind_the_checkpoint_is_pruned<S: Store>(store: Shared<S>) {
    fill(&*store, 6).await;
    assert_eq!(store.prune_audit(None, 99).await.unwrap().removed, 0);
    store.put_audit_checkpoint(0, checkpoint(3), vec![entry(None, "archive")]).await.unwrap();
    assert_eq!(store.prune_audit(Some(5), 99).await.unwrap().removed, 0);
    assert_eq!(store.prune_audit(Some(2), 1).await.unwrap().removed, 1);
    assert_eq!(store.prune_audit(None, 99).await.unwrap().removed, 2);
    assert_eq!(store.prune_audit(None, 99).await.unwrap().removed, 0);
    assert_eq!(numbers(&*store, 0, None).await, [4, 5, 6, 7]);
}

pub async fn the_sink_only_moves_forward<S: Store>(store: Shared<S>) {
    let lasts = Duration::from_secs(60);
    assert_eq!(store.audit_sink().await.unwrap(), None);
    assert!(!store.advance_audit_sink("a", lasts, 1).await.unwrap(), "nobody has begun");
    assert_eq!(store.claim_audit_sink("a", lasts).await.unwrap(), Some(0));
    assert!(store.advance_audit_sink("a", lasts, 3).await.unwrap());
    assert!(!store.advance_audit_sink("a", lasts, 3).await.unwrap());
    assert!(!store.advance_audit_sink("a", lasts, 2).await.unwrap());
    assert_eq!(store.claim_audit_sink("a", lasts).await.unwrap(), Some(3));
    assert_eq!(store.audit_sink().await.unwrap(), Some(3));
}
