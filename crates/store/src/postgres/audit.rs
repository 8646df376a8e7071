//! Statements about the audit trail.
//!
//! Replicas append to one chain. Whoever appends locks the row of the head, so others that want to append wait until it
//! commits; that is why appending comes last in every transaction, and why no two of them can wait for each other.

use std::time::Duration;

use futures_util::future::join3;
use tokio_postgres::{Row, types::ToSql};

use super::{
    failure::column,
    groups::Uncommitted,
    identities::can_be_held,
    session::{COMMITTING, Parameters, Session},
    tasks::millis,
};
use crate::{
    audit::{self, AuditCheckpoint, AuditEntry, AuditHead, AuditRecord, Pruned, SearchColumns},
    bound::RowKey,
    error::{Cause, StoreError},
    row::{count, key_number},
    search::{AuditFilter, Dialect, Parameter, Statement},
};

const READING: &str = "reading the audit trail";
const WRITING: &str = "writing the audit trail";

const HEAD: &str = "SELECT number, link, seal, key_number, least_key, key_print FROM audit_head WHERE singleton = 1";
pub(super) const LOCK_HEAD: &str =
    "SELECT number, link, seal, key_number, least_key, key_print FROM audit_head WHERE singleton = 1 FOR UPDATE";
pub(super) const AFTER: &str = "SELECT number, secret, document, link, key_number, time, actor, subject FROM audit
     WHERE number > greatest($1, (SELECT number FROM audit_checkpoint WHERE singleton = 1)) ORDER BY number LIMIT $2";
const OF_SECRET: &str = "SELECT number, secret, document, link, key_number, time, actor, subject FROM audit
     WHERE secret = $3 AND number > greatest($1, (SELECT number FROM audit_checkpoint WHERE singleton = 1))
     ORDER BY number LIMIT $2";
pub(super) const PRUNE: &str = "DELETE FROM audit WHERE number >= $1 AND number < $2
     AND number <= (SELECT number FROM audit_checkpoint WHERE singleton = 1)";

async fn read_head(session: &Session, sql: &str) -> Result<AuditHead, StoreError> {
    head_in(&session.rows(sql, &[], READING).await?)
}

pub(super) async fn head(session: &Session) -> Result<AuditHead, StoreError> {
    read_head(session, HEAD).await
}

/// The head in the rows that [`LOCK_HEAD`] finds.
pub(super) fn head_in(rows: &[Row]) -> Result<AuditHead, StoreError> {
    let row = rows.first().ok_or_else(|| StoreError::Corrupt(Cause::new("the head of the audit trail is missing")))?;
    Ok(AuditHead {
        number: count(column(row, 0, READING)?)?,
        link: column(row, 1, READING)?,
        seal: column(row, 2, READING)?,
        key_number: key_number(column(row, 3, READING)?)?,
        least_key: key_number(column(row, 4, READING)?)?,
        key_print: column(row, 5, READING)?,
    })
}

/// Requires that the root key under which the transaction has bound rows is still in use, until it ends. A change of the root key
/// waits for the tables that it has written to, so the head need not be locked.
async fn require_key_in_use(session: &Session) -> Result<(), StoreError> {
    if session.bound() == 0 {
        return Ok(());
    }
    session.require_key_in_use(&head(session).await?)
}

/// Appends the records of a change of the root key, and lets nothing be written from then on but under this key.
pub(super) async fn take_into_use(session: &Session, key: &RowKey, entries: Vec<AuditEntry>) -> Result<(), StoreError> {
    let head = read_head(session, LOCK_HEAD).await?;
    let least_key = head.least_key.max(key.number());
    // In this order: the head must name the new key when older ones are refused.
    write(session, audit::extend(&AuditHead { least_key, ..head }, entries)?, || async { Ok(()) }).await.0?;
    let sql = "UPDATE audit_head SET least_key = greatest(least_key, $1), key_print = $2 WHERE singleton = 1";
    session.execute(sql, &[&i64::from(key.number()), &key.print()], WRITING).await.map(drop)
}

// One statement for all records: others wait for the head meanwhile.
const INSERT: &str = "INSERT INTO audit (number, secret, document, link, key_number, time, actor, subject)
     SELECT * FROM unnest($1::BIGINT[], $2::TEXT[], $3::TEXT[], $4::BYTEA[], $5::BIGINT[], $6::BIGINT[], $7::TEXT[], $8::TEXT[])";
const MOVE_HEAD: &str = "UPDATE audit_head SET number = $1, link = $2, seal = $3, key_number = $4 WHERE singleton = 1";

/// Appends to the chain, in the transaction that is open. What follows in it should be the commit.
pub(super) async fn append(session: &Session, entries: Vec<AuditEntry>) -> Result<(), StoreError> {
    if entries.is_empty() {
        return require_key_in_use(session).await;
    }
    let head = read_head(session, LOCK_HEAD).await?;
    write(session, extended(session, &head, entries)?, || async { Ok(()) }).await.0
}

/// Appends to the chain behind `head`, or behind the one that is locked now, and commits, without waiting in between.
pub(super) async fn append_and_commit(
    session: &Session,
    head: Option<AuditHead>,
    entries: Vec<AuditEntry>,
) -> Result<(), Uncommitted> {
    let commit = || session.batch("COMMIT", COMMITTING);
    if entries.is_empty() {
        require_key_in_use(session).await.map_err(Uncommitted::Undone)?;
        return commit().await.map_err(Uncommitted::of);
    }
    let head = match head {
        Some(head) => head,
        None => read_head(session, LOCK_HEAD).await.map_err(Uncommitted::Undone)?,
    };
    let extended = extended(session, &head, entries).map_err(Uncommitted::Undone)?;
    let (written, committed) = write(session, extended, commit).await;
    // A commit behind a statement that failed undoes the transaction, and reports no error.
    written.and(committed).map_err(Uncommitted::of)
}

/// The records that entries become behind the locked `head`, and the head behind them, if they may be written.
fn extended(
    session: &Session,
    head: &AuditHead,
    entries: Vec<AuditEntry>,
) -> Result<(Vec<AuditRecord>, AuditHead), StoreError> {
    session.require_key_in_use(head)?;
    audit::extend(head, entries)
}

/// Writes records and the head behind them, and then does the rest, all sent at once. The statements are prepared before, because the
/// rest must not reach the server ahead of them.
async fn write<F: Future<Output = Result<(), StoreError>>>(
    session: &Session,
    (records, head): (Vec<AuditRecord>, AuditHead),
    rest: impl FnOnce() -> F,
) -> (Result<(), StoreError>, Result<(), StoreError>) {
    let statements =
        async { Ok((session.prepared(INSERT, WRITING).await?, session.prepared(MOVE_HEAD, WRITING).await?)) };
    let (insert, move_head) = match statements.await {
        Ok(statements) => statements,
        Err(error) => return (Err(error), Ok(())),
    };
    let numbers: Vec<i64> = records.iter().map(|record| number(record.number)).collect();
    let secrets: Vec<Option<&str>> = records.iter().map(|record| record.secret.as_deref()).collect();
    let documents: Vec<&str> = records.iter().map(|record| record.document.as_str()).collect();
    let links: Vec<&[u8]> = records.iter().map(|record| record.link.as_slice()).collect();
    let keys: Vec<i64> = records.iter().map(|record| i64::from(record.key_number)).collect();
    let times: Vec<i64> = records.iter().map(|record| record.columns.time).collect();
    let actors: Vec<Option<&str>> = records.iter().map(|record| record.columns.actor.as_deref()).collect();
    let subjects: Vec<Option<&str>> = records.iter().map(|record| record.columns.subject.as_deref()).collect();
    let rows: Parameters<'_> = &[&numbers, &secrets, &documents, &links, &keys, &times, &actors, &subjects];
    let (number, key) = (number(head.number), i64::from(head.key_number));
    let (inserted, moved, rest) = join3(
        session.query(&insert, rows, WRITING),
        session.query(&move_head, &[&number, &head.link, &head.seal, &key], WRITING),
        rest(),
    )
    .await;
    (inserted.and(moved).map(drop), rest)
}

pub(super) async fn after(
    session: &Session,
    after: u64,
    limit: u16,
    secret: Option<&str>,
) -> Result<Vec<AuditRecord>, StoreError> {
    let (after, limit) = (number(after), i64::from(limit));
    let rows = match secret {
        None => session.rows(AFTER, &[&after, &limit], READING).await?,
        Some(secret) => session.rows(OF_SECRET, &[&after, &limit, &secret], READING).await?,
    };
    rows.iter().map(read).collect()
}

pub(super) async fn checkpoint(session: &Session) -> Result<Option<AuditCheckpoint>, StoreError> {
    let sql = "SELECT number, document, signature FROM audit_checkpoint WHERE singleton = 1";
    let row = session.row(sql, &[], READING).await?;
    let row = row.ok_or_else(|| StoreError::Corrupt(Cause::new("the checkpoint of the audit trail is missing")))?;
    let number = count(column(&row, 0, READING)?)?;
    let checkpoint =
        AuditCheckpoint { number, document: column(&row, 1, READING)?, signature: column(&row, 2, READING)? };
    Ok((number > 0).then_some(checkpoint))
}

/// Replaces the checkpoint in the transaction that is open. The records of it are to be appended next.
pub(super) async fn put_checkpoint(
    session: &Session,
    before: u64,
    checkpoint: &AuditCheckpoint,
) -> Result<(), StoreError> {
    let AuditCheckpoint { number: place, document, signature } = checkpoint;
    let sql =
        "UPDATE audit_checkpoint SET number = $1, document = $2, signature = $3 WHERE singleton = 1 AND number = $4
         AND $1 > number AND $1 <= (SELECT number FROM audit_head WHERE singleton = 1)";
    let put = session.execute(sql, &[&number(*place), document, signature, &number(before)], WRITING).await?;
    if put == 1 {
        Ok(())
    } else {
        Err(StoreError::Conflict(Cause::new("the checkpoint of the audit trail is another one")))
    }
}

pub(super) async fn prune(session: &Session, from: Option<u64>, limit: u16) -> Result<Pruned, StoreError> {
    let Some(AuditCheckpoint { number: checkpoint, .. }) = self::checkpoint(session).await? else {
        return Ok(Pruned::default());
    };
    let first = match from {
        Some(first) => Some(first),
        // Looked for once: behind it, rows that were removed and not cleaned up yet would be passed over each time.
        None => {
            let sql = "SELECT number FROM audit ORDER BY number LIMIT 1";
            session.number(sql, &[], READING).await?.map(count).transpose()?
        }
    };
    let Some(first) = first else { return Ok(Pruned::default()) };
    let (first, end) = Pruned::range(first, checkpoint, limit);
    let removed = session.execute(PRUNE, &[&number(first), &number(end)], WRITING).await?;
    Ok(Pruned::after(removed, end, checkpoint))
}

// The lease of the sink is granted, renewed and judged by the clock of the database, as those of tasks.
const CLAIM_SINK: &str = "INSERT INTO audit_sink (singleton, number, holder, expires)
     VALUES (1, 0, $1, (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT + $2::BIGINT)
     ON CONFLICT (singleton) DO UPDATE SET holder = excluded.holder, expires = excluded.expires
     WHERE audit_sink.holder IS NULL OR audit_sink.holder = excluded.holder OR audit_sink.expires IS NULL
         OR audit_sink.expires <= (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT
         OR audit_sink.expires > (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT + $2::BIGINT + 10000
     RETURNING number";
const ADVANCE_SINK: &str = "UPDATE audit_sink
     SET number = $1, expires = (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT + $3::BIGINT
     WHERE singleton = 1 AND holder = $2 AND number < $1";

pub(super) async fn sink(session: &Session) -> Result<Option<u64>, StoreError> {
    let sql = "SELECT number FROM audit_sink WHERE singleton = 1";
    session.number(sql, &[], READING).await?.map(count).transpose()
}

pub(super) async fn claim_sink(session: &Session, holder: &str, lasts: Duration) -> Result<Option<u64>, StoreError> {
    session.number(CLAIM_SINK, &[&holder, &millis(lasts)], WRITING).await?.map(count).transpose()
}

pub(super) async fn advance_sink(
    session: &Session,
    holder: &str,
    lasts: Duration,
    to: u64,
) -> Result<bool, StoreError> {
    Ok(session.execute(ADVANCE_SINK, &[&number(to), &holder, &millis(lasts)], WRITING).await? == 1)
}

/// What searches by actor and by subject become, for a test of their plans.
#[cfg(feature = "testing")]
pub(super) const OF_ACTOR: &str = "SELECT number FROM audit WHERE time >= $1 AND time <= $2 AND actor = $3
     ORDER BY time DESC, number DESC LIMIT $4";
#[cfg(feature = "testing")]
pub(super) const OF_SUBJECT: &str = "SELECT number FROM audit WHERE time >= $1 AND time <= $2 AND subject = $3
     ORDER BY time DESC, number DESC LIMIT $4";

/// Fills in the columns of records that a server of an older release has written beside one of this release.
pub(super) async fn fill_columns(session: &Session) -> Result<(), StoreError> {
    let sql = "UPDATE audit SET time = coalesce((document::jsonb ->> 'time')::bigint, 0),
             actor = document::jsonb ->> 'actor',
             subject = coalesce(secret, document::jsonb ->> 'key', document::jsonb ->> 'target')
         WHERE time = 0 AND (document::jsonb ->> 'time')::bigint <> 0";
    session.execute(sql, &[], WRITING).await.map(drop)
}

/// How PostgreSQL looks into a record.
const DIALECT: Dialect = Dialect { parameter: '$', member: |name| format!("(document::jsonb ->> '{name}')") };

pub(super) async fn find(session: &Session, filter: &AuditFilter) -> Result<Vec<AuditRecord>, StoreError> {
    let Statement { sql, parameters } = Statement::of(filter, &DIALECT);
    // What cannot be held is not there to be found.
    let held = |parameter: &Parameter| !matches!(parameter, Parameter::Text(text) if !can_be_held(text));
    if !parameters.iter().all(held) {
        return Ok(Vec::new());
    }
    let values: Vec<&(dyn ToSql + Sync)> = parameters
        .iter()
        .map(|parameter| match parameter {
            Parameter::Number(number) => number as &(dyn ToSql + Sync),
            Parameter::Text(text) => text,
        })
        .collect();
    session.rows(&sql, &values, READING).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<AuditRecord, StoreError> {
    Ok(AuditRecord {
        number: count(column(row, 0, READING)?)?,
        secret: column(row, 1, READING)?,
        document: column(row, 2, READING)?,
        link: column(row, 3, READING)?,
        key_number: key_number(column(row, 4, READING)?)?,
        columns: SearchColumns {
            time: column(row, 5, READING)?,
            actor: column(row, 6, READING)?,
            subject: column(row, 7, READING)?,
        },
    })
}

/// A number as a column holds it.
fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
