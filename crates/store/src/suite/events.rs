//! Events, and the notifications that changes leave in the outbox.

use csms_core::event::{Event, EventType, Notification, NotificationStatus, Occurrence, Target, TargetId, TargetName};

use super::*;
use crate::{ChangeError, CreateError, EntryChange, OutboxBacklog, Postponed, StoreError};

/// An event that fires for everything.
pub(super) fn event(text: &str) -> Event {
    Event {
        id: csms_core::identity::make_uuid(&mut SysRng).unwrap(),
        name: EventName::parse(text).unwrap(),
        types: EventType::ALL.to_vec(),
        enabled: true,
        target: Target { id: TargetId::parse("urn:smn:x").unwrap(), name: TargetName::parse("x").unwrap() },
        create_time: at(1),
        update_time: at(1),
    }
}

/// Stores an event that fires for everything.
pub(super) async fn put_event<S: Store>(store: &S, text: &str) {
    let event = event(text);
    let put = move |_: Option<Event>| Ok::<_, Never>((EntryChange::Put(event), ()));
    store.change_entry(&project(), text, Vec::new(), put).await.unwrap();
}

async fn remove_event<S: Store>(store: &S, text: &str) -> Result<(), ChangeError<Never>> {
    let remove = |_: Option<Event>| Ok::<_, Never>((EntryChange::Remove, ()));
    store.change_entry(&project(), text, Vec::new(), remove).await
}

async fn bind<S: Store>(store: &S, secret: &str, event: Option<&str>) -> Result<(), ChangeError<Never>> {
    let events: Vec<_> = event.iter().map(|event| EventName::parse(*event).unwrap()).collect();
    let bind = move |draft: &mut Draft| {
        draft.secret.event_subscriptions = events;
        Ok::<_, Never>(())
    };
    store.change_secret(&project(), &name(secret), false, bind).await
}

/// Notes an occurrence in a change of the secret.
async fn occur<S: Store>(store: &S, secret: &str, millis: u64) -> String {
    let id = csms_core::identity::make_uuid(&mut SysRng).unwrap();
    let occurrence = Occurrence::of_secret(id.clone(), EventType::SecretRotated, at(millis));
    change(store, &name(secret), move |draft| draft.occur(occurrence)).await;
    id
}

fn ids(notifications: &[(Notification, NotificationStatus)]) -> Vec<&str> {
    notifications.iter().map(|(notification, _)| notification.id.as_str()).collect()
}

pub async fn no_more_events_are_made_at_once_than_a_project_may_have<S: Store>(store: Shared<S>) {
    let most = usize::from(csms_core::event::MAX_EVENTS);
    for number in 2..most {
        put_event(&*store, &format!("event-{number}")).await;
    }
    let mut callers = tokio::task::JoinSet::new();
    for number in 0..8 {
        let store = Arc::clone(&store);
        callers.spawn(async move {
            let text = format!("late-{number}");
            let event = event(&text);
            let put = move |_: Option<Event>| Ok::<_, Never>((EntryChange::Put(event), ()));
            store.change_entry(&project(), &text, Vec::new(), put).await
        });
    }
    let made = callers.join_all().await;
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 2, "{made:?}");
    let refused = made.iter().filter_map(|made| made.as_ref().err());
    assert!(refused.into_iter().all(|error| matches!(error, ChangeError::Store(StoreError::Full(_)))), "{made:?}");
    assert_eq!(store.entries::<Event>(&project(), None, 100).await.unwrap().items.len(), most);
    // One that is there can still be changed, and another project has its own.
    put_event(&*store, "event-2").await;
    let elsewhere = event("elsewhere");
    let put = move |_: Option<Event>| Ok::<_, Never>((EntryChange::Put(elsewhere), ()));
    store.change_entry(&other_project(), "elsewhere", Vec::new(), put).await.unwrap();
}

pub async fn only_an_existing_event_can_be_bound<S: Store>(store: Shared<S>) {
    let unknown = store.create_secret(bound("a", "audit"), Vec::new(), u64::MAX, Vec::new()).await;
    assert!(matches!(unknown, Err(CreateError::Store(StoreError::UnknownEvent))), "{unknown:?}");
    put(&*store, &common("a")).await;
    let unknown = bind(&*store, "a", Some("audit")).await;
    assert!(matches!(unknown, Err(ChangeError::Store(StoreError::UnknownEvent))), "{unknown:?}");
    put_event(&*store, "audit").await;
    bind(&*store, "a", Some("audit")).await.unwrap();
    put(&*store, &bound("b", "audit")).await;
}

pub async fn a_bound_event_is_not_removed<S: Store>(store: Shared<S>) {
    put_event(&*store, "audit").await;
    put(&*store, &bound("a", "audit")).await;
    assert!(matches!(remove_event(&*store, "audit").await, Err(ChangeError::Store(StoreError::InUse))));
    bind(&*store, "a", None).await.unwrap();
    remove_event(&*store, "audit").await.unwrap();
}

pub async fn what_happens_is_told_if_the_change_happens<S: Store>(store: Shared<S>) {
    put_event(&*store, "audit").await;
    put(&*store, &bound("bound", "audit")).await;
    put(&*store, &common("free")).await;
    occur(&*store, "free", 5).await;
    let refuse = |draft: &mut Draft| {
        draft.occur(Occurrence::of_secret("x".to_owned(), EventType::SecretRotated, at(5)));
        Err::<(), _>("no")
    };
    let refused = store.change_secret(&project(), &name("bound"), false, refuse).await;
    assert!(refused.is_err());
    assert_eq!(store.claim_notifications(at(99), at(100), 10).await.unwrap(), []);
    assert_eq!(store.next_event_time().await.unwrap(), None);

    let told = occur(&*store, "bound", 7).await;
    assert_eq!(store.next_event_time().await.unwrap(), Some(at(7)));
    let claimed = store.claim_notifications(at(99), at(100), 10).await.unwrap();
    assert_eq!((claimed.len(), claimed[0].attempt), (1, 1));
    let Notification { id, secret_name, .. } = &claimed[0].notification;
    assert_eq!((id, secret_name.as_str()), (&told, "bound"));
}

pub async fn a_deletion_is_told_although_the_secret_is_gone<S: Store>(store: Shared<S>) {
    put_event(&*store, "audit").await;
    put(&*store, &bound("a", "audit")).await;
    change(&*store, &name("a"), |draft| {
        draft.occur(Occurrence::of_secret("gone".to_owned(), EventType::SecretDeleted, at(3)));
        draft.delete();
    })
    .await;
    let claimed = store.claim_notifications(at(3), at(9), 10).await.unwrap();
    assert_eq!(claimed[0].notification.kind, EventType::SecretDeleted);
    remove_event(&*store, "audit").await.unwrap();
}

pub async fn a_notification_is_claimed_by_one_until_the_claim_ends<S: Store>(store: Shared<S>) {
    put_event(&*store, "audit").await;
    put(&*store, &bound("a", "audit")).await;
    let (first, second) = (occur(&*store, "a", 1).await, occur(&*store, "a", 2).await);
    let claim = async |now, until, limit| {
        let claimed = store.claim_notifications(at(now), at(until), limit).await.unwrap();
        claimed.into_iter().map(|claimed| (claimed.notification.id, claimed.attempt)).collect::<Vec<_>>()
    };
    let backlog = async || store.outbox_backlog().await.unwrap();
    assert_eq!(backlog().await, OutboxBacklog { waiting: 2, oldest: Some(at(1)) });
    assert_eq!(claim(0, 50, 10).await, []);
    assert_eq!(claim(10, 50, 1).await, [(first.clone(), 1)]);
    assert_eq!(claim(10, 60, 10).await, [(second.clone(), 1)]);
    assert_eq!(claim(49, 99, 10).await, []);
    assert_eq!(claim(50, 99, 10).await, [(first.clone(), 2)]);
    let settle =
        async |id: &str, attempt, status, next| store.settle_notification(id, attempt, status, next).await.unwrap();
    assert!(!settle(&first, 1, NotificationStatus::Fail, None).await, "a later attempt has begun");
    assert!(settle(&first, 2, NotificationStatus::Fail, Some(at(70))).await);
    assert!(settle(&second, 1, NotificationStatus::Success, None).await);
    assert_eq!(claim(69, 99, 10).await, []);
    assert_eq!(claim(70, 99, 10).await, [(first.clone(), 3)]);
    assert!(settle(&first, 3, NotificationStatus::Invalid, None).await);
    assert_eq!(claim(999, 1_000, 10).await, []);
    assert_eq!(backlog().await, OutboxBacklog::default());
}

pub async fn a_notification_that_is_postponed_was_not_attempted<S: Store>(store: Shared<S>) {
    put_event(&*store, "audit").await;
    put(&*store, &bound("a", "audit")).await;
    let id = occur(&*store, "a", 1).await;
    let claim = async |now, until| {
        let claimed = store.claim_notifications(at(now), at(until), 10).await.unwrap();
        claimed.into_iter().map(|claimed| (claimed.notification.id, claimed.attempt)).collect::<Vec<_>>()
    };
    let postpone = async |attempt, until| {
        let postponed = Postponed { id: id.clone(), attempt, until: at(until) };
        store.postpone_notifications(vec![postponed]).await.unwrap();
    };
    assert_eq!(claim(10, 50).await, [(id.clone(), 1)]);
    postpone(1, 20).await;
    assert_eq!(claim(19, 50).await, []);
    assert_eq!(claim(20, 50).await, [(id.clone(), 1)]);
    assert_eq!(claim(50, 99).await, [(id.clone(), 2)]);
    postpone(1, 60).await;
    assert_eq!(claim(60, 99).await, [], "another has claimed it since");
    assert_eq!(store.hasten_notifications(at(30), at(99)).await.unwrap(), 0);
    assert_eq!(store.hasten_notifications(at(30), at(98)).await.unwrap(), 1);
    assert_eq!(claim(30, 99).await, [(id.clone(), 3)]);
}

pub async fn attempted_notifications_are_listed_newest_first_and_purged<S: Store>(store: Shared<S>) {
    put_event(&*store, "audit").await;
    put(&*store, &bound("a", "audit")).await;
    let mut told = Vec::new();
    for millis in 1..=3 {
        told.push(occur(&*store, "a", millis).await);
    }
    let list = async |after: Option<&str>, limit| store.notifications(&project(), after, limit).await.unwrap();
    assert_eq!(list(None, 10).await.items, [], "nothing was attempted yet");
    store.claim_notifications(at(9), at(10), 10).await.unwrap();
    for id in &told {
        store.settle_notification(id, 1, NotificationStatus::Success, None).await.unwrap();
    }
    let page = list(None, 2).await;
    assert_eq!((ids(&page.items), page.more), (vec![&*told[2], &*told[1]], true));
    assert_eq!(page.items[0].1, NotificationStatus::Success);
    assert_eq!(ids(&list(Some(&told[1]), 2).await.items), [&*told[0]]);
    assert_eq!(store.notifications(&other_project(), None, 2).await.unwrap().items, []);
    assert!(matches!(store.notifications(&project(), Some("absent"), 2).await, Err(StoreError::NotFound)));
    assert_eq!(store.purge_notifications(at(3)).await.unwrap(), 2);
    assert_eq!(ids(&list(None, 10).await.items), [&*told[2]]);
}

pub async fn expiries_are_due_until_they_are_told<S: Store>(store: Shared<S>) {
    for (text, seconds) in [("later", 30), ("sooner", 20)] {
        put(&*store, &common(text)).await;
        change(&*store, &name(text), move |draft| {
            draft.secret.set_expiry(VersionId::FIRST, at(seconds * 1000), at(1)).unwrap();
        })
        .await;
    }
    let due = async |millis| {
        let due = store.due_expiries(at(millis), 10).await.unwrap();
        due.into_iter().map(|(_, name)| name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(store.next_event_time().await.unwrap(), Some(at(20_000)));
    assert_eq!(due(19_999).await, [""; 0]);
    assert_eq!(due(30_000).await, ["sooner", "later"]);
    change(&*store, &name("sooner"), |draft| draft.secret.report_expiries(at(30_000)).len()).await;
    assert_eq!(due(30_000).await, ["later"]);
}
