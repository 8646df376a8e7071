//! Replicas, which are written with their primary.

use csms_core::{
    RegionName, SecretState,
    schedule::RecoveryWindow,
    secret::{Counterpart, ReplicaType},
};

use super::*;
use crate::{ChangeError, StoreError};

fn replica(id: &SecretId) -> Counterpart {
    Counterpart { id: id.clone(), project: other_project(), ..in_project(&"f".repeat(32), "away") }
}

/// A replica in another project and region.
pub fn in_project(project: &str, region: &str) -> Counterpart {
    Counterpart {
        id: SecretId::make(&mut SysRng).unwrap(),
        project: ProjectId::parse(project).unwrap(),
        region: RegionName::parse(region).unwrap(),
        kms_key_id: KeyId::parse("33333333-3333-4333-8333-333333333333").unwrap(),
        create_time: at(3_000),
    }
}

fn sealed_away(version: VersionId) -> Vec<u8> {
    format!("sealed away {version}").into_bytes()
}

/// Gives the secret a replica with the values of all versions.
pub fn replicate(draft: &mut Draft, replica: Counterpart, quota: u64) {
    let id = replica.id.clone();
    draft.secret.add_replica(RegionName::parse("home").unwrap(), replica, at(3_000)).unwrap();
    draft.limit_replicas(quota);
    for version in draft.secret.versions().to_vec() {
        draft.put_replica_value(&id, version.id, sealed_away(version.id));
    }
}

/// A stored secret with a replica, and the replica's identifier.
pub(super) async fn replicated<S: Store>(store: &S, text: &str) -> SecretId {
    put(store, &common(text)).await;
    let id = SecretId::make(&mut SysRng).unwrap();
    let made = id.clone();
    change(store, &name(text), move |draft| replicate(draft, replica(&made), 10)).await;
    id
}

/// The replica as it is stored, which must be what its primary says.
async fn followed<S: Store>(store: &S, text: &str) -> Secret {
    let primary = store.secret(&project(), &name(text)).await.unwrap().unwrap();
    let stored = store.secret(&other_project(), &name(text)).await.unwrap().unwrap();
    assert_eq!(stored, primary.copy_for(&primary.replicas()[0]));
    stored
}

async fn value_away<S: Store>(store: &S, text: &str, version: VersionId) -> Option<Vec<u8>> {
    let found = store.secret_value(&other_project(), &name(text), None, |_| Ok::<_, Never>(version)).await;
    found.ok().map(|found| found.sealed)
}

pub async fn a_replica_comes_with_the_values_of_all_versions<S: Store>(store: Shared<S>) {
    put(&*store, &common("db")).await;
    change(&*store, &name("db"), add_version).await;
    let id = SecretId::make(&mut SysRng).unwrap();
    let made = id.clone();
    change(&*store, &name("db"), move |draft| replicate(draft, replica(&made), 10)).await;
    let stored = followed(&*store, "db").await;
    assert_eq!((stored.replica_type(), stored.versions().len()), (ReplicaType::Replica, 2));
    assert_eq!(store.secret_by_id(&other_project(), &id).await.unwrap(), Some(stored));
    for number in [1, 2] {
        assert_eq!(value_away(&*store, "db", version(number)).await, Some(sealed_away(version(number))));
    }
    // The primary has its own.
    let own = store.secret_value(&project(), &name("db"), None, |_| Ok::<_, Never>(version(2))).await.unwrap();
    assert_eq!(own.sealed, sealed(&name("db"), version(2)));
}

pub async fn a_replica_follows_every_change<S: Store>(store: Shared<S>) {
    let id = replicated(&*store, "db").await;
    // The 21st version takes the first one away, there as here.
    for _ in 0..20 {
        let id = id.clone();
        change(&*store, &name("db"), move |draft| {
            let added = add_version(draft);
            draft.put_replica_value(&id, added, sealed_away(added));
        })
        .await;
        followed(&*store, "db").await;
    }
    assert_eq!(value_away(&*store, "db", version(1)).await, None);
    assert_eq!(value_away(&*store, "db", version(21)).await, Some(sealed_away(version(21))));
    let window = RecoveryWindow::days(7).unwrap();
    change(&*store, &name("db"), move |draft| draft.secret.schedule_deletion(window, at(5_000)).unwrap()).await;
    let stored = followed(&*store, "db").await;
    assert_eq!(stored.state, SecretState::PendingDelete);
    // One of the two is due; the other goes with it.
    let due = store.due_deletions(at(u64::from(u32::MAX) * 1_000), 10).await.unwrap();
    assert_eq!(due, [(project(), name("db"))]);
    change(&*store, &name("db"), Draft::delete).await;
    assert_eq!(store.secret(&other_project(), &name("db")).await.unwrap(), None);
    assert_eq!(value_away(&*store, "db", version(21)).await, None);
}

pub async fn a_removed_replica_leaves_its_name_and_its_place_free<S: Store>(store: Shared<S>) {
    replicated(&*store, "db").await;
    change(&*store, &name("db"), |draft| draft.secret.remove_replica("away", at(4_000)).map(drop).unwrap()).await;
    assert_eq!(store.secret(&other_project(), &name("db")).await.unwrap(), None);
    let primary = store.secret(&project(), &name("db")).await.unwrap().unwrap();
    assert_eq!(primary.replica_type(), ReplicaType::Standalone);
    let theirs = create(&other_project(), new_secret("db"), at(5_000));
    store.create_secret(theirs, Vec::new(), 1, Vec::new()).await.unwrap();
}

pub async fn a_taken_name_or_a_full_project_refuses_a_replica<S: Store>(store: Shared<S>) {
    put(&*store, &create(&other_project(), new_secret("db"), at(1))).await;
    let before = common("db");
    put(&*store, &before).await;
    put(&*store, &common("other")).await;
    let attempt = async |text: &'static str, quota| {
        let id = SecretId::make(&mut SysRng).unwrap();
        let decide = move |draft: &mut Draft| {
            replicate(draft, replica(&id), quota);
            Ok::<_, Never>(())
        };
        store.change_secret(&project(), &name(text), false, decide).await
    };
    assert!(matches!(attempt("db", 10).await, Err(ChangeError::Store(StoreError::NameTaken))));
    assert!(matches!(attempt("other", 1).await, Err(ChangeError::Store(StoreError::Quota(1)))));
    assert_eq!(store.secret(&project(), &name("db")).await.unwrap(), Some(before));
    assert_eq!(store.secret(&other_project(), &name("other")).await.unwrap(), None);
}

pub async fn a_version_without_a_value_for_the_replica_is_refused<S: Store>(store: Shared<S>) {
    replicated(&*store, "db").await;
    let add = |draft: &mut Draft| Ok::<_, Never>(add_version(draft));
    let refused = store.change_secret(&project(), &name("db"), false, add).await;
    assert!(matches!(refused, Err(ChangeError::Store(StoreError::Conflict(_)))));
    assert_eq!(followed(&*store, "db").await.versions().len(), 1);
}

pub async fn a_replica_is_changed_through_its_primary_alone<S: Store>(store: Shared<S>) {
    replicated(&*store, "db").await;
    let before = followed(&*store, "db").await;
    for number in 0..2 {
        let decide = move |draft: &mut Draft| {
            match number {
                0 => draft.delete(),
                _ => draft.secret.description = "by itself".to_owned(),
            }
            Ok::<_, Never>(())
        };
        let refused = store.change_secret(&other_project(), &name("db"), false, decide).await;
        assert!(matches!(refused, Err(ChangeError::Store(StoreError::Conflict(_)))), "{number}");
    }
    // To look at it, with its values, is no change.
    let look = |draft: &mut Draft| Ok::<_, Never>(draft.all_sealed().len());
    assert_eq!(store.change_secret(&other_project(), &name("db"), true, look).await.unwrap(), 1);
    assert_eq!(followed(&*store, "db").await, before);
}
