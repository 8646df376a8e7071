//! Rotation tasks.

use std::time::Duration;

use super::*;
use crate::{Lease, RotationBacklog, StoreError, TaskFilter, TaskOutcome, TaskPage};

const ALL: TaskFilter = TaskFilter { secret_name: None, status: None, after: None, limit: 10 };

/// A lease that lasts longer than any test.
const HOUR: Duration = Duration::from_secs(3_600);

/// Begins a task on a stored secret.
pub(super) async fn begin<S: Store>(store: &S, secret: &Secret, now: UnixMillis) -> Task {
    let begun = task(secret, now);
    let stored = begun.clone();
    change(store, &secret.name, move |draft| {
        draft.secret.running_task = Some(stored.id.clone());
        draft.put_task(stored);
    })
    .await;
    begun
}

/// Ends a secret's running task.
async fn end<S: Store>(store: &S, task: &Task, status: TaskStatus) {
    let id = task.id.clone();
    change(store, &task.secret_name, move |draft| {
        let mut task = draft.task(&id).unwrap().clone();
        task.status = status;
        draft.put_task(task);
        draft.secret.running_task = None;
    })
    .await;
}

fn times(page: &TaskPage) -> Vec<u64> {
    page.page.items.iter().map(|task| task.create_time.as_millis()).collect()
}

pub async fn a_task_begins_and_ends_with_its_secret<S: Store>(store: Shared<S>) {
    let secret = rotated("db", 10, at(0));
    put(&*store, &secret).await;
    let begun = begin(&*store, &secret, at(5)).await;
    assert_eq!(store.task(&project(), &begun.id).await.unwrap(), Some(begun.clone()));
    end(&*store, &begun, failed()).await;
    let ended = store.task(&project(), &begun.id).await.unwrap().unwrap();
    assert_eq!(ended, Task { status: failed(), ..begun });
    assert_eq!(store.secret(&project(), &secret.name).await.unwrap().unwrap().running_task, None);
}

/// Three tasks of each of two secrets, begun at 1 to 6 ms in turns; those of `a` succeeded, those of `b` failed.
async fn six_tasks<S: Store>(store: &S) {
    let secrets = [rotated("a", 10, at(0)), rotated("b", 10, at(0))];
    for secret in &secrets {
        put(store, secret).await;
    }
    for millis in 1..=6 {
        let (secret, status) =
            if millis % 2 == 1 { (&secrets[0], TaskStatus::Succeeded) } else { (&secrets[1], failed()) };
        let begun = begin(store, secret, at(millis)).await;
        end(store, &begun, status).await;
    }
}

pub async fn tasks_are_listed_newest_first<S: Store>(store: Shared<S>) {
    six_tasks(&*store).await;
    let first = store.tasks(&project(), &TaskFilter { limit: 4, ..ALL }).await.unwrap();
    assert_eq!((times(&first), first.page.more, first.total), (vec![6, 5, 4, 3], true, 6));
    let after = first.page.items.last().map(|task| task.id.clone());
    let second = store.tasks(&project(), &TaskFilter { after, limit: 2, ..ALL }).await.unwrap();
    assert_eq!((times(&second), second.page.more, second.total), (vec![2, 1], false, 6));
}

pub async fn tasks_are_filtered_and_counted<S: Store>(store: Shared<S>) {
    six_tasks(&*store).await;
    let running = begin(&*store, &store.secret(&project(), &name("a")).await.unwrap().unwrap(), at(7)).await;
    let of_a = store.tasks(&project(), &TaskFilter { secret_name: Some(name("a")), ..ALL }).await.unwrap();
    assert_eq!((times(&of_a), of_a.total), (vec![7, 5, 3, 1], 4));
    let failed = TaskFilter { status: Some(TaskOutcome::Failed), ..ALL };
    let failed = store.tasks(&project(), &failed).await.unwrap();
    assert_eq!((times(&failed), failed.total), (vec![6, 4, 2], 3));
    let succeeded = TaskFilter {
        secret_name: Some(name("a")),
        status: Some(TaskOutcome::Succeeded),
        after: Some(running.id),
        limit: 2,
    };
    let succeeded = store.tasks(&project(), &succeeded).await.unwrap();
    assert_eq!((times(&succeeded), succeeded.page.more, succeeded.total), (vec![5, 3], true, 3));
    let neither = TaskFilter { secret_name: Some(name("b")), status: Some(TaskOutcome::Succeeded), ..ALL };
    assert_eq!(store.tasks(&project(), &neither).await.unwrap().total, 0);
}

pub async fn an_unknown_marker_is_not_found<S: Store>(store: Shared<S>) {
    let filter = TaskFilter { after: Some(TaskId::make(&mut SysRng).unwrap()), ..ALL };
    assert!(matches!(store.tasks(&project(), &filter).await, Err(StoreError::NotFound)));
}

pub async fn tasks_of_other_projects_are_unseen<S: Store>(store: Shared<S>) {
    let secret = rotated("db", 10, at(0));
    put(&*store, &secret).await;
    let begun = begin(&*store, &secret, at(5)).await;
    assert_eq!(store.task(&other_project(), &begun.id).await.unwrap(), None);
    assert_eq!(store.tasks(&other_project(), &ALL).await.unwrap().total, 0);
    let after = TaskFilter { after: Some(begun.id), ..ALL };
    assert!(matches!(store.tasks(&other_project(), &after).await, Err(StoreError::NotFound)));
}

pub async fn running_tasks_are_found_for_a_restart<S: Store>(store: Shared<S>) {
    let mut begun = Vec::new();
    for (text, millis) in [("c", 3), ("a", 1), ("b", 2)] {
        let secret = rotated(text, 10, at(0));
        put(&*store, &secret).await;
        begun.push(begin(&*store, &secret, at(millis)).await);
    }
    end(&*store, &begun[1], TaskStatus::Succeeded).await;
    let claimed = store.claim_tasks("me", HOUR, 10).await.unwrap();
    assert_eq!(claimed, [begun[2].clone(), begun[0].clone()]);
}

pub async fn steps_are_kept_with_their_task<S: Store>(store: Shared<S>) {
    let secret = rotated("db", 10, at(0));
    put(&*store, &secret).await;
    let mut noted = task(&secret, at(5));
    noted.note(at(6), "function", service::says_current(VersionId::FIRST));
    let stored = noted.clone();
    change(&*store, &secret.name, move |draft| {
        draft.secret.running_task = Some(stored.id.clone());
        draft.put_task(stored);
    })
    .await;
    assert_eq!(store.task(&project(), &noted.id).await.unwrap(), Some(noted));
}

pub async fn the_backlog_counts_what_is_due_and_what_runs<S: Store>(store: Shared<S>) {
    assert_eq!(store.rotation_backlog(at(0)).await.unwrap(), RotationBacklog::default());
    let secrets: Vec<_> = ["a", "b", "c", "d"].map(|text| rotated(text, 10, at(0))).into();
    for secret in &secrets {
        put(&*store, secret).await;
    }
    begin(&*store, &secrets[0], at(7)).await;
    begin(&*store, &secrets[1], at(5)).await;
    let due = [&secrets[2], &secrets[3]].map(|secret| secret.rotation_due_time().unwrap());
    let both = store.rotation_backlog(*due.iter().max().unwrap()).await.unwrap();
    let oldest_due = due.iter().min().copied();
    assert_eq!(both, RotationBacklog { due: 2, oldest_due, running: 2, oldest_running: Some(at(5)) });
    let none = store.rotation_backlog(at(oldest_due.unwrap().as_millis() - 1)).await.unwrap();
    assert_eq!((none.due, none.oldest_due), (0, None));
}

pub async fn old_tasks_of_an_outcome_are_purged<S: Store>(store: Shared<S>) {
    six_tasks(&*store).await;
    let running = begin(&*store, &store.secret(&project(), &name("a")).await.unwrap().unwrap(), at(1)).await;
    let left = async || times(&store.tasks(&project(), &ALL).await.unwrap());
    assert_eq!(store.purge_tasks(TaskOutcome::Failed, at(6), 10).await.unwrap(), 2);
    assert_eq!(left().await, [6, 5, 3, 1, 1]);
    assert_eq!(store.purge_tasks(TaskOutcome::Succeeded, at(99), 2).await.unwrap(), 2);
    assert_eq!(left().await, [6, 5, 1]);
    assert_eq!(store.purge_tasks(TaskOutcome::Succeeded, at(99), 2).await.unwrap(), 1);
    assert_eq!(store.purge_tasks(TaskOutcome::Succeeded, at(99), 2).await.unwrap(), 0);
    assert!(store.task(&project(), &running.id).await.unwrap().is_some(), "a running task stays");
}

/// A secret with a running task that nobody holds.
async fn running_task<S: Store>(store: &S) -> Task {
    let secret = rotated("db", 10, at(0));
    put(store, &secret).await;
    begin(store, &secret, at(5)).await
}

pub async fn a_task_is_held_by_one_until_its_lease_expires<S: Store>(store: Shared<S>) {
    let begun = running_task(&*store).await;
    let lease = |holder: &str, lasts| Lease { task: begun.id.clone(), holder: holder.to_owned(), lasts };
    assert_eq!(store.claim_tasks("a", HOUR, 10).await.unwrap(), std::slice::from_ref(&begun));
    assert_eq!(store.claim_tasks("b", HOUR, 10).await.unwrap(), []);
    assert!(!store.renew_lease(&lease("b", HOUR)).await.unwrap());
    assert!(store.renew_lease(&lease("a", Duration::ZERO)).await.unwrap());
    // Expired, and nobody's yet.
    assert!(store.renew_lease(&lease("a", HOUR)).await.unwrap());
    assert_eq!(store.claim_tasks("b", HOUR, 10).await.unwrap(), []);
    assert!(store.renew_lease(&lease("a", Duration::ZERO)).await.unwrap());
    assert_eq!(store.claim_tasks("b", HOUR, 10).await.unwrap(), std::slice::from_ref(&begun));
    assert!(!store.renew_lease(&lease("a", HOUR)).await.unwrap());
}

pub async fn a_lease_ends_with_its_task<S: Store>(store: Shared<S>) {
    let secret = rotated("db", 10, at(0));
    put(&*store, &secret).await;
    let begun = task(&secret, at(5));
    let (stored, lease) = (begun.clone(), Lease { task: begun.id.clone(), holder: "a".to_owned(), lasts: HOUR });
    let first = lease.clone();
    change(&*store, &secret.name, move |draft| {
        draft.secret.running_task = Some(stored.id.clone());
        draft.put_task(stored);
        draft.put_lease(first);
    })
    .await;
    assert_eq!(store.claim_tasks("b", HOUR, 10).await.unwrap(), []);
    assert!(store.renew_lease(&lease).await.unwrap());
    end(&*store, &begun, TaskStatus::Succeeded).await;
    assert!(!store.renew_lease(&lease).await.unwrap());
    assert_eq!(store.claim_tasks("b", HOUR, 10).await.unwrap(), []);
}

pub async fn a_released_task_is_free_at_once<S: Store>(store: Shared<S>) {
    let begun = running_task(&*store).await;
    store.claim_tasks("a", HOUR, 10).await.unwrap();
    store.release_lease(&begun.id, "b").await.unwrap();
    assert_eq!(store.claim_tasks("b", HOUR, 10).await.unwrap(), []);
    store.release_lease(&begun.id, "a").await.unwrap();
    assert_eq!(store.claim_tasks("b", HOUR, 10).await.unwrap(), [begun]);
}

pub async fn the_leases_of_a_server_that_is_back_end_at_once<S: Store>(store: Shared<S>) {
    let begun = running_task(&*store).await;
    store.claim_tasks("s1/a", HOUR, 10).await.unwrap();
    assert_eq!(store.release_leases_of("s2/").await.unwrap(), 0);
    assert_eq!(store.claim_tasks("s1/b", HOUR, 10).await.unwrap(), []);
    assert_eq!(store.release_leases_of("s1/").await.unwrap(), 1);
    assert_eq!(store.claim_tasks("s1/b", HOUR, 10).await.unwrap(), [begun]);
}

pub async fn a_holder_who_was_replaced_is_seen<S: Store>(store: Shared<S>) {
    let begun = running_task(&*store).await;
    let holder = || change(&*store, &begun.secret_name, |draft| draft.holder().map(ToOwned::to_owned));
    assert_eq!(holder().await, None);
    store.claim_tasks("a", HOUR, 10).await.unwrap();
    assert_eq!(holder().await.as_deref(), Some("a"));
    let expired = Lease { task: begun.id.clone(), holder: "a".to_owned(), lasts: Duration::ZERO };
    assert!(store.renew_lease(&expired).await.unwrap());
    assert_eq!(holder().await, None, "an expired lease is no lease, though nobody has taken the task");
    store.claim_tasks("b", HOUR, 10).await.unwrap();
    assert_eq!(holder().await.as_deref(), Some("b"));
}

pub async fn the_task_of_a_deleted_secret_can_be_finished<S: Store>(store: Shared<S>) {
    let secret = rotated("db", 10, at(0));
    put(&*store, &secret).await;
    let begun = begin(&*store, &secret, at(5)).await;
    let ended = Task { status: failed(), ..begun.clone() };
    let claimed = store.claim_tasks("me", HOUR, 10).await.unwrap();
    assert_eq!(claimed, std::slice::from_ref(&begun));
    assert!(matches!(store.finish_orphan_task(ended.clone(), "me", Vec::new()).await, Err(StoreError::Conflict(_))));
    change(&*store, &secret.name, Draft::delete).await;
    assert_eq!(store.task(&project(), &begun.id).await.unwrap(), Some(begun));

    // Another secret of the same name is not the task's secret.
    put(&*store, &rotated("db", 10, at(0))).await;
    assert!(matches!(store.finish_orphan_task(ended.clone(), "other", Vec::new()).await, Err(StoreError::Conflict(_))));
    let records = vec![super::audit::entry(Some("db"), "ended")];
    store.finish_orphan_task(ended.clone(), "me", records).await.unwrap();
    assert_eq!(store.task(&project(), &ended.id).await.unwrap(), Some(ended.clone()));
    let again = vec![super::audit::entry(Some("db"), "again")];
    assert!(matches!(store.finish_orphan_task(ended, "me", again).await, Err(StoreError::Conflict(_))));
    let recorded = store.audit_records(0, 10, Some("db")).await.unwrap();
    assert_eq!(recorded.iter().map(|record| record.document.as_str()).collect::<Vec<_>>(), [r#"{"what":"ended"}"#]);
}
