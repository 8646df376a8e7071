//! Entries of projects.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::*;
use crate::{ChangeError, Entry, EntryChange, RowKey, StoreError};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Counter(u32);

impl Entry for Counter {
    const KIND: &'static str = "counter";
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Note(String);

impl Entry for Note {
    const KIND: &'static str = "note";
}

pub(super) async fn count<S: Store>(store: &S, name: &str) -> Result<u32, ChangeError<Never>> {
    let raise = |counter: Option<Counter>| {
        let raised = counter.unwrap_or_default().0 + 1;
        Ok((EntryChange::Put(Counter(raised)), raised))
    };
    store.change_entry(&project(), name, Vec::new(), raise).await
}

pub async fn an_entry_is_found_by_kind_and_name<S: Store>(store: Shared<S>) {
    assert_eq!(store.entry::<Counter>(&project(), "a").await.unwrap(), None);
    assert_eq!(count(&*store, "a").await.unwrap(), 1);
    assert_eq!(count(&*store, "a").await.unwrap(), 2);
    assert_eq!(store.entry::<Counter>(&project(), "a").await.unwrap(), Some(Counter(2)));
    assert_eq!(store.entry::<Counter>(&project(), "b").await.unwrap(), None);
    assert_eq!(store.entry::<Counter>(&other_project(), "a").await.unwrap(), None);
    assert_eq!(store.entry::<Note>(&project(), "a").await.unwrap(), None);
    assert_eq!(store.entry::<Counter>(&project(), "\0").await.unwrap(), None);
}

pub async fn entries_are_listed_by_name<S: Store>(store: Shared<S>) {
    for name in ["b", "C", "a"] {
        count(&*store, name).await.unwrap();
    }
    let names =
        |page: &crate::Page<(String, Counter)>| page.items.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let first = store.entries::<Counter>(&project(), None, 2).await.unwrap();
    assert_eq!((names(&first), first.more), (vec!["C".to_owned(), "a".to_owned()], true));
    let second = store.entries::<Counter>(&project(), Some("a"), 2).await.unwrap();
    assert_eq!((names(&second), second.more), (vec!["b".to_owned()], false));
    assert_eq!(store.entries::<Note>(&project(), None, 2).await.unwrap().items, []);
}

pub async fn a_refused_entry_change_changes_nothing<S: Store>(store: Shared<S>) {
    count(&*store, "a").await.unwrap();
    let refuse = |_: Option<Counter>| Err::<(EntryChange<Counter>, ()), _>("no");
    let refused = store.change_entry(&project(), "a", Vec::new(), refuse).await;
    assert!(matches!(refused, Err(ChangeError::Refused("no"))));
    let keep = |counter: Option<Counter>| Ok::<_, Never>((EntryChange::Keep, counter));
    assert_eq!(store.change_entry(&project(), "a", Vec::new(), keep).await.unwrap(), Some(Counter(1)));
    assert_eq!(store.change_entry(&project(), "b", Vec::new(), keep).await.unwrap(), None);
    assert_eq!(store.entry::<Counter>(&project(), "b").await.unwrap(), None);
}

pub async fn an_entry_is_removed<S: Store>(store: Shared<S>) {
    count(&*store, "a").await.unwrap();
    let remove = |_: Option<Counter>| Ok::<_, Never>((EntryChange::<Counter>::Remove, ()));
    store.change_entry(&project(), "a", Vec::new(), remove).await.unwrap();
    assert_eq!(store.entry::<Counter>(&project(), "a").await.unwrap(), None);
    store.change_entry(&project(), "a", Vec::new(), remove).await.unwrap();
    assert_eq!(count(&*store, "a").await.unwrap(), 1);
}

pub async fn concurrent_entry_changes_all_count<S: Store>(store: Shared<S>) {
    const TIMES: u32 = 20;
    let raise = |store: Shared<S>| async move {
        // Two that make the entry at once may collide.
        while let Err(error) = count(&*store, "a").await {
            assert!(matches!(error, ChangeError::Store(StoreError::Conflict(_))), "{error:?}");
        }
    };
    let all: Vec<_> = (0..TIMES).map(|_| tokio::spawn(raise(Arc::clone(&store)))).collect();
    for one in all {
        one.await.unwrap();
    }
    assert_eq!(store.entry::<Counter>(&project(), "a").await.unwrap(), Some(Counter(TIMES)));
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Place(u32);

impl Entry for Place {
    const KIND: &'static str = "place";
    const IS_INDEX: bool = true;
}

pub async fn an_entry_of_an_index_that_was_not_written_here_is_absent_and_replaced<S: Store>(store: Shared<S>) {
    let put = async |place: u32| {
        let decide = move |present: Option<Place>| Ok::<_, Never>((EntryChange::Put(Place(place)), present));
        store.change_entry(&project(), "a", Vec::new(), decide).await.unwrap()
    };
    assert_eq!(put(1).await, None);
    assert_eq!(put(2).await, Some(Place(1)));
    count(&*store, "a").await.unwrap();
    store.use_row_key(RowKey::new(1, Zeroizing::new([9; 32])));
    assert_eq!(store.entry::<Place>(&project(), "a").await.unwrap(), None);
    assert_eq!(put(3).await, None);
    assert_eq!(store.entry::<Place>(&project(), "a").await.unwrap(), Some(Place(3)));
    // Other entries are what counts, so they are not replaced.
    assert!(store.entry::<Counter>(&project(), "a").await.unwrap_err().is_foreign_row());
    assert!(count(&*store, "a").await.is_err());
}
