//! `store --scale N`: what an embedded store takes with N secrets and ten audit records for each, beside a hundredth of both.
//!
//! Every secret has two tags: one of three that a third of them share, and one that a hundred share, so that a search finds as
//! many however many there are. What the tables of searches cost a writer is measured beside the same store without their
//! triggers. PostgreSQL is not measured here.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use csms_core::{
    Refusal, SecretName, StageName, UnixMillis,
    secret::{NewVersion, Secret},
    tag::{Tag, TagFilter, TagKey, TagValue},
};
use csms_store::{
    AuditCheckpoint, AuditEntry, AuditFilter, ChainCheck, ChainKey, Draft, RowKey, SecretFilter, SqliteSettings,
    SqliteStore, Store, Window,
};
use rusqlite::Connection;
use tokio::task::JoinSet;

use crate::{
    store::{NOW, VALUE, name, progress, project, secret, times},
    table,
};

/// Audit records for each secret.
const RECORDS: usize = 10;

/// Secrets that share a team.
const TEAM: usize = 100;

/// Whoever leaves records.
const ACTORS: usize = 50;

/// Fewest secrets: a hundredth of them has records enough for a full page of each search.
const LEAST: usize = 25_000;

/// Secrets or records that are written in one go.
const BATCH: usize = 1000;

/// Items of a page.
const PAGE: u16 = 50;

/// Runs of what is done once.
const RUNS: usize = 5;

/// What was measured: its name, and how long it takes, in microseconds.
type Figures = Vec<(&'static str, f64)>;

fn chain() -> Arc<ChainKey> {
    Arc::new(ChainKey::new(1, [7; 32].into()))
}

fn open(path: &Path) -> Result<SqliteStore> {
    let store = SqliteStore::open(path, SqliteSettings::default())?;
    store.use_row_key(RowKey::new(1, [7; 32].into()));
    Ok(store)
}

fn key(text: &str) -> Result<TagKey> {
    TagKey::parse(text).ok().context("a key")
}

fn value(text: impl Into<String>) -> Result<TagValue> {
    TagValue::parse(text).ok().context("a value")
}

fn team(number: usize) -> Result<TagValue> {
    value(format!("team-{}", number / TEAM))
}

fn tagged(number: usize) -> Result<Secret> {
    let environment = ["dev", "test", "prod"].get(number % 3).copied().unwrap_or_default();
    let tags = vec![
        Tag { key: key("environment")?, value: value(environment)? },
        Tag { key: key("team")?, value: team(number)? },
    ];
    let mut secret = secret(number)?;
    secret.tags = tags;
    Ok(secret)
}

/// Creates the secrets of these numbers, each [`BATCH`] at the same time, and returns how long that took.
async fn create(store: &SqliteStore, mut numbers: std::ops::Range<usize>) -> Result<Duration> {
    let begun = Instant::now();
    loop {
        let mut batch = JoinSet::new();
        for number in numbers.by_ref().take(BATCH) {
            let (store, secret) = (store.clone(), tagged(number)?);
            batch.spawn(async move { store.create_secret(secret, vec![7; VALUE], u64::MAX, Vec::new()).await });
        }
        if batch.is_empty() {
            return Ok(begun.elapsed());
        }
        while let Some(created) = batch.join_next().await {
            created??;
        }
    }
}

/// Adds a version to each of these secrets, as [`create`] creates them.
async fn add_versions(store: &SqliteStore, mut numbers: std::ops::Range<usize>) -> Result<Duration> {
    let (begun, project) = (Instant::now(), project()?);
    loop {
        let mut batch = JoinSet::new();
        for number in numbers.by_ref().take(BATCH) {
            let (store, project) = (store.clone(), project.clone());
            let wanted = SecretName::parse(name(number)).ok().context("a name")?;
            let decide = |draft: &mut Draft| {
                let added = draft.secret.add_version(NewVersion::default(), NOW)?.id;
                draft.put_value(added, vec![7; VALUE]);
                Ok::<_, Refusal>(())
            };
            batch.spawn(async move { store.change_secret(&project, &wanted, false, decide).await });
        }
        if batch.is_empty() {
            return Ok(begun.elapsed());
        }
        while let Some(changed) = batch.join_next().await {
            changed?.map_err(|error| anyhow::anyhow!("not changed: {error}"))?;
        }
    }
}

async fn fill(store: &SqliteStore, secrets: usize) -> Result<()> {
    progress(&format!("loading {secrets} secrets and {} records", secrets * RECORDS));
    create(store, 0..secrets).await?;
    let (chain, records) = (chain(), secrets * RECORDS);
    for first in (0..records).step_by(BATCH) {
        let record = |number: usize| {
            let name = name(number % secrets);
            let document = format!(
                r#"{{"time":{},"actor":"user-{}","operation":"CreateSecretVersion","secret":"{name}","text":"{:0200}"}}"#,
                NOW.as_millis() + number as u64,
                number % ACTORS,
                0
            );
            AuditEntry { secret: Some(name), document, chain: Arc::clone(&chain) }
        };
        store.append_audit((first..records.min(first + BATCH)).map(record).collect()).await?;
    }
    Ok(())
}

fn micros(duration: Duration, items: usize) -> f64 {
    duration.as_secs_f64() * 1e6 / items.max(1) as f64
}

/// The time below which 99 of 100 values are read, alone and while all secrets are counted without a pause.
async fn beside_counts(store: &SqliteStore, secrets: usize, calls: usize) -> Result<Figures> {
    let project = project()?;
    let read = async || {
        let reads = times(calls, secrets, async |number| {
            let wanted = SecretName::parse(name(number)).ok().context("a name")?;
            let found =
                store.secret_value(&project, &wanted, None, |secret| secret.staged(&StageName::current())).await;
            anyhow::ensure!(found.map_err(|_| anyhow::anyhow!("not found"))?.sealed.len() == VALUE);
            // What waits for this thread gets it.
            tokio::task::yield_now().await;
            Ok(())
        });
        Ok::<_, anyhow::Error>(reads.await?.micros(0.99))
    };
    let alone = read().await?;
    let counting = tokio::spawn({
        let (store, project) = (store.clone(), project.clone());
        async move {
            let filter = SecretFilter { names: vec!["Data".to_owned()], ..SecretFilter::default() };
            while store.count_secrets(&project, &filter).await.is_ok_and(|count| count == secrets as u64) {}
        }
    });
    let beside = read().await?;
    anyhow::ensure!(!counting.is_finished(), "a count failed");
    counting.abort();
    Ok(vec![("value, p99", alone), ("value beside counts of all secrets, p99", beside)])
}

/// Time of one call of each kind.
async fn reads(store: &SqliteStore, secrets: usize, calls: usize) -> Result<Figures> {
    let project = project()?;
    let window = Window { after: None, offset: 0, limit: PAGE };
    let mut figures = Vec::new();
    let point = times(calls, secrets, async |number| {
        let wanted = SecretName::parse(name(number)).ok().context("a name")?;
        let found = store.secret_value(&project, &wanted, None, |secret| secret.staged(&StageName::current())).await;
        anyhow::ensure!(found.map_err(|_| anyhow::anyhow!("not found"))?.sealed.len() == VALUE);
        Ok(())
    });
    figures.push(("value", point.await?.micros(0.5)));
    figures.extend(beside_counts(store, secrets, calls).await?);
    let page = times(calls, secrets, async |number| {
        store.list_secrets(&project, Some(&name(number)), PAGE, None).await?;
        Ok(())
    });
    figures.push(("page of 50", page.await?.micros(0.5)));
    let named = times(calls, secrets, async |number| {
        let filter = SecretFilter { names: vec![format!("{number:08}-D")], ..SecretFilter::default() };
        let count = store.count_secrets(&project, &filter).await?;
        anyhow::ensure!(count == 1 && store.find_secrets(&project, &filter, window).await?.items.len() == 1);
        Ok(())
    });
    figures.push(("search by name part, 1 found, and count", named.await?.micros(0.5)));
    let shared = times(calls, secrets, async |_| {
        let filter = SecretFilter { names: vec!["Data".to_owned()], ..SecretFilter::default() };
        store.find_secrets(&project, &filter, window).await?;
        Ok(())
    });
    figures.push(("page of 50 by name part, all found", shared.await?.micros(0.5)));
    let by_tag = times(calls, secrets, async |number| {
        let tag = |key: TagKey, value: TagValue| TagFilter { key, values: vec![value] };
        let tags = vec![tag(key("team")?, team(number)?), tag(key("environment")?, value("prod")?)];
        let filter = SecretFilter { tags, ..SecretFilter::default() };
        let count = store.count_secrets(&project, &filter).await?;
        let found = store.find_secrets(&project, &filter, window).await?;
        anyhow::ensure!(count > 0 && found.items.len() as u64 == count);
        Ok(())
    });
    figures.push(("search by two tags, up to 34 found, and count", by_tag.await?.micros(0.5)));
    let traces = times(calls, secrets, async |number| {
        let from = NOW.as_millis() + number as u64;
        let span = AuditFilter::between(UnixMillis::new(from), UnixMillis::new(from + 2500), PAGE);
        let filter = AuditFilter { actor: Some(format!("user-{}", number % ACTORS)), ..span };
        anyhow::ensure!(!store.find_audit_records(&filter).await?.is_empty());
        Ok(())
    });
    figures.push(("50 audit records by actor and time", traces.await?.micros(0.5)));
    let due = times(calls, secrets, async |_| {
        store.due_rotations(NOW, 1).await?;
        store.due_deletions(NOW, 1).await?;
        anyhow::ensure!(store.next_due_time().await?.is_some());
        Ok(())
    });
    figures.push(("one due, and the next due time", due.await?.micros(0.5)));
    Ok(figures)
}

/// Time for each record or secret of what goes through all of them, or a part.
async fn passes(store: &SqliteStore, secrets: usize) -> Result<Figures> {
    let (project, chain, records) = (project()?, chain(), secrets * RECORDS);
    let mut figures = Vec::new();
    let begun = Instant::now();
    let (mut check, mut read) = (ChainCheck::new(&chain), 0);
    loop {
        let page = store.audit_records(read, 1000, None).await?;
        let Some(last) = page.last() else { break };
        read = last.number;
        for record in &page {
            check.next(record).map_err(|_| anyhow::anyhow!("the chain is broken"))?;
        }
    }
    anyhow::ensure!(read == records as u64, "{read} of {records} records");
    figures.push(("verify, each record", micros(begun.elapsed(), records)));
    let archived = records as u64 / 2;
    let begun = Instant::now();
    let checkpoint = AuditCheckpoint { number: archived, document: "{}".to_owned(), signature: vec![7; 64] };
    store.put_audit_checkpoint(0, checkpoint, Vec::new()).await?;
    let (mut from, mut removed) = (None, 0);
    loop {
        let pruned = store.prune_audit(from, 1000).await?;
        (from, removed) = (pruned.next, removed + pruned.removed);
        if from.is_none() {
            break;
        }
    }
    anyhow::ensure!(removed == archived, "{removed} of {archived} records were removed");
    figures.push(("archive: remove, each record", micros(begun.elapsed(), records / 2)));
    let (purged, begun) = (secrets / 2, Instant::now());
    for first in (0..purged).step_by(BATCH) {
        let mut batch = JoinSet::new();
        for number in first..purged.min(first + BATCH) {
            let (store, project) = (store.clone(), project.clone());
            let wanted = SecretName::parse(name(number)).ok().context("a name")?;
            let delete = |draft: &mut Draft| {
                draft.delete();
                Ok::<_, Refusal>(())
            };
            batch.spawn(async move { store.change_secret(&project, &wanted, false, delete).await });
        }
        while let Some(deleted) = batch.join_next().await {
            deleted?.map_err(|error| anyhow::anyhow!("not deleted: {error}"))?;
        }
    }
    figures.push(("purge, each secret", micros(begun.elapsed(), purged)));
    Ok(figures)
}

/// All figures of a store with so many secrets.
async fn figures(secrets: usize, calls: usize) -> Result<Figures> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("csms.db");
    let store = open(&path)?;
    fill(&store, secrets).await?;
    let mut figures = reads(&store, secrets, calls).await?;
    store.close().await?;
    drop(store);
    let mut starts = Vec::new();
    for _ in 0..RUNS {
        let begun = Instant::now();
        let store = open(&path)?;
        anyhow::ensure!(store.next_due_time().await?.is_some());
        starts.push(micros(begun.elapsed(), 1));
        store.close().await?;
    }
    starts.sort_unstable_by(f64::total_cmp);
    figures.push(("start-up", starts.get(RUNS / 2).copied().unwrap_or_default()));
    figures.extend(passes(&open(&path)?, secrets).await?);
    Ok(figures)
}

/// What creations and versions cost with the tables of searches and without them: microseconds of each in either case.
async fn writes(secrets: usize) -> Result<Vec<(&'static str, f64, f64)>> {
    progress("creating secrets with and without the tables of searches");
    let directory = tempfile::tempdir()?;
    let (with, without) = (directory.path().join("with.db"), directory.path().join("without.db"));
    open(&without)?.close().await?;
    let triggers = ["secrets_searchable", "secrets_tagged", "secrets_not_searchable"];
    let database = Connection::open(&without)?;
    for trigger in triggers {
        database.execute_batch(&format!("DROP TRIGGER {trigger}"))?;
    }
    drop(database);
    let (with, without) = (open(&with)?, open(&without)?);
    let (mut created, mut changed) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    // Turn by turn, so that what else the machine does is felt by both.
    for run in 0..RUNS {
        for (place, store) in [&with, &without].into_iter().enumerate() {
            let numbers = run * secrets..(run + 1) * secrets;
            if let (Some(created), Some(changed)) = (created.get_mut(place), changed.get_mut(place)) {
                created.push(micros(create(store, numbers.clone()).await?, secrets));
                changed.push(micros(add_versions(store, numbers).await?, secrets));
            }
        }
    }
    let median = |mut figures: Vec<f64>| {
        figures.sort_unstable_by(f64::total_cmp);
        figures.get(RUNS / 2).copied().unwrap_or_default()
    };
    let [created_with, created_without] = created.map(median);
    let [changed_with, changed_without] = changed.map(median);
    Ok(vec![("CreateSecret with two tags", created_without, created_with), ("version", changed_without, changed_with)])
}

/// The rows of both tables: reads and passes by the number of secrets, and writes by what they keep.
async fn measure(secrets: usize, calls: usize) -> Result<[Vec<Vec<String>>; 2]> {
    let small = figures(secrets / 100, calls).await?;
    let large = figures(secrets, calls).await?;
    let row = |what: &str, before: f64, after: f64| {
        vec![what.to_owned(), table::micros(before), table::micros(after), format!("{:.2}", after / before)]
    };
    let reads = small.iter().zip(large).map(|((what, before), (_, after))| row(what, *before, after)).collect();
    let writes = writes((secrets / 20).clamp(1, 5000)).await?;
    Ok([reads, writes.into_iter().map(|(what, before, after)| row(what, before, after)).collect()])
}

/// Runs the benchmark.
pub(crate) async fn run(secrets: usize, calls: usize) -> Result<()> {
    anyhow::ensure!(secrets >= LEAST, "at least {LEAST} secrets");
    let [reads, writes] = measure(secrets, calls).await?;
    let counts = [format!("{} secrets, µs", secrets / 100), format!("{secrets} secrets, µs")];
    table::print(&["", &counts[0], &counts[1], "ratio"], &reads);
    println!();
    table::print(&["", "without the tables, µs", "with them, µs", "ratio"], &writes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    #[allow(clippy::unwrap_used, reason = "this is a test")]
    async fn a_small_store_is_measured_in_every_way() {
        let [reads, writes] = measure(2000, 3).await.unwrap();
        for row in reads.iter().chain(&writes) {
            let figures = row[1..].iter().map(|figure| figure.parse::<f64>().unwrap());
            assert!(figures.into_iter().all(|figure| figure > 0.0 && figure.is_finite()), "{row:?}");
        }
        assert_eq!((reads.len(), writes.len()), (13, 2));
    }
}
