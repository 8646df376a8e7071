//! Searches of secrets by name, tags and enterprise project, beside a plain loop over all secrets.

use std::collections::BTreeMap;

use csms_core::tag::{Tag, TagFilter, TagKey, TagValue};

use super::*;
use crate::{Found, SecretFilter, Window};

/// Numbers that are the same in each run (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).unwrap()
    }

    fn one<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.below(texts.len())]
    }

    fn some<T>(&mut self, most: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| make(self)).collect()
    }
}

const SYLLABLES: [&str; 8] = ["prod", "Prod", "db", "a_b", "aXb", "-", "x", "order"];
const PARTS: [&str; 17] = [
    "pr",
    "ROD",
    "prod",
    "od",
    "d",
    "a_b",
    "axb",
    "_",
    "orderprod",
    "b-x",
    "aaa",
    "",
    "é",
    "%",
    "p%d",
    "\0",
    "prodprodprod",
];
const KEYS: [&str; 4] = ["env", "team", "环境", "a b"];
const VALUES: [&str; 5] = ["", "prod", "test", "正式", "a/b=c"];
/// What a store may stumble over is among them.
const ENTERPRISES: [&str; 4] = ["0", "enterprise-1", "quoted \" \\ \u{0} ü", ""];

fn some_tags(numbers: &mut Numbers) -> Vec<Tag> {
    let pairs: BTreeMap<_, _> =
        numbers.some(3, |numbers| (numbers.one(&KEYS), numbers.one(&VALUES))).into_iter().collect();
    let tag = |(key, value)| Tag { key: TagKey::parse(key).unwrap(), value: TagValue::parse(value).unwrap() };
    pairs.into_iter().map(tag).collect()
}

fn some_secret(numbers: &mut Numbers) -> Secret {
    let count = numbers.below(5) + 1;
    let text: String = (0..count).map(|_| numbers.one(&SYLLABLES)).collect();
    let mut secret = common(&text);
    secret.description = "\u{0} says \"tags\":[{\"key\":\"env\",\"value\":\"prod\"}]".to_owned();
    secret.tags = some_tags(numbers);
    secret.enterprise_project_id = numbers.one(&ENTERPRISES).to_owned();
    secret
}

fn some_filter(numbers: &mut Numbers) -> SecretFilter {
    let tag = |numbers: &mut Numbers| TagFilter {
        key: TagKey::parse(numbers.one(&KEYS)).unwrap(),
        values: numbers.some(3, |numbers| TagValue::parse(numbers.one(&VALUES)).unwrap()),
    };
    SecretFilter {
        names: numbers.some(2, |numbers| numbers.one(&PARTS).to_owned()),
        tags: numbers.some(2, tag),
        enterprise_project: numbers.some(1, |numbers| numbers.one(&ENTERPRISES).to_owned()).pop(),
    }
}

fn fits(secret: &Secret, filter: &SecretFilter) -> bool {
    let name = secret.name.as_str().to_ascii_lowercase();
    let has_part = |part: &String| !part.is_empty() && name.contains(&part.to_ascii_lowercase());
    let has_tag = |wanted: &TagFilter| {
        secret.tags.iter().any(|tag| {
            tag.key.as_str() == wanted.key.as_str()
                && (wanted.values.is_empty() || wanted.values.iter().any(|value| value.as_str() == tag.value.as_str()))
        })
    };
    let is_inside = |wanted: &String| secret.enterprise_project_id == *wanted;
    filter.names.iter().all(has_part)
        && filter.tags.iter().all(has_tag)
        && filter.enterprise_project.iter().all(is_inside)
}

/// Compares what the store finds with the loop. Returns how many filters found something.
async fn compare<S: Store>(store: &S, all: &BTreeMap<String, Secret>, numbers: &mut Numbers) -> usize {
    let mut with_results = 0;
    for _ in 0..120 {
        let filter = some_filter(numbers);
        let fitting: Vec<_> = all.values().filter(|secret| fits(secret, &filter)).cloned().collect();
        let count = store.count_secrets(&project(), &filter).await.unwrap();
        assert_eq!(count, fitting.len() as u64, "{filter:?}");
        let (offset, limit) = (numbers.below(4), numbers.below(5) + 1);
        let after = numbers.some(1, |numbers| numbers.one(&["a", "prod", "x"])).pop();
        let behind: Vec<_> = fitting
            .iter()
            .filter(|secret| after.is_none_or(|after| secret.name.as_str() > after))
            .skip(offset)
            .collect();
        let window = Window { after, offset: u32::try_from(offset).unwrap(), limit: u16::try_from(limit).unwrap() };
        let page = store.find_secrets(&project(), &filter, window).await.unwrap();
        assert!(page.items.iter().eq(behind.iter().copied().take(limit)), "{filter:?} {window:?}: {page:?}");
        assert_eq!(page.more, behind.len() > limit, "{filter:?} {window:?}");
        let found = store.find_and_count_secrets(&project(), &filter, window).await.unwrap();
        assert_eq!(found, Found { page, total: count }, "{filter:?} {window:?}");
        with_results += usize::from(!fitting.is_empty());
    }
    with_results
}

/// Has one of many things happen to one of the secrets.
async fn change_some<S: Store>(store: &S, all: &mut BTreeMap<String, Secret>, numbers: &mut Numbers) {
    let name = all.values().nth(numbers.below(all.len())).unwrap().name.clone();
    let stored = async || store.secret(&project(), &name).await.unwrap();
    match numbers.below(6) {
        0 => {
            let tags = some_tags(numbers);
            change(store, &name, move |draft| draft.secret.tags = tags).await;
        }
        1 => {
            let enterprise = numbers.one(&ENTERPRISES).to_owned();
            change(store, &name, move |draft| draft.secret.enterprise_project_id = enterprise).await;
        }
        2 => drop(change(store, &name, add_version).await),
        3 => change(store, &name, |draft| draft.secret.description = "another".to_owned()).await,
        4 => change(store, &name, Draft::delete).await,
        _ => {
            let before = stored().await.unwrap();
            change(store, &name, Draft::delete).await;
            let values = before.versions().iter().map(|version| (version.id, sealed(&name, version.id)));
            let values = values.collect();
            store.restore_secret(before, values, u64::MAX, Vec::new()).await.unwrap();
        }
    }
    match stored().await {
        Some(secret) => drop(all.insert(name.to_string(), secret)),
        None => drop(all.remove(name.as_str())),
    }
}

pub async fn searches_find_what_a_loop_over_all_secrets_finds<S: Store>(store: Shared<S>) {
    let (mut numbers, mut all) = (Numbers(1), BTreeMap::new());
    // Of another project, so never found.
    let mut elsewhere = some_secret(&mut numbers);
    elsewhere.project = other_project();
    put(&*store, &elsewhere).await;
    for _ in 0..3 {
        for _ in 0..30 {
            let secret = some_secret(&mut numbers);
            if !all.contains_key(secret.name.as_str()) {
                put(&*store, &secret).await;
                all.insert(secret.name.to_string(), secret);
            }
        }
        let with_results = compare(&*store, &all, &mut numbers).await;
        assert!((20..100).contains(&with_results), "{with_results} filters found something");
        for _ in 0..25 {
            change_some(&*store, &mut all, &mut numbers).await;
        }
        compare(&*store, &all, &mut numbers).await;
    }
}

fn with_tags(mut secret: Secret, pairs: &[(&str, &str)]) -> Secret {
    let tag = |(key, value): &(&str, &str)| Tag {
        key: TagKey::parse(*key).unwrap(),
        value: TagValue::parse(*value).unwrap(),
    };
    secret.tags = pairs.iter().map(tag).collect();
    secret
}

pub async fn the_tags_of_a_project_come_once_and_in_order<S: Store>(store: Shared<S>) {
    let elsewhere = create(&other_project(), new_secret("elsewhere"), at(1));
    let mut moved = common("moved");
    moved.enterprise_project_id = "enterprise".to_owned();
    for secret in [
        with_tags(common("a"), &[("team", "b"), ("env", "prod")]),
        with_tags(common("b"), &[("env", "prod"), ("team", "a")]),
        with_tags(elsewhere, &[("theirs", "1")]),
        moved,
    ] {
        put(&*store, &secret).await;
    }
    let tags = || async { store.project_tags(&project()).await.unwrap() };
    let pairs = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(tags().await, pairs(&[("env", "prod"), ("team", "a"), ("team", "b")]));
    change(&*store, &name("b"), |draft| draft.secret.tags.clear()).await;
    assert_eq!(tags().await, pairs(&[("env", "prod"), ("team", "b")]));
    change(&*store, &name("a"), Draft::delete).await;
    assert_eq!(tags().await, []);
}

pub async fn a_replica_is_found_by_the_tags_of_its_primary<S: Store>(store: Shared<S>) {
    replicas::replicated(&*store, "db").await;
    let filter = SecretFilter {
        names: vec!["DB".to_owned()],
        tags: vec![TagFilter { key: TagKey::parse("env").unwrap(), values: Vec::new() }],
        enterprise_project: None,
    };
    let count = || async { store.count_secrets(&other_project(), &filter).await.unwrap() };
    assert_eq!(count().await, 0);
    change(&*store, &name("db"), |draft| draft.secret.tags = with_tags(common("db"), &[("env", "prod")]).tags).await;
    assert_eq!(count().await, 1);
    change(&*store, &name("db"), |draft| draft.secret.tags.clear()).await;
    assert_eq!(count().await, 0);
}

pub async fn a_page_and_its_count_are_of_one_instant<S: Store>(store: Shared<S>) {
    const SECRETS: usize = 60;
    put(&*store, &common("part-first")).await;
    let creating = {
        let store = store.clone();
        tokio::spawn(async move {
            for number in 0..SECRETS {
                put(&*store, &common(&format!("part-{number}"))).await;
            }
        })
    };
    let window = Window { after: None, offset: 0, limit: 100 };
    let all = SecretFilter::default();
    let filters = [all.clone(), SecretFilter { names: vec!["part".to_owned()], ..all }];
    let mut number = 0;
    while number <= SECRETS {
        for filter in &filters {
            let found = store.find_and_count_secrets(&project(), filter, window).await.unwrap();
            number = found.page.items.len();
            assert_eq!(found.total, number as u64, "{filter:?}");
        }
    }
    creating.await.unwrap();
}
