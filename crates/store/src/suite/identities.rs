//! KMS keys, users, access keys and named values.

use csms_core::policy::Policy;

use super::*;
use crate::{AccessChange, AccessKeyRecord, KeyDetails, KeyRecord, KeyState, StoreError, UserDetails, UserRecord};

pub(super) fn key(alias: &str) -> KeyRecord {
    KeyRecord {
        id: KeyId::make(&mut SysRng).unwrap(),
        project: project(),
        alias: alias.to_owned(),
        state: KeyState::Enabled,
        wrapped: vec![0, 1, 255],
        create_time: at(1_700_000_000_123),
        details: KeyDetails { description: "for tests".to_owned(), ..KeyDetails::default() },
    }
}

pub(super) fn user(id: &str, domain_id: &str, name: &str) -> UserRecord {
    UserRecord {
        id: id.to_owned(),
        name: name.to_owned(),
        domain_id: domain_id.to_owned(),
        password_hash: Some("hash".to_owned()),
        projects: vec![project(), other_project()],
        policies: vec![Policy::administrator()],
        attached: vec!["CSMS ReadOnlyAccess".to_owned()],
        enabled: true,
        details: UserDetails {
            description: "for tests".to_owned(),
            create_time: Some(at(9)),
            ..UserDetails::default()
        },
    }
}

/// Adds a KMS key to those of its project.
pub(super) async fn add_key<S: Store>(store: &S, key: &KeyRecord) {
    let added = key.clone();
    let add = move |keys: &mut Vec<KeyRecord>| {
        keys.push(added);
        Ok::<_, Never>(((), Vec::new()))
    };
    store.change_keys(&key.project, add).await.unwrap();
}

pub async fn a_key_is_found_by_identifier_and_alias<S: Store>(store: Shared<S>) {
    let (first, other) = (key("csms/default"), key("other"));
    add_key(&*store, &first).await;
    add_key(&*store, &other).await;
    assert_eq!(store.key_by_alias(&project(), "csms/default").await.unwrap(), Some(first.clone()));
    assert_eq!(store.key(&project(), &first.id).await.unwrap(), Some(first));
    assert_eq!(store.key(&project(), &key("csms/default").id).await.unwrap(), None);
}

pub async fn keys_of_other_projects_are_unseen<S: Store>(store: Shared<S>) {
    let ours = key("csms/default");
    add_key(&*store, &ours).await;
    assert_eq!(store.key(&other_project(), &ours.id).await.unwrap(), None);
    assert_eq!(store.key_by_alias(&other_project(), "csms/default").await.unwrap(), None);
    let theirs = KeyRecord { project: other_project(), ..key("csms/default") };
    add_key(&*store, &theirs).await;
    assert_eq!(store.key_by_alias(&other_project(), "csms/default").await.unwrap(), Some(theirs));
}

pub async fn a_user_is_found_by_name<S: Store>(store: Shared<S>) {
    let first = user("1", "d1", "admin");
    store.put_user(first.clone()).await.unwrap();
    assert_eq!(store.user("1").await.unwrap(), Some(first.clone()));
    assert_eq!(store.user_by_name(Some("d1"), "admin").await.unwrap(), Some(first.clone()));
    assert_eq!(store.user_by_name(None, "admin").await.unwrap(), Some(first.clone()));
    assert_eq!(store.user_by_name(Some("d2"), "admin").await.unwrap(), None);
    assert_eq!(store.user_by_name(None, "nobody").await.unwrap(), None);

    let changed = UserRecord { enabled: false, password_hash: None, name: "root".to_owned(), ..first };
    store.put_user(changed.clone()).await.unwrap();
    let details = UserDetails { generation: 1, ..changed.details.clone() };
    assert_eq!(store.user_by_name(None, "root").await.unwrap(), Some(UserRecord { details, ..changed }));
    assert_eq!(store.user_by_name(None, "admin").await.unwrap(), None);
}

pub async fn tokens_get_another_generation_when_the_password_changes_or_the_user_is_disabled<S: Store>(
    store: Shared<S>,
) {
    let mut alice = user("1", "d1", "alice");
    let generation = async |user: &UserRecord| {
        store.put_user(user.clone()).await.unwrap();
        store.user("1").await.unwrap().unwrap().details.generation
    };
    assert_eq!(generation(&alice).await, 0);
    alice.projects.clear();
    assert_eq!(generation(&alice).await, 0, "another change");
    alice.password_hash = Some("another".to_owned());
    // What the writer has read is older than what is stored.
    assert_eq!(generation(&alice).await, 1, "another password");
    alice.password_hash = None;
    assert_eq!(generation(&alice).await, 2, "no password");
    alice.enabled = false;
    assert_eq!(generation(&alice).await, 3, "disabled");
    alice.enabled = true;
    assert_eq!(generation(&alice).await, 3, "enabled again");
    let replaced =
        AccessChange::ReplacePassword { user_id: "1".to_owned(), old: None, new: "new".to_owned(), time: at(3) };
    store.change_access(vec![replaced], Vec::new()).await.unwrap();
    assert_eq!(store.user("1").await.unwrap().unwrap().details.generation, 4, "a password of one's own");
}

pub async fn a_name_is_taken_once_in_a_domain<S: Store>(store: Shared<S>) {
    store.put_user(user("1", "d1", "admin")).await.unwrap();
    assert!(matches!(store.put_user(user("2", "d1", "admin")).await, Err(StoreError::Conflict(_))));
    store.put_user(user("3", "d2", "admin")).await.unwrap();
    assert!(matches!(store.user_by_name(None, "admin").await, Err(StoreError::Conflict(_))));
    assert_eq!(store.user_by_name(Some("d2"), "admin").await.unwrap(), Some(user("3", "d2", "admin")));
}

pub async fn an_access_key_comes_with_its_user<S: Store>(store: Shared<S>) {
    let owner = user("1", "d1", "admin");
    store.put_user(owner.clone()).await.unwrap();
    let key = access_key("AKEXAMPLE00000000000", "1");
    store.put_access_key(key.clone()).await.unwrap();
    assert_eq!(store.access_key(&key.access_key).await.unwrap(), Some((key.clone(), owner.clone())));
    assert_eq!(store.access_key("AKOTHER").await.unwrap(), None);
    let disabled = AccessKeyRecord { enabled: false, ..key };
    store.put_access_key(disabled.clone()).await.unwrap();
    assert_eq!(store.access_key(&disabled.access_key).await.unwrap(), Some((disabled, owner)));
}

pub(super) fn access_key(access_key: &str, user_id: &str) -> AccessKeyRecord {
    AccessKeyRecord {
        access_key: access_key.to_owned(),
        sealed_secret_key: vec![7; 60],
        user_id: user_id.to_owned(),
        enabled: true,
        create_time: Some(at(1_700_000_000_123)),
        expires: None,
        last_use: None,
    }
}

pub async fn an_access_key_needs_a_user<S: Store>(store: Shared<S>) {
    assert!(matches!(store.put_access_key(access_key("AK", "nobody")).await, Err(StoreError::Conflict(_))));
}

pub async fn the_first_named_value_wins<S: Store>(store: Shared<S>) {
    assert_eq!(store.meta("check").await.unwrap(), None);
    assert_eq!(store.put_meta_if_absent("check", b"one".to_vec()).await.unwrap(), b"one");
    assert_eq!(store.put_meta_if_absent("check", b"two".to_vec()).await.unwrap(), b"one");
    assert_eq!(store.meta("check").await.unwrap(), Some(b"one".to_vec()));
}

pub async fn a_named_value_is_replaced<S: Store>(store: Shared<S>) {
    for value in [b"one", b"two"] {
        store.put_meta("time", value.to_vec()).await.unwrap();
        assert_eq!(store.meta("time").await.unwrap(), Some(value.to_vec()));
    }
}

pub async fn a_user_made_once_takes_no_name<S: Store>(store: Shared<S>) {
    store.put_user(user("1", "d1", "admin")).await.unwrap();
    let made = store.make_user_once("first", user("2", "d1", "admin"), access_key("AK2", "2"), Vec::new()).await;
    assert!(matches!(made, Err(StoreError::Conflict(_))), "{made:?}");
    assert_eq!((store.meta("first").await.unwrap(), store.user("2").await.unwrap()), (None, None));
    assert!(store.make_user_once("first", user("3", "d1", "root"), access_key("AK3", "3"), Vec::new()).await.unwrap());
    assert!(
        !store.make_user_once("first", user("4", "d1", "other"), access_key("AK4", "4"), Vec::new()).await.unwrap()
    );
    assert_eq!(store.user("4").await.unwrap(), None);
}
