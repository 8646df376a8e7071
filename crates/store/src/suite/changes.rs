//! Changing secrets.

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use csms_core::StageName;

use super::*;
use crate::{ChangeError, CreateError, StoreError};

fn is_conflict<T, E>(result: &Result<T, ChangeError<E>>) -> bool {
    matches!(result, Err(ChangeError::Store(StoreError::Conflict(_))))
}

pub async fn a_change_is_stored_with_its_value<S: Store>(store: Shared<S>) {
    put(&*store, &common("db")).await;
    let added = change(&*store, &name("db"), add_version).await;
    let select = |secret: &Secret| secret.staged(&StageName::current());
    let found = store.secret_value(&project(), &name("db"), None, select).await.unwrap();
    assert_eq!((found.version, found.sealed), (added, sealed(&name("db"), added)));
    let earlier =
        store.secret_value(&project(), &name("db"), None, |_| Ok::<_, Never>(VersionId::FIRST)).await.unwrap();
    assert_eq!(earlier.sealed, sealed(&name("db"), VersionId::FIRST));
}

pub async fn a_refused_change_changes_nothing<S: Store>(store: Shared<S>) {
    let secret = common("db");
    put(&*store, &secret).await;
    let began = task(&secret, at(5));
    let id = began.id.clone();
    let decide = |draft: &mut Draft| {
        add_version(draft);
        draft.put_task(began);
        draft.delete();
        Err::<(), _>("no")
    };
    let refused = store.change_secret(&project(), &secret.name, false, decide).await;
    assert!(matches!(refused, Err(ChangeError::Refused("no"))));
    assert_eq!(store.secret(&project(), &secret.name).await.unwrap(), Some(secret));
    assert_eq!(store.task(&project(), &id).await.unwrap(), None);
}

pub async fn a_panic_in_a_change_harms_nobody<S: Store>(store: Shared<S>) {
    let secret = common("db");
    put(&*store, &secret).await;
    let panicking = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            let decide = |draft: &mut Draft| -> Result<(), Never> {
                add_version(draft);
                panic!("on purpose, in a test")
            };
            store.change_secret(&project(), &name("db"), false, decide).await
        }
    });
    // A store may answer an error or pass the panic on.
    assert!(!matches!(panicking.await, Ok(Ok(()))));
    assert_eq!(store.secret(&project(), &secret.name).await.unwrap(), Some(secret));
    assert_eq!(change(&*store, &name("db"), add_version).await, version(2));
}

pub async fn values_are_loaded_when_asked_for<S: Store>(store: Shared<S>) {
    put(&*store, &common("db")).await;
    change(&*store, &name("db"), add_version).await;
    let values =
        |draft: &mut Draft| Ok::<_, Never>([1, 2, 3].map(|number| draft.sealed(version(number)).map(<[u8]>::to_vec)));
    let (one, two) = (sealed(&name("db"), version(1)), sealed(&name("db"), version(2)));
    let loaded = store.change_secret(&project(), &name("db"), true, values).await.unwrap();
    assert_eq!(loaded, [Some(one), Some(two), None]);
    let not_loaded = store.change_secret(&project(), &name("db"), false, values).await.unwrap();
    assert_eq!(not_loaded, [None, None, None]);
}

pub async fn the_value_of_a_removed_version_is_gone<S: Store>(store: Shared<S>) {
    put(&*store, &common("db")).await;
    for _ in 0..20 {
        change(&*store, &name("db"), add_version).await;
    }
    // The 21st version took the place of the first.
    let values = |draft: &mut Draft| {
        Ok::<_, Never>((1..=21).filter(|number| draft.sealed(version(*number)).is_some()).collect::<Vec<u32>>())
    };
    let kept = store.change_secret(&project(), &name("db"), true, values).await.unwrap();
    assert_eq!(kept, (2..=21).collect::<Vec<u32>>());
}

pub async fn a_version_without_a_value_is_refused<S: Store>(store: Shared<S>) {
    let secret = common("db");
    put(&*store, &secret).await;
    let decide = |draft: &mut Draft| draft.secret.add_version(NewVersion::default(), at(2_000));
    assert!(is_conflict(&store.change_secret(&project(), &secret.name, false, decide).await));
    assert_eq!(store.secret(&project(), &secret.name).await.unwrap(), Some(secret));
}

pub async fn a_value_is_written_once<S: Store>(store: Shared<S>) {
    put(&*store, &common("db")).await;
    let decide = |draft: &mut Draft| {
        draft.put_value(VersionId::FIRST, b"other".to_vec());
        Ok::<_, Never>(())
    };
    assert!(is_conflict(&store.change_secret(&project(), &name("db"), false, decide).await));
}

pub async fn a_secret_keeps_its_identity<S: Store>(store: Shared<S>) {
    put(&*store, &common("db")).await;
    let rename = |draft: &mut Draft| {
        draft.secret.name = name("other");
        Ok::<_, Never>(())
    };
    assert!(is_conflict(&store.change_secret(&project(), &name("db"), false, rename).await));
    assert_eq!(store.secret(&project(), &name("other")).await.unwrap(), None);
}

pub async fn a_deleted_secret_leaves_its_name_free<S: Store>(store: Shared<S>) {
    put(&*store, &common("db")).await;
    change(&*store, &name("db"), add_version).await;
    change(&*store, &name("db"), Draft::delete).await;
    assert_eq!(store.secret(&project(), &name("db")).await.unwrap(), None);

    let again = common("db");
    put(&*store, &again).await;
    let values = |draft: &mut Draft| Ok::<_, Never>(draft.sealed(version(2)).is_some());
    assert!(!store.change_secret(&project(), &name("db"), true, values).await.unwrap());
    assert_eq!(store.secret(&project(), &name("db")).await.unwrap(), Some(again));
}

pub async fn a_missing_secret_cannot_be_changed<S: Store>(store: Shared<S>) {
    let missing = store.change_secret(&project(), &name("db"), false, |_| Ok::<_, Never>(())).await;
    assert!(matches!(missing, Err(ChangeError::NotFound)));
}

pub async fn a_dropped_write_happens_whole_or_not_at_all<S: Store>(store: Shared<S>) {
    for number in 0..20 {
        let secret = common(&format!("db-{number}"));
        {
            let value = sealed(&secret.name, VersionId::FIRST);
            let mut write = pin!(store.create_secret(secret.clone(), value, u64::MAX, Vec::new()));
            let mut context = Context::from_waker(Waker::noop());
            let begun = write.as_mut().poll(&mut context);
            assert!(matches!(begun, Poll::Pending | Poll::Ready(Ok(()))));
        }
        // A later write waits behind the dropped one, finds that it did not happen, or overtakes it.
        put(&*store, &common(&format!("later-{number}"))).await;
        match store.secret_value(&project(), &secret.name, None, |_| Ok::<_, Never>(VersionId::FIRST)).await {
            Ok(found) => assert_eq!(found.sealed, sealed(&secret.name, VersionId::FIRST)),
            Err(error) => {
                assert!(matches!(error, crate::ReadError::NotFound));
                // It may be under way still, behind the later one.
                let value = sealed(&secret.name, VersionId::FIRST);
                let made = store.create_secret(secret.clone(), value, u64::MAX, Vec::new()).await;
                assert!(matches!(made, Ok(()) | Err(CreateError::Exists)));
                let found =
                    store.secret_value(&project(), &secret.name, None, |_| Ok::<_, Never>(VersionId::FIRST)).await;
                assert_eq!(found.unwrap().sealed, sealed(&secret.name, VersionId::FIRST));
            }
        }
    }
}
