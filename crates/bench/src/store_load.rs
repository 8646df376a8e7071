//! `store`, its second part: what a store carries when many callers read or change at the same time.
//!
//! The baselines use the same database with equivalent statements and nothing in between: the value and its secret in one
//! prepared statement, and 32 changes in one transaction that is pipelined as a whole. PostgreSQL flushes to disk here.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use csms_core::{
    SecretName, StageName, UnixMillis,
    secret::{NewVersion, Secret},
};
use csms_store::{
    AuditEntry, ChainKey, ChangeError, PostgresSettings, PostgresStore, RowKey, SqliteSettings, SqliteStore, Store,
};
use csms_testbed::{
    Postgres,
    postgres::{ADMIN, DATABASE},
};
use futures_util::future::try_join_all;
use tokio::task::JoinSet;

use crate::{
    shared,
    store::{NOW, VALUE, name, project, secret},
};

/// Numbers of callers.
const CALLERS: [usize; 3] = [1, 16, 64];

/// Connections of the store, and of the baseline of reads.
const CONNECTIONS: usize = 16;

/// Changes in one transaction of the baseline of changes.
const GROUP: i64 = 32;

/// How often something was done in a second.
type Rate = f64;

/// Calls of `callers` tasks, each with its own secret, that end within the span.
async fn rate<F: Future<Output = Result<()>> + Send + 'static>(
    callers: usize,
    span: Duration,
    call: impl Fn(usize) -> F + Clone + Send + 'static,
) -> Result<Rate> {
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for caller in 0..callers {
        let call = call.clone();
        tasks.spawn(async move {
            let mut calls = 0_u64;
            while begun.elapsed() < span {
                call(caller).await?;
                calls += 1;
            }
            anyhow::Ok(calls)
        });
    }
    let mut calls = 0;
    while let Some(done) = tasks.join_next().await {
        calls += done??;
    }
    Ok(calls as f64 / begun.elapsed().as_secs_f64())
}

async fn read<S: Store>(store: &S, caller: usize) -> Result<()> {
    let wanted = SecretName::parse(name(caller)).ok().context("a name")?;
    let found = store.secret_value(&project()?, &wanted, None, |secret| secret.staged(&StageName::current())).await;
    anyhow::ensure!(found.map_err(|_| anyhow::anyhow!("not found"))?.sealed.len() == VALUE);
    Ok(())
}

/// Adds a version, with a record of it that is as long as the server's own.
async fn change<S: Store>(store: &S, chain: Arc<ChainKey>, caller: usize) -> Result<()> {
    let wanted = SecretName::parse(name(caller)).ok().context("a name")?;
    let decide = move |draft: &mut csms_store::Draft| {
        let added = draft.secret.add_version(NewVersion::default(), UnixMillis::new(NOW.as_millis() + 1))?.id;
        draft.put_value(added, vec![7; VALUE]);
        let name = draft.secret.name.as_str();
        let document = format!(
            r#"{{"time":{},"actor":"{:032}","operation":"CreateSecretVersion","secret":"{name}","text":"{:0200}"}}"#,
            NOW.as_millis(),
            1,
            2
        );
        draft.put_audit(AuditEntry { secret: Some(name.to_owned()), document, chain });
        Ok::<_, csms_core::Refusal>(())
    };
    let changed: Result<(), ChangeError<csms_core::Refusal>> =
        store.change_secret(&project()?, &wanted, false, decide).await;
    changed.map_err(|error| anyhow::anyhow!("not changed: {error}"))
}

/// Rates of reads and of changes by the number of callers.
async fn measure<S: Store + Clone>(store: &S, span: Duration) -> Result<Vec<(Rate, Rate)>> {
    let chain = Arc::new(ChainKey::new(1, [7; 32].into()));
    for number in 0..CALLERS.into_iter().max().unwrap_or(1) {
        let secret: Secret = secret(number)?;
        store.create_secret(secret, vec![7; VALUE], u64::MAX, Vec::new()).await?;
    }
    let mut rates = Vec::new();
    for callers in CALLERS {
        let reader = store.clone();
        let reads = rate(callers, span, move |caller| {
            let store = reader.clone();
            async move { read(&store, caller).await }
        });
        let reads = reads.await?;
        let (writer, chain) = (store.clone(), Arc::clone(&chain));
        let changes = rate(callers, span, move |caller| {
            let (store, chain) = (writer.clone(), Arc::clone(&chain));
            async move { change(&store, chain, caller).await }
        });
        rates.push((reads, changes.await?));
    }
    Ok(rates)
}

/// The value and its secret in one prepared statement, on as many connections as the store has.
async fn plain_reads(server: &Postgres, callers: usize, span: Duration) -> Result<Rate> {
    let sql = "SELECT s.document, s.checksum, s.last_used_time, v.sealed FROM secrets s
         JOIN secret_values v ON v.secret_id = s.id AND v.version = $3 WHERE s.project = $1 AND s.name = $2";
    let mut clients = Vec::new();
    for _ in 0..callers.min(CONNECTIONS) {
        let client = server.admin().await?;
        let statement = client.prepare(sql).await?;
        clients.push((client, statement));
    }
    let (clients, project) = (Arc::new(clients), project()?);
    let calls = move |caller: usize| {
        let (clients, project) = (Arc::clone(&clients), project.clone());
        async move {
            let (client, statement) = clients.get(caller).context("a client")?;
            let row = client.query_one(statement, &[&project.as_str(), &name(caller), &1_i64]).await?;
            anyhow::ensure!(row.get::<_, &[u8]>(3).len() == VALUE);
            Ok(())
        }
    };
    rate(callers.min(CONNECTIONS), span, calls).await
}

/// Changes a second in transactions of [`GROUP`] changes, each pipelined as a whole.
async fn plain_changes(server: &Postgres, span: Duration) -> Result<Rate> {
    server
        .execute(
            "CREATE TABLE plain (id BIGINT PRIMARY KEY, document TEXT NOT NULL);
             CREATE TABLE plain_values (id BIGINT, version BIGINT, sealed BYTEA, PRIMARY KEY (id, version));
             CREATE TABLE plain_audit (number BIGINT PRIMARY KEY, document TEXT, link BYTEA)",
        )
        .await?;
    let client = server.admin().await?;
    let (document, sealed, link) = ("d".repeat(1200), vec![7_u8; VALUE], vec![7_u8; 32]);
    let insert = "INSERT INTO plain SELECT n, $1 FROM generate_series(0::BIGINT, 31) AS n";
    client.execute(insert, &[&document]).await?;
    let value = client.prepare("INSERT INTO plain_values VALUES ($1, $2, $3)").await?;
    let update = client.prepare("UPDATE plain SET document = $2 WHERE id = $1").await?;
    let record = client.prepare("INSERT INTO plain_audit VALUES ($1, $2, $3)").await?;
    let (begun, mut groups, text) = (Instant::now(), 0_i64, "a".repeat(350));
    while begun.elapsed() < span {
        client.batch_execute("BEGIN").await?;
        let (version, numbers) = (groups, groups * GROUP);
        let changes = (0..GROUP).map(|at| {
            let (client, value, update, record) = (&client, &value, &update, &record);
            let (document, sealed, link, text) = (&document, &sealed, &link, &text);
            async move {
                let number = numbers + at;
                let value = async { client.execute(value, &[&at, &version, sealed]).await };
                let update = async { client.execute(update, &[&at, document]).await };
                let record = async { client.execute(record, &[&number, text, link]).await };
                tokio::try_join!(value, update, record).map(drop)
            }
        });
        tokio::try_join!(try_join_all(changes), async { client.batch_execute("COMMIT").await })?;
        groups += 1;
    }
    Ok((groups * GROUP) as f64 / begun.elapsed().as_secs_f64())
}

/// The rows of the table.
pub(crate) async fn run(span: Duration, sqlite_only: bool) -> Result<Vec<Vec<String>>> {
    let mut rows = Vec::new();
    let mut row = |what: String, rate: Rate, baseline: Option<Rate>| {
        let ratio = baseline.map_or_else(String::new, |baseline| format!("{:.2}", rate / baseline));
        rows.push(vec![what, format!("{rate:.0}"), ratio]);
    };
    let directory = tempfile::tempdir()?;
    let store = SqliteStore::open(&directory.path().join("csms.db"), SqliteSettings::default())?;
    store.use_row_key(RowKey::new(1, [7; 32].into()));
    for (callers, (reads, changes)) in CALLERS.into_iter().zip(measure(&store, span).await?) {
        row(format!("SQLite: values at {callers}"), reads, None);
        row(format!("SQLite: changes at {callers}"), changes, None);
    }
    if sqlite_only {
        return Ok(rows);
    }
    let server = shared::database().await?;
    let address = format!("postgres://{ADMIN}@127.0.0.1:{}/{DATABASE}", server.port());
    let password = Some(server.admin_password().to_owned().into());
    let settings = PostgresSettings { password, max_connections: CONNECTIONS, ..PostgresSettings::at(address) };
    let store = PostgresStore::open(&settings).await?;
    store.use_row_key(RowKey::new(1, [7; 32].into()));
    let measured = measure(&store, span).await?;
    let grouped = plain_changes(&server, span).await?;
    for (callers, (reads, changes)) in CALLERS.into_iter().zip(measured) {
        let plain = plain_reads(&server, callers, span).await?;
        row(format!("PostgreSQL: values at {callers}"), reads, Some(plain));
        row(format!("PostgreSQL alone: values at {}", callers.min(CONNECTIONS)), plain, None);
        row(format!("PostgreSQL: changes at {callers}"), changes, Some(grouped));
    }
    row(format!("PostgreSQL alone: changes, {GROUP} in a transaction"), grouped, None);
    // A second server on the same database, each with half of the callers.
    let (first, second) = (store.clone(), PostgresStore::open(&settings).await?);
    second.use_row_key(RowKey::new(1, [7; 32].into()));
    let chain = Arc::new(ChainKey::new(1, [7; 32].into()));
    let both = rate(64, span, move |caller| {
        let (store, chain) = (if caller % 2 == 0 { first.clone() } else { second.clone() }, Arc::clone(&chain));
        async move { change(&store, chain, caller).await }
    });
    row("PostgreSQL, two servers: changes at 64".to_owned(), both.await?, Some(grouped));
    Ok(rows)
}
