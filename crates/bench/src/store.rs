//! `store`: what the stores take to find due secrets, a page of a list and one value, by how many secrets there are.
//!
//! The secrets are loaded through the store's own schema: rows of the embedded store by its own statements, many to a commit,
//! and from there into PostgreSQL by `csms migrate`'s own code, which reads every row back. So the load is measured, too.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use csms_core::{
    FunctionUrn, KeyId, ProjectId, RotationConfig, RotationPeriod, Secret, SecretId, SecretName, SecretType, StageName,
    UnixMillis, secret::NewSecret,
};
use csms_store::{
    PostgresSettings, PostgresStore, RowKey, SqliteSettings, SqliteStore, Store, transfer::move_to_postgres,
};
use csms_testbed::{
    Postgres,
    postgres::{ADMIN, DATABASE},
};
use tokio::task::JoinSet;

use crate::{scale, store_load, table};

/// Bytes of a sealed value: 256 and what encryption adds.
pub(crate) const VALUE: usize = 320;

/// Of how many secrets one is due.
const ONE_IN: usize = 1000;

/// Now, for the benchmark: some day in 2026.
pub(crate) const NOW: UnixMillis = UnixMillis::new(1_790_000_000_000);

/// Measure due secrets, list pages and point reads by the number of secrets, on both stores.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Numbers of secrets.
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 1_000_000])]
    secrets: Vec<usize>,
    /// Calls of each kind that are measured.
    #[arg(long, default_value_t = 2000)]
    calls: usize,
    /// Leave PostgreSQL out.
    #[arg(long)]
    sqlite_only: bool,
    /// Measure only what many callers at the same time reach.
    #[arg(long)]
    load_only: bool,
    /// Measure only an embedded store of this number of secrets, at least 25000, with ten audit records for each, beside one of a
    /// hundredth.
    #[arg(long, conflicts_with_all = ["secrets", "load_only"])]
    scale: Option<usize>,
    /// Milliseconds that each number of callers is measured.
    #[arg(long, default_value_t = 2000)]
    span: u64,
}

pub(crate) fn project() -> Result<ProjectId> {
    ProjectId::parse("0".repeat(32)).map_err(|_| anyhow::anyhow!("a project id"))
}

pub(crate) fn name(number: usize) -> String {
    format!("service-{number:08}-database")
}

/// The secret of this number: rotated every 30 days, and due if its number says so.
pub(crate) fn secret(number: usize) -> Result<Secret> {
    let urn = format!("urn:fss:local-1:{}:function:default:rotate-database:latest", "0".repeat(32));
    let new = NewSecret {
        name: SecretName::parse(name(number)).ok().context("a name")?,
        description: "password of a database".to_owned(),
        secret_type: SecretType::RdsFg,
        auto_rotation: true,
        rotation_period: RotationPeriod::parse("30d").ok(),
        rotation_config: RotationConfig::parse(r#"{"InstanceId":"instance","SecretSubType":"SingleUser"}"#).ok(),
        rotation_func_urn: FunctionUrn::parse(&urn).ok(),
        event_subscriptions: Vec::new(),
        enterprise_project_id: "0".to_owned(),
    };
    let id = SecretId::parse(format!("11111111-1111-4111-8111-{number:012x}")).ok().context("an id")?;
    let key = KeyId::parse("22222222-2222-4222-8222-222222222222").ok().context("a key")?;
    const DAY: u64 = 86_400_000;
    // Made 31 days ago, so due; or on one of the last 29 days.
    let age = if number.is_multiple_of(ONE_IN) { 31 * DAY } else { (number as u64 * 7919) % (29 * DAY) };
    Ok(Secret::create(id, project()?, new, key, UnixMillis::new(NOW.as_millis() - age)))
}

/// Fills an embedded store. Many are handed in at once, so that they share commits.
async fn fill(store: &SqliteStore, secrets: usize) -> Result<Duration> {
    let begun = Instant::now();
    let mut numbers = 0..secrets;
    loop {
        let mut batch = JoinSet::new();
        for number in numbers.by_ref().take(2000) {
            let (store, secret) = (store.clone(), secret(number)?);
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

/// How long calls took.
pub(crate) struct Times(Vec<Duration>);

impl Times {
    /// The time below which this part of the calls took, in microseconds.
    pub(crate) fn micros(&self, part: f64) -> f64 {
        let index = ((self.0.len() as f64 * part) as usize).min(self.0.len().saturating_sub(1));
        self.0.get(index).map_or(0.0, |time| time.as_secs_f64() * 1e6)
    }

    fn at(&self, part: f64) -> String {
        table::micros(self.micros(part))
    }
}

/// Calls one after the other, on secrets all over the store.
pub(crate) async fn times(calls: usize, secrets: usize, call: impl AsyncFn(usize) -> Result<()>) -> Result<Times> {
    let mut times = Vec::with_capacity(calls);
    // The first calls compile statements and open connections.
    for index in 0..calls + 50 {
        let number = (index.wrapping_mul(2_654_435_761)) % secrets;
        let begun = Instant::now();
        call(number).await?;
        if index >= 50 {
            times.push(begun.elapsed());
        }
    }
    times.sort_unstable();
    Ok(Times(times))
}

/// The rows of a store in the table.
async fn measure<S: Store>(kind: &str, store: &S, secrets: usize, calls: usize) -> Result<Vec<Vec<String>>> {
    let project = project()?;
    let due = times(calls, secrets, async |_| {
        let due = store.due_rotations(NOW, 100).await?;
        anyhow::ensure!(due.len() == (secrets / ONE_IN).min(100), "{} are due", due.len());
        Ok(())
    });
    let due = due.await?;
    let next = times(calls, secrets, async |_| {
        anyhow::ensure!(store.next_due_time().await?.is_some());
        Ok(())
    });
    let next = next.await?;
    let page = times(calls, secrets, async |number| {
        let page = store.list_secrets(&project, Some(&name(number)), 50, None).await?;
        anyhow::ensure!(page.items.len() == 50.min(secrets - number - 1), "a short page");
        Ok(())
    });
    let page = page.await?;
    let read = times(calls, secrets, async |number| {
        let wanted = SecretName::parse(name(number)).ok().context("a name")?;
        let found = store.secret_value(&project, &wanted, None, |secret| secret.staged(&StageName::current())).await;
        let found = found.map_err(|_| anyhow::anyhow!("not found"))?;
        anyhow::ensure!(found.sealed.len() == VALUE);
        Ok(())
    });
    let read = read.await?;
    let rows = [("100 due of a thousandth", due), ("next due time", next), ("page of 50", page), ("value", read)];
    Ok(rows
        .into_iter()
        .map(|(what, times)| vec![format!("{kind}, {secrets}: {what}"), times.at(0.5), times.at(0.99)])
        .collect())
}

fn per_second(secrets: usize, duration: Duration) -> String {
    format!("{:.0}", secrets as f64 / duration.as_secs_f64())
}

/// Runs the benchmark.
pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    if let Some(secrets) = arguments.scale {
        return scale::run(secrets, arguments.calls).await;
    }
    let (mut rows, mut loads) = (Vec::new(), Vec::new());
    for &secrets in arguments.secrets.iter().filter(|_| !arguments.load_only) {
        anyhow::ensure!(secrets >= ONE_IN, "at least {ONE_IN} secrets");
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("csms.db");
        let store = SqliteStore::open(&path, SqliteSettings::default())?;
        store.use_row_key(RowKey::new(1, [7; 32].into()));
        progress(&format!("loading {secrets} secrets"));
        let load = fill(&store, secrets).await?;
        loads.push(vec![format!("create in SQLite, {secrets}"), per_second(secrets, load)]);
        rows.extend(measure("SQLite", &store, secrets, arguments.calls).await?);
        drop(store);
        if !arguments.sqlite_only {
            let (load, measured) = postgres(&path, secrets, arguments.calls).await?;
            loads.push(vec![format!("migrate to PostgreSQL with verification, {secrets}"), per_second(secrets, load)]);
            rows.extend(measured);
        }
    }
    if !arguments.load_only {
        table::print(&["", "p50 µs", "p99 µs"], &rows);
        println!();
        table::print(&["", "secrets per second"], &loads);
        println!();
    }
    progress("many callers at the same time");
    let rates = store_load::run(Duration::from_millis(arguments.span), arguments.sqlite_only).await?;
    table::print(&["", "per second", "× the database alone"], &rates);
    Ok(())
}

/// Moves the file into a PostgreSQL of its own, and measures that.
async fn postgres(path: &Path, secrets: usize, calls: usize) -> Result<(Duration, Vec<Vec<String>>)> {
    let server = Postgres::start().await?;
    let address = format!("postgres://{ADMIN}@127.0.0.1:{}/{DATABASE}", server.port());
    let password = Some(server.admin_password().to_owned().into());
    let settings = PostgresSettings { password, ..PostgresSettings::at(address) };
    progress("moving them to PostgreSQL");
    let begun = Instant::now();
    move_to_postgres(path, &settings).await?;
    let load = begun.elapsed();
    // As its own housekeeping would do some time after a load.
    server.execute("ANALYZE").await?;
    let store = PostgresStore::open(&settings).await?;
    store.use_row_key(RowKey::new(1, [7; 32].into()));
    Ok((load, measure("PostgreSQL", &store, secrets, calls).await?))
}

#[allow(clippy::print_stderr, reason = "progress does not belong to the result")]
pub(crate) fn progress(what: &str) {
    eprintln!("{what}");
}
