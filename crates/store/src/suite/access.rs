//! Users, shared policies and KMS keys as those who administer change them.

use csms_core::policy::Policy;

use super::*;
use crate::{
    AccessChange, AccessKeyRecord, AccessKeyUse, AccessState, AgencyRecord, ChangeError, KeyDetails, KeyMaterial,
    KeyRecord, KeyRotation, KeyState, LastKeyUse, PolicyDetails, PolicyRecord, StoreError, UserDetails, UserRecord,
};

fn user(id: &str, name: &str) -> UserRecord {
    UserRecord {
        id: id.to_owned(),
        name: name.to_owned(),
        domain_id: "d1".to_owned(),
        password_hash: None,
        projects: vec![project()],
        policies: Vec::new(),
        attached: vec!["readers".to_owned()],
        enabled: true,
        details: UserDetails::default(),
    }
}

fn access_key(name: &str, user_id: &str) -> AccessKeyRecord {
    AccessKeyRecord {
        access_key: name.to_owned(),
        sealed_secret_key: vec![1, 2, 3],
        user_id: user_id.to_owned(),
        enabled: true,
        create_time: Some(at(7)),
        expires: None,
        last_use: None,
    }
}

fn policy(name: &str, action: &str) -> PolicyRecord {
    let policy = Policy::allow(vec![action.to_owned()], None);
    PolicyRecord { name: name.to_owned(), description: String::new(), policy, details: PolicyDetails::default() }
}

fn key(alias: &str) -> KeyRecord {
    KeyRecord {
        id: KeyId::make(&mut SysRng).unwrap(),
        project: project(),
        alias: alias.to_owned(),
        state: KeyState::Enabled,
        wrapped: vec![0, 1, 255],
        create_time: at(5),
        details: KeyDetails::default(),
    }
}

pub async fn a_password_is_replaced_if_it_is_still_the_old_one<S: Store>(store: Shared<S>) {
    let alice = UserRecord { password_hash: Some("one".to_owned()), ..user("1", "alice") };
    store.put_user(alice.clone()).await.unwrap();
    let replace = |user_id: &str, old: Option<&str>, new: &str| {
        let (user_id, old, new) = (user_id.to_owned(), old.map(str::to_owned), new.to_owned());
        store.change_access(vec![AccessChange::ReplacePassword { user_id, old, new, time: at(9) }], Vec::new())
    };
    replace("1", Some("one"), "two").await.unwrap();
    for old in [Some("one"), None] {
        assert!(matches!(replace("1", old, "three").await, Err(StoreError::Conflict(_))));
    }
    assert!(matches!(replace("2", None, "three").await, Err(StoreError::NotFound)));
    let details = UserDetails { generation: 1, password_change_time: Some(at(9)), ..alice.details.clone() };
    let expected = UserRecord { password_hash: Some("two".to_owned()), details, ..alice };
    assert_eq!(store.user("1").await.unwrap(), Some(expected));
}

pub async fn the_last_use_of_a_key_is_kept_and_changes_nothing_else<S: Store>(store: Shared<S>) {
    store.put_user(user("1", "alice")).await.unwrap();
    let key = AccessKeyRecord { expires: Some(at(99)), ..access_key("AK1", "1") };
    store.put_access_key(key.clone()).await.unwrap();
    let stored = async || store.access_key("AK1").await.unwrap().unwrap().0;
    assert_eq!(stored().await, key);
    let rows = store.access_rows().await.unwrap();
    let used = |time, peer: Option<&str>, operation: &str| LastKeyUse {
        time: at(time),
        peer: peer.map(str::to_owned),
        operation: operation.to_owned(),
    };
    let note = async |name: &str, last: &LastKeyUse| {
        let noted = AccessKeyUse { access_key: name.to_owned(), last: last.clone() };
        assert_eq!(store.note_key_uses(vec![noted]).await.unwrap(), []);
    };
    let first = used(20, Some("192.0.2.1"), "ShowSecret");
    note("AK1", &first).await;
    note("absent", &first).await;
    note("AK1", &used(19, None, "ListSecrets")).await;
    let expected = AccessKeyRecord { last_use: Some(first), ..key };
    assert_eq!(stored().await, expected);
    assert_eq!(store.access_keys("1").await.unwrap(), std::slice::from_ref(&expected));
    assert_eq!(store.access_rows().await.unwrap(), rows, "the MAC of the row");
    // A change of the key, by somebody who read it before its use, leaves the use alone.
    store.put_access_key(AccessKeyRecord { last_use: None, expires: None, ..expected.clone() }).await.unwrap();
    assert_eq!(stored().await, AccessKeyRecord { expires: None, ..expected });
}

pub async fn users_and_policies_change_together_or_not_at_all<S: Store>(store: Shared<S>) {
    let (alice, readers) = (user("1", "alice"), policy("readers", "csms:*:get*"));
    let changes = vec![
        AccessChange::PutPolicy(readers.clone()),
        AccessChange::PutUser(alice.clone()),
        AccessChange::PutAccessKey(access_key("AK2", "1")),
        AccessChange::PutAccessKey(access_key("AK1", "1")),
    ];
    store.change_access(changes, Vec::new()).await.unwrap();
    assert_eq!(store.users().await.unwrap(), [alice]);
    assert_eq!(store.policy("readers").await.unwrap(), Some(readers.clone()));
    assert_eq!(store.access_keys("1").await.unwrap(), [access_key("AK1", "1"), access_key("AK2", "1")]);

    let changes = vec![AccessChange::PutUser(user("2", "bob")), AccessChange::DeletePolicy("absent".to_owned())];
    assert!(matches!(store.change_access(changes, Vec::new()).await, Err(StoreError::NotFound)));
    assert_eq!(store.users().await.unwrap().len(), 1);
    let taken = vec![AccessChange::DeletePolicy("readers".to_owned()), AccessChange::PutUser(user("3", "alice"))];
    assert!(matches!(store.change_access(taken, Vec::new()).await, Err(StoreError::Conflict(_))));
    assert_eq!(store.policies().await.unwrap(), [readers]);
}

pub async fn agencies_are_found_by_identifier_and_their_rows_are_bound<S: Store>(store: Shared<S>) {
    let agency = |id: &str, name: &str| AgencyRecord {
        id: id.to_owned(),
        name: name.to_owned(),
        description: String::new(),
        projects: vec![project()],
        attached: vec!["readers".to_owned()],
        users: vec!["1".to_owned()],
        create_time: at(5),
    };
    let (build, deploy) = (agency("1", "build"), agency("2", "deploy"));
    let put = |agency: &AgencyRecord| vec![AccessChange::PutAgency(agency.clone())];
    store.change_access(put(&deploy), Vec::new()).await.unwrap();
    store.change_access(put(&build), Vec::new()).await.unwrap();
    assert_eq!(store.agencies().await.unwrap(), [build.clone(), deploy.clone()]);
    assert_eq!(store.agency("1").await.unwrap(), Some(build.clone()));
    assert_eq!(store.agency("build").await.unwrap(), None, "a name is no identifier");
    let taken = store.change_access(put(&agency("3", "build")), Vec::new()).await;
    assert!(matches!(taken, Err(StoreError::Conflict(_))), "{taken:?}");

    let changed = AgencyRecord { users: Vec::new(), ..build };
    store.change_access(put(&changed), Vec::new()).await.unwrap();
    assert_eq!(store.agency("1").await.unwrap(), Some(changed.clone()));
    let seen = |state: &AccessState| Ok::<_, &str>((state.agencies.clone(), Vec::new(), Vec::new()));
    assert_eq!(store.decide_access(seen).await.unwrap(), [changed, deploy]);
    let macs: Vec<_> = store.access_rows().await.unwrap().into_iter().map(|row| (row.id, row.mac)).collect();
    assert!(macs.iter().all(|(_, mac)| mac.as_deref().is_some_and(|mac| mac != "not valid")), "{macs:?}");
    assert_eq!(macs.len(), 2);

    let delete = |id: &str| vec![AccessChange::DeleteAgency(id.to_owned())];
    store.change_access(delete("2"), Vec::new()).await.unwrap();
    assert_eq!(store.agency("2").await.unwrap(), None);
    assert!(matches!(store.change_access(delete("2"), Vec::new()).await, Err(StoreError::NotFound)));
}

pub async fn a_policy_is_replaced_by_name<S: Store>(store: Shared<S>) {
    for action in ["csms:a", "csms:b"] {
        store.change_access(vec![AccessChange::PutPolicy(policy("p", action))], Vec::new()).await.unwrap();
    }
    assert_eq!(store.policies().await.unwrap(), [policy("p", "csms:b")]);
    store.change_access(vec![AccessChange::DeletePolicy("p".to_owned())], Vec::new()).await.unwrap();
    assert_eq!(store.policy("p").await.unwrap(), None);
}

pub async fn the_keys_of_a_removed_user_go_with_it<S: Store>(store: Shared<S>) {
    let changes = vec![
        AccessChange::PutUser(user("1", "alice")),
        AccessChange::PutUser(user("2", "bob")),
        AccessChange::PutAccessKey(access_key("AK1", "1")),
        AccessChange::PutAccessKey(access_key("AK2", "2")),
        AccessChange::DeleteUser("1".to_owned()),
    ];
    store.change_access(changes, Vec::new()).await.unwrap();
    assert_eq!(store.access_key("AK1").await.unwrap(), None);
    assert_eq!(store.users().await.unwrap(), [user("2", "bob")]);
    store.change_access(vec![AccessChange::DeleteAccessKey("AK2".to_owned())], Vec::new()).await.unwrap();
    assert_eq!(store.access_keys("2").await.unwrap(), []);
}

pub async fn the_keys_of_a_project_change_as_a_list<S: Store>(store: Shared<S>) {
    let (one, two) = (key("one"), KeyRecord { create_time: at(6), ..key("two") });
    let add = |new: KeyRecord| {
        move |keys: &mut Vec<KeyRecord>| {
            keys.push(new);
            Ok::<_, &str>((keys.len(), Vec::new()))
        }
    };
    assert_eq!(store.change_keys(&project(), add(one.clone())).await.unwrap(), 1);
    assert_eq!(store.change_keys(&project(), add(two.clone())).await.unwrap(), 2);
    let change = |keys: &mut Vec<KeyRecord>| {
        keys.remove(0);
        keys[0].state = KeyState::PendingDeletion;
        keys[0].details.scheduled_deletion = Some(at(9));
        Ok::<_, &str>(((), Vec::new()))
    };
    store.change_keys(&project(), change).await.unwrap();
    let details = KeyDetails { scheduled_deletion: Some(at(9)), ..KeyDetails::default() };
    let waiting = KeyRecord { state: KeyState::PendingDeletion, details, ..two };
    assert_eq!(store.keys(&project()).await.unwrap(), std::slice::from_ref(&waiting));
    assert_eq!(store.keys_pending_deletion().await.unwrap(), [waiting]);
    assert_eq!(store.key(&project(), &one.id).await.unwrap(), None);
    assert_eq!(store.keys(&other_project()).await.unwrap(), []);

    let refuse = |keys: &mut Vec<KeyRecord>| {
        keys.clear();
        Err::<((), _), _>("no")
    };
    assert!(matches!(store.change_keys(&project(), refuse).await, Err(ChangeError::Refused("no"))));
    assert_eq!(store.keys(&project()).await.unwrap().len(), 1);
}

pub async fn keys_whose_rotation_is_due_are_found_and_their_material_only_grows<S: Store>(store: Shared<S>) {
    const DAYS: u64 = 30 * 86_400_000;
    let rotation = KeyRotation { enabled: true, interval_days: 30, since: at(6) };
    let rotated = |name: &str, rotation| KeyRecord {
        details: KeyDetails { rotation: Some(rotation), ..KeyDetails::default() },
        ..key(name)
    };
    let (due, off) = (rotated("due", rotation), rotated("off", KeyRotation { enabled: false, ..rotation }));
    let disabled = KeyRecord { state: KeyState::Disabled, ..rotated("disabled", rotation) };
    let all = [key("plain"), due.clone(), off, disabled];
    let add = move |keys: &mut Vec<KeyRecord>| {
        keys.extend(all);
        Ok::<_, &str>(((), Vec::new()))
    };
    store.change_keys(&project(), add).await.unwrap();
    assert_eq!(store.keys_due_for_rotation(at(6 + DAYS - 1)).await.unwrap(), []);
    assert_eq!(store.keys_due_for_rotation(at(6 + DAYS)).await.unwrap(), std::slice::from_ref(&due));

    let id = due.id.clone();
    let set = |materials: Vec<KeyMaterial>| {
        let id = id.clone();
        move |keys: &mut Vec<KeyRecord>| {
            let key = keys.iter_mut().find(|key| key.id == id).unwrap();
            key.details.materials = materials;
            key.details.rotation = Some(KeyRotation { since: at(9), ..rotation });
            Ok::<_, &str>(((), Vec::new()))
        }
    };
    let material = |wrapped: &str| KeyMaterial { wrapped: wrapped.to_owned(), create_time: at(9) };
    store.change_keys(&project(), set(vec![material("01")])).await.unwrap();
    assert_eq!(store.keys_due_for_rotation(at(6 + DAYS)).await.unwrap(), []);
    store.change_keys(&project(), set(vec![material("01"), material("02")])).await.unwrap();
    for lost in [vec![], vec![material("02")], vec![material("03"), material("02")]] {
        let changed = store.change_keys(&project(), set(lost)).await;
        assert!(matches!(changed, Err(ChangeError::Store(StoreError::Conflict(_)))), "{changed:?}");
    }
    let stored = store.key(&project(), &id).await.unwrap().unwrap();
    assert_eq!(stored.details.materials, [material("01"), material("02")]);
}

pub async fn of_new_keys_with_one_identifier_one_is_kept_as_it_was_made<S: Store>(store: Shared<S>) {
    let (id, project) = (key("").id, project());
    let add = |number: u8| {
        let new = KeyRecord { id: id.clone(), wrapped: vec![number], ..key(&format!("alias{number}")) };
        let add = move |keys: &mut Vec<KeyRecord>| {
            if keys.is_empty() {
                keys.push(new);
            }
            Ok::<_, &str>((keys[0].clone(), Vec::new()))
        };
        store.change_keys(&project, add)
    };
    let all = tokio::join!(add(1), add(2), add(3), add(4));
    let stored = store.keys(&project).await.unwrap();
    for made in [all.0, all.1, all.2, all.3] {
        match made {
            Ok(made) => assert_eq!(stored, [made]),
            Err(error) => assert!(matches!(error, ChangeError::Store(StoreError::Conflict(_))), "{error:?}"),
        }
    }
}

pub async fn an_alias_and_the_material_of_a_key_are_kept<S: Store>(store: Shared<S>) {
    let add = |keys: &mut Vec<KeyRecord>| {
        keys.push(key("one"));
        Ok::<_, &str>(((), Vec::new()))
    };
    store.change_keys(&project(), add).await.unwrap();
    let taken = store.change_keys(&project(), add).await;
    assert!(matches!(taken, Err(ChangeError::Store(StoreError::Conflict(_)))));
    let replace = |keys: &mut Vec<KeyRecord>| {
        keys[0].wrapped = vec![9];
        Ok::<_, &str>(((), Vec::new()))
    };
    let replaced = store.change_keys(&project(), replace).await;
    assert!(matches!(replaced, Err(ChangeError::Store(StoreError::Conflict(_)))));
    assert_eq!(store.keys(&project()).await.unwrap()[0].wrapped, [0, 1, 255]);
}

pub async fn a_decision_sees_everything_and_happens_whole_or_not_at_all<S: Store>(store: Shared<S>) {
    let changes = vec![
        AccessChange::PutPolicy(policy("readers", "csms:*:get*")),
        AccessChange::PutUser(user("1", "alice")),
        AccessChange::PutAccessKey(access_key("AK1", "1")),
    ];
    store.change_access(changes, Vec::new()).await.unwrap();
    let decide = |state: &AccessState| {
        assert_eq!(state.users, [user("1", "alice")]);
        assert_eq!(state.keys, [access_key("AK1", "1")]);
        assert_eq!(state.policies, [policy("readers", "csms:*:get*")]);
        let off = AccessKeyRecord { enabled: false, ..state.keys[0].clone() };
        Ok::<_, &str>((7, vec![AccessChange::PutAccessKey(off)], vec![audit::entry(None, "off")]))
    };
    assert_eq!(store.decide_access(decide).await.unwrap(), 7);
    assert!(!store.access_keys("1").await.unwrap()[0].enabled);
    assert_eq!(store.audit_head().await.unwrap().number, 1);

    let refused = store.decide_access(|_| Err::<((), _, _), _>("no")).await;
    assert!(matches!(refused, Err(ChangeError::Refused("no"))));
    let broken = |_: &AccessState| {
        let changes = vec![AccessChange::DeleteUser("1".to_owned()), AccessChange::DeletePolicy("absent".to_owned())];
        Ok::<_, &str>(((), changes, vec![audit::entry(None, "broken")]))
    };
    let broken = store.decide_access(broken).await;
    assert!(matches!(broken, Err(ChangeError::Store(StoreError::NotFound))));
    assert_eq!(store.users().await.unwrap().len(), 1);
    assert_eq!(store.audit_head().await.unwrap().number, 1);
}

pub async fn decisions_at_the_same_time_all_count<S: Store>(store: Shared<S>) {
    const CALLERS: usize = 8;
    store.change_access(vec![AccessChange::PutUser(user("1", "alice"))], Vec::new()).await.unwrap();
    let mut callers = tokio::task::JoinSet::new();
    for number in 0..CALLERS {
        let store = Arc::clone(&store);
        callers.spawn(async move {
            let attach = move |state: &AccessState| {
                let mut alice = state.users[0].clone();
                alice.attached.push(format!("p{number}"));
                Ok::<_, Never>(((), vec![AccessChange::PutUser(alice)], Vec::new()))
            };
            store.decide_access(attach).await.unwrap();
        });
    }
    callers.join_all().await;
    assert_eq!(store.users().await.unwrap()[0].attached.len(), 1 + CALLERS);
}
