//! Creating, finding and listing secrets, and finding those that are due.

use std::collections::{BTreeMap, BTreeSet};

use csms_core::{SecretState, StageName, schedule::RecoveryWindow};

use super::*;
use crate::{CreateError, ReadError, StoreError};

pub async fn a_created_secret_is_found_with_its_value<S: Store>(store: Shared<S>) {
    let secret = common("db");
    put(&*store, &secret).await;
    assert_eq!(store.secret(&project(), &secret.name).await.unwrap(), Some(secret.clone()));
    let select = |secret: &Secret| secret.staged(&StageName::current());
    let found = store.secret_value(&project(), &secret.name, None, select).await.unwrap();
    assert_eq!((found.secret, found.version), (secret.clone(), VersionId::FIRST));
    assert_eq!(found.sealed, sealed(&secret.name, VersionId::FIRST));
}

pub async fn a_secret_is_found_by_its_identifier<S: Store>(store: Shared<S>) {
    let secret = common("db");
    put(&*store, &secret).await;
    assert_eq!(store.secret_by_id(&project(), &secret.id).await.unwrap(), Some(secret.clone()));
    assert_eq!(store.secret_by_id(&other_project(), &secret.id).await.unwrap(), None);
    assert_eq!(store.secret_by_id(&project(), &common("other").id).await.unwrap(), None);
}

pub async fn a_restored_secret_has_the_values_of_its_versions<S: Store>(store: Shared<S>) {
    put(&*store, &common("db")).await;
    change(&*store, &name("db"), add_version).await;
    let secret = store.secret(&project(), &name("db")).await.unwrap().unwrap();
    let values: BTreeMap<_, _> = [1, 2].map(|number| (version(number), sealed(&secret.name, version(number)))).into();
    let restore = async |values: &BTreeMap<_, _>, quota| {
        store.restore_secret(secret.clone(), values.clone(), quota, Vec::new()).await
    };
    assert!(matches!(restore(&values, u64::MAX).await, Err(CreateError::Exists)));
    change(&*store, &name("db"), Draft::delete).await;
    assert!(matches!(restore(&values, 0).await, Err(CreateError::Quota)));
    let one: BTreeMap<_, _> = [(version(1), Vec::new())].into();
    assert!(matches!(restore(&one, u64::MAX).await, Err(CreateError::Store(StoreError::Conflict(_)))));
    restore(&values, u64::MAX).await.unwrap();
    assert_eq!(store.secret(&project(), &name("db")).await.unwrap(), Some(secret.clone()));
    let first = store.secret_value(&project(), &name("db"), None, |_| Ok::<_, Never>(VersionId::FIRST)).await.unwrap();
    assert_eq!(first.sealed, sealed(&secret.name, VersionId::FIRST));
    assert_eq!(change(&*store, &name("db"), add_version).await, version(3));
}

pub async fn what_does_not_exist_is_not_found<S: Store>(store: Shared<S>) {
    assert_eq!(store.secret(&project(), &name("absent")).await.unwrap(), None);
    let absent = store.secret_value(&project(), &name("absent"), None, |_| Ok::<_, Never>(VersionId::FIRST)).await;
    assert!(matches!(absent, Err(ReadError::NotFound)));
    put(&*store, &common("db")).await;
    let absent = store.secret_value(&project(), &name("db"), None, |_| Ok::<_, Never>(version(7))).await;
    assert!(matches!(absent, Err(ReadError::Store(StoreError::NotFound))));
}

pub async fn projects_are_apart<S: Store>(store: Shared<S>) {
    let (ours, theirs) = (common("db"), create(&other_project(), new_secret("db"), at(1)));
    put(&*store, &ours).await;
    put(&*store, &theirs).await;
    assert_eq!(store.secret(&project(), &ours.name).await.unwrap().unwrap().id, ours.id);
    assert_eq!(store.secret(&other_project(), &ours.name).await.unwrap().unwrap().id, theirs.id);
    assert_eq!(store.list_secrets(&project(), None, 10, None).await.unwrap().items, [ours]);
}

pub async fn a_taken_name_is_refused<S: Store>(store: Shared<S>) {
    let first = common("db");
    put(&*store, &first).await;
    let second = store.create_secret(common("db"), b"other".to_vec(), u64::MAX, Vec::new()).await;
    assert!(matches!(second, Err(CreateError::Exists)));
    let found = store.secret_value(&project(), &first.name, None, |_| Ok::<_, Never>(VersionId::FIRST)).await.unwrap();
    assert_eq!((found.secret, found.sealed), (first.clone(), sealed(&first.name, VersionId::FIRST)));
}

pub async fn the_quota_counts_the_secrets_of_a_project<S: Store>(store: Shared<S>) {
    put(&*store, &create(&other_project(), new_secret("theirs"), at(1))).await;
    for text in ["a", "b"] {
        store.create_secret(common(text), Vec::new(), 2, Vec::new()).await.unwrap();
    }
    assert!(matches!(store.create_secret(common("c"), Vec::new(), 2, Vec::new()).await, Err(CreateError::Quota)));
    assert!(matches!(store.create_secret(common("a"), Vec::new(), 2, Vec::new()).await, Err(CreateError::Exists)));
    change(&*store, &name("a"), Draft::delete).await;
    store.create_secret(common("c"), Vec::new(), 2, Vec::new()).await.unwrap();
}

pub async fn a_refused_selection_comes_back<S: Store>(store: Shared<S>) {
    put(&*store, &common("db")).await;
    let refused = store.secret_value(&project(), &name("db"), None, |_| Err::<VersionId, _>("no")).await;
    assert!(matches!(refused, Err(ReadError::Refused("no"))));
}

pub async fn pages_follow_each_other_by_name<S: Store>(store: Shared<S>) {
    for text in ["e", "b", "A", "d", "-", "c", "_"] {
        put(&*store, &common(text)).await;
    }
    let mut seen = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = store.list_secrets(&project(), after.as_deref(), 3, None).await.unwrap();
        seen.extend(page.items.iter().map(|secret| secret.name.as_str().to_owned()));
        after = seen.last().cloned();
        if !page.more {
            break;
        }
        assert_eq!(page.items.len(), 3);
    }
    assert_eq!(seen, ["-", "A", "_", "b", "c", "d", "e"]);

    let behind_a_name_that_is_gone = store.list_secrets(&project(), Some("bb"), 2, None).await.unwrap();
    let names: Vec<_> = behind_a_name_that_is_gone.items.iter().map(|secret| secret.name.as_str()).collect();
    assert_eq!((names, behind_a_name_that_is_gone.more), (vec!["c", "d"], true));
    let exactly_full = store.list_secrets(&project(), Some("c"), 2, None).await.unwrap();
    assert_eq!((exactly_full.items.len(), exactly_full.more), (2, false));
}

pub async fn an_event_narrows_the_list<S: Store>(store: Shared<S>) {
    for event in ["night", "day"] {
        events::put_event(&*store, event).await;
    }
    for secret in [bound("a", "night"), bound("b", "day"), bound("c", "night"), common("d")] {
        put(&*store, &secret).await;
    }
    let names = |event: &'static str| {
        let store = Arc::clone(&store);
        async move {
            let event = EventName::parse(event).unwrap();
            let page = store.list_secrets(&project(), None, 10, Some(&event)).await.unwrap();
            page.items.iter().map(|secret| secret.name.as_str().to_owned()).collect::<Vec<_>>()
        }
    };
    assert_eq!(names("night").await, ["a", "c"]);
    change(&*store, &name("a"), |draft| draft.secret.event_subscriptions.clear()).await;
    assert_eq!(names("night").await, ["c"]);
    assert_eq!(names("other").await, [""; 0]);
}

const HOUR: u64 = 3_600_000;

fn names(due: &[(ProjectId, SecretName)]) -> Vec<&str> {
    due.iter().map(|(_, name)| name.as_str()).collect()
}

pub async fn due_rotations_come_in_order<S: Store>(store: Shared<S>) {
    let mut due = BTreeMap::new();
    for (text, hours) in [("third", 30), ("first", 10), ("second", 20), ("fourth", 40)] {
        let secret = rotated(text, hours, at(0));
        due.insert(text, secret.rotation_due_time().unwrap());
        put(&*store, &secret).await;
    }
    put(&*store, &common("never")).await;
    let before = at(due["first"].as_millis() - 1);
    assert_eq!(names(&store.due_rotations(before, 10).await.unwrap()), [""; 0]);
    assert_eq!(names(&store.due_rotations(due["first"], 10).await.unwrap()), ["first"]);
    assert_eq!(names(&store.due_rotations(due["third"], 10).await.unwrap()), ["first", "second", "third"]);
    assert_eq!(names(&store.due_rotations(at(99 * HOUR), 2).await.unwrap()), ["first", "second"]);
    assert_eq!(names(&store.rotations_due_after(due["second"], 10).await.unwrap()), ["fourth", "third"]);
    assert_eq!(names(&store.rotations_due_after(at(0), 1).await.unwrap()), ["fourth"]);
}

pub async fn only_secrets_that_can_rotate_are_due<S: Store>(store: Shared<S>) {
    for text in ["free", "running", "disabled", "deleted"] {
        put(&*store, &rotated(text, 10, at(0))).await;
    }
    let id = TaskId::make(&mut SysRng).unwrap();
    change(&*store, &name("running"), move |draft| draft.secret.running_task = Some(id)).await;
    change(&*store, &name("disabled"), |draft| draft.secret.state = SecretState::Disabled).await;
    change(&*store, &name("deleted"), |draft| {
        draft.secret.schedule_deletion(RecoveryWindow::days(7).unwrap(), at(0)).unwrap();
    })
    .await;
    assert_eq!(names(&store.due_rotations(at(99 * HOUR), 10).await.unwrap()), ["free"]);
    change(&*store, &name("running"), |draft| draft.secret.running_task = None).await;
    let due = store.due_rotations(at(99 * HOUR), 10).await.unwrap();
    assert_eq!(names(&due).into_iter().collect::<BTreeSet<_>>(), BTreeSet::from(["free", "running"]));
}

pub async fn due_deletions_end_with_the_window<S: Store>(store: Shared<S>) {
    const DAY: u64 = 24 * HOUR;
    for (text, days) in [("later", 30), ("sooner", 7), ("restored", 7)] {
        put(&*store, &common(text)).await;
        let window = RecoveryWindow::days(days).unwrap();
        change(&*store, &name(text), move |draft| draft.secret.schedule_deletion(window, at(0)).unwrap()).await;
    }
    change(&*store, &name("restored"), |draft| draft.secret.restore(at(1)).unwrap()).await;
    assert_eq!(names(&store.due_deletions(at(7 * DAY - 1), 10).await.unwrap()), [""; 0]);
    assert_eq!(names(&store.due_deletions(at(7 * DAY), 10).await.unwrap()), ["sooner"]);
    assert_eq!(names(&store.due_deletions(at(99 * DAY), 10).await.unwrap()), ["sooner", "later"]);
    assert_eq!(names(&store.due_deletions(at(99 * DAY), 1).await.unwrap()), ["sooner"]);
}

pub async fn the_next_due_time_is_the_earliest_of_both_kinds<S: Store>(store: Shared<S>) {
    assert_eq!(store.next_due_time().await.unwrap(), None);
    let secret = rotated("rotated", 300, at(0));
    put(&*store, &secret).await;
    assert_eq!(store.next_due_time().await.unwrap(), secret.rotation_due_time());
    put(&*store, &common("deleted")).await;
    change(&*store, &name("deleted"), |draft| {
        draft.secret.schedule_deletion(RecoveryWindow::days(7).unwrap(), at(0)).unwrap();
    })
    .await;
    assert_eq!(store.next_due_time().await.unwrap(), Some(at(168 * HOUR)));
}

pub async fn the_last_use_of_a_secret_is_noted_beside_it<S: Store>(store: Shared<S>) {
    let secret = common("db");
    put(&*store, &secret).await;
    let used = |text: &str, millis| crate::SecretUse { project: project(), secret: name(text), time: at(millis) };
    for uses in [vec![used("db", 5_000), used("absent", 5_000)], vec![used("db", 4_000)]] {
        assert_eq!(store.note_uses(uses).await.unwrap(), []);
    }
    let mut expected = secret.clone();
    expected.last_used_time = Some(at(5_000));
    assert_eq!(store.secret(&project(), &secret.name).await.unwrap(), Some(expected.clone()));
    assert_eq!(store.secret_by_id(&project(), &secret.id).await.unwrap(), Some(expected.clone()));
    assert_eq!(store.list_secrets(&project(), None, 10, None).await.unwrap().items, [expected]);
    // A change of the secret leaves it as it is.
    change(&*store, &name("db"), add_version).await;
    assert_eq!(store.secret(&project(), &secret.name).await.unwrap().unwrap().last_used_time, Some(at(5_000)));
}
