//! Many callers at once.

use std::sync::atomic::{AtomicBool, Ordering};

use csms_core::StageName;
use tokio::task::JoinSet;

use super::*;
use crate::CreateError;

pub async fn concurrent_changes_all_count<S: Store>(store: Shared<S>) {
    const CALLERS: u32 = 8;
    const CHANGES: u32 = 10;
    put(&*store, &common("db")).await;
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let store = Arc::clone(&store);
        callers.spawn(async move {
            let mut added = Vec::new();
            for _ in 0..CHANGES {
                added.push(change(&*store, &name("db"), add_version).await.number());
            }
            added
        });
    }
    let mut added = callers.join_all().await.concat();
    added.sort_unstable();
    assert_eq!(added, (2..=CALLERS * CHANGES + 1).collect::<Vec<_>>());
    let values = |draft: &mut Draft| {
        let secret = &draft.secret;
        Ok::<_, Never>(secret.versions().iter().all(|v| draft.sealed(v.id) == Some(&sealed(&secret.name, v.id)[..])))
    };
    assert!(store.change_secret(&project(), &name("db"), true, values).await.unwrap());
}

pub async fn one_of_many_creators_wins<S: Store>(store: Shared<S>) {
    let mut callers = JoinSet::new();
    for number in 0..8_u8 {
        let store = Arc::clone(&store);
        callers.spawn(async move { store.create_secret(common("db"), vec![number], u64::MAX, Vec::new()).await });
    }
    let outcomes = callers.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Err(CreateError::Exists))).count(), 7);
}

pub async fn racing_creators_keep_to_the_quota<S: Store>(store: Shared<S>) {
    let mut callers = JoinSet::new();
    for number in 0..12 {
        let store = Arc::clone(&store);
        callers.spawn(
            async move { store.create_secret(common(&format!("db-{number}")), Vec::new(), 5, Vec::new()).await },
        );
    }
    let outcomes = callers.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 5);
    assert_eq!(store.list_secrets(&project(), None, 100, None).await.unwrap().items.len(), 5);
}

pub async fn one_of_many_first_users_is_made<S: Store>(store: Shared<S>) {
    let mut callers = JoinSet::new();
    for number in 0..8 {
        let store = Arc::clone(&store);
        callers.spawn(async move {
            let id = number.to_string();
            let user = super::identities::user(&id, "d1", "admin");
            let made = store
                .make_user_once("first", user, super::identities::access_key(&format!("AK{id}"), &id), Vec::new())
                .await;
            (id, made.unwrap())
        });
    }
    let outcomes = callers.join_all().await;
    let made: Vec<_> = outcomes.iter().filter(|(_, made)| *made).map(|(id, _)| id.as_str()).collect();
    let [made] = made[..] else { panic!("{outcomes:?}") };
    assert_eq!(store.user_by_name(Some("d1"), "admin").await.unwrap().unwrap().id, made);
    let keys = outcomes.iter().map(|(id, _)| format!("AK{id}")).collect::<Vec<_>>();
    for key in keys {
        assert_eq!(store.access_key(&key).await.unwrap().is_some(), key == format!("AK{made}"), "{key}");
    }
}

pub async fn a_reader_never_sees_a_version_without_its_value<S: Store>(store: Shared<S>) {
    put(&*store, &common("db")).await;
    let done = Arc::new(AtomicBool::new(false));
    let mut readers = JoinSet::new();
    for _ in 0..2 {
        let (store, done) = (Arc::clone(&store), Arc::clone(&done));
        readers.spawn(async move {
            let mut newest = 0;
            while !done.load(Ordering::Relaxed) {
                let select = |secret: &Secret| secret.staged(&StageName::current());
                let found = store.secret_value(&project(), &name("db"), None, select).await.unwrap();
                assert_eq!(found.sealed, sealed(&name("db"), found.version));
                assert!(found.version.number() >= newest, "time went backwards");
                newest = found.version.number();
                tokio::task::yield_now().await;
            }
        });
    }
    for _ in 0..60 {
        let added = change(&*store, &name("db"), add_version).await;
        // The answered write is seen at once.
        assert_eq!(store.secret(&project(), &name("db")).await.unwrap().unwrap().next_version(), added.next());
    }
    done.store(true, Ordering::Relaxed);
    readers.join_all().await;
}

pub async fn each_task_is_claimed_by_one<S: Store>(store: Shared<S>) {
    const TASKS: usize = 30;
    for number in 0..TASKS {
        let secret = rotated(&format!("db-{number}"), 10, at(0));
        put(&*store, &secret).await;
        super::tasks::begin(&*store, &secret, at(5)).await;
    }
    let mut claimers = JoinSet::new();
    for number in 0..6 {
        let store = Arc::clone(&store);
        claimers.spawn(async move {
            let mut claimed = Vec::new();
            // Rows that another is taking are passed over, so an empty answer does not mean that all are taken.
            for _ in 0..TASKS {
                let tasks = store
                    .claim_tasks(&format!("holder-{number}"), std::time::Duration::from_secs(3_600), 2)
                    .await
                    .unwrap();
                claimed.extend(tasks.into_iter().map(|task| task.id));
            }
            claimed
        });
    }
    let claimed = claimers.join_all().await.concat();
    let different: std::collections::BTreeSet<_> = claimed.iter().map(TaskId::as_str).collect();
    assert_eq!((claimed.len(), different.len()), (TASKS, TASKS));
}
