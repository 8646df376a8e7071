//! Statements about the audit trail.

use rusqlite::{Connection, OptionalExtension as _, Row, Rows, params, params_from_iter};

use super::{failure::During as _, find::values, readers::execute};
use crate::{
    audit::{self, AuditCheckpoint, AuditEntry, AuditHead, AuditRecord, Pruned, SearchColumns},
    bound::{KnownKey, RowKey},
    error::{Cause, StoreError},
    row::{count, key_number},
    search::{AuditFilter, Dialect, Statement},
};

const READING: &str = "reading the audit trail";
const WRITING: &str = "writing the audit trail";

pub(super) const AFTER: &str = "SELECT number, secret, document, link, key_number, time, actor, subject FROM audit
     WHERE number > max(?1, (SELECT number FROM audit_checkpoint WHERE singleton = 1)) ORDER BY number LIMIT ?2";
pub(super) const OF_SECRET: &str = "SELECT number, secret, document, link, key_number, time, actor, subject FROM audit
     WHERE secret = ?3 AND number > max(?1, (SELECT number FROM audit_checkpoint WHERE singleton = 1))
     ORDER BY number LIMIT ?2";
const PRUNE: &str = "DELETE FROM audit WHERE number >= ?1 AND number < ?2
     AND number <= (SELECT number FROM audit_checkpoint WHERE singleton = 1)";

pub(super) fn head(db: &Connection) -> Result<AuditHead, StoreError> {
    let read =
        |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?));
    let sql = "SELECT number, link, seal, key_number, least_key, key_print FROM audit_head WHERE singleton = 1";
    let (number, link, seal, key, least, key_print) =
        db.prepare_cached(sql).and_then(|mut statement| statement.query_row([], read)).during(READING)?;
    let (number, key, least_key) = (count(number)?, key_number(key)?, key_number(least)?);
    Ok(AuditHead { number, link, seal, key_number: key, least_key, key_print })
}

/// Appends to the chain, in the transaction that is open, in which rows may have been bound under the root key of this number, one
/// of `key`, or none where it is 0: with no record, too. Once for each commit: the head is read and sealed again.
pub(super) fn append(
    db: &Connection,
    entries: Vec<AuditEntry>,
    (key, bound): (&KnownKey, u32),
) -> Result<(), StoreError> {
    if entries.is_empty() && bound == 0 {
        return Ok(());
    }
    let head = head(db)?;
    if bound > 0 {
        audit::require_key_in_use(&head, bound, key)?;
    }
    if entries.is_empty() { Ok(()) } else { write(db, &head, entries) }
}

/// Appends the records of a change of the root key, and lets nothing be written from then on but under this key.
pub(super) fn take_into_use(db: &Connection, key: &RowKey, entries: Vec<AuditEntry>) -> Result<(), StoreError> {
    let head = head(db)?;
    // In this order: the head must name the new key when older ones are refused.
    write(db, &AuditHead { least_key: head.least_key.max(key.number()), ..head }, entries)?;
    let sql = "UPDATE audit_head SET least_key = max(least_key, ?1), key_print = ?2 WHERE singleton = 1";
    db.execute(sql, params![key.number(), key.print()]).during(WRITING).map(drop)
}

fn write(db: &Connection, head: &AuditHead, entries: Vec<AuditEntry>) -> Result<(), StoreError> {
    let (records, head) = audit::extend(head, entries)?;
    let mut insert = db
        .prepare_cached(
            "INSERT INTO audit (number, secret, document, link, key_number, time, actor, subject)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )
        .during(WRITING)?;
    for record in records {
        let AuditRecord { number: place, secret, document, link, key_number, columns } = record;
        let SearchColumns { time, actor, subject } = columns;
        let values = params![number(place), secret, document, link, key_number, time, actor, subject];
        insert.execute(values).during(WRITING)?;
    }
    db.prepare_cached("UPDATE audit_head SET number = ?1, link = ?2, seal = ?3, key_number = ?4 WHERE singleton = 1")
        .and_then(|mut statement| {
            statement.execute(params![number(head.number), head.link, head.seal, head.key_number])
        })
        .during(WRITING)
        .map(drop)
}

pub(super) fn after(
    db: &Connection,
    after: u64,
    limit: u16,
    secret: Option<&str>,
) -> Result<Vec<AuditRecord>, StoreError> {
    let mut statement = db.prepare_cached(if secret.is_some() { OF_SECRET } else { AFTER }).during(READING)?;
    let mut rows = match secret {
        None => statement.query(params![number(after), limit]),
        Some(secret) => statement.query(params![number(after), limit, secret]),
    }
    .during(READING)?;
    read(&mut rows)
}

pub(super) fn checkpoint(db: &Connection) -> Result<Option<AuditCheckpoint>, StoreError> {
    let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?));
    let (number, document, signature) = db
        .prepare_cached("SELECT number, document, signature FROM audit_checkpoint WHERE singleton = 1")
        .and_then(|mut statement| statement.query_row([], read))
        .during(READING)?;
    let number = count(number)?;
    Ok((number > 0).then_some(AuditCheckpoint { number, document, signature }))
}

pub(super) fn put_checkpoint(db: &Connection, before: u64, checkpoint: &AuditCheckpoint) -> Result<(), StoreError> {
    let AuditCheckpoint { number: place, document, signature } = checkpoint;
    let put = db
        .prepare_cached(
            "UPDATE audit_checkpoint SET number = ?1, document = ?2, signature = ?3 WHERE singleton = 1 AND number = ?4
             AND ?1 > number AND ?1 <= (SELECT number FROM audit_head WHERE singleton = 1)",
        )
        .and_then(|mut statement| statement.execute(params![number(*place), document, signature, number(before)]))
        .during(WRITING)?;
    if put == 1 {
        Ok(())
    } else {
        Err(StoreError::Conflict(Cause::new("the checkpoint of the audit trail is another one")))
    }
}

pub(super) fn prune(db: &Connection, from: Option<u64>, limit: u16) -> Result<Pruned, StoreError> {
    let Some(AuditCheckpoint { number: checkpoint, .. }) = self::checkpoint(db)? else { return Ok(Pruned::default()) };
    let first = match from {
        Some(first) => Some(first),
        None => db
            .prepare_cached("SELECT min(number) FROM audit")
            .and_then(|mut statement| statement.query_row([], |row| row.get::<_, Option<i64>>(0)))
            .during(READING)?
            .map(count)
            .transpose()?,
    };
    let Some(first) = first else { return Ok(Pruned::default()) };
    let (first, end) = Pruned::range(first, checkpoint, limit);
    let removed = db
        .prepare_cached(PRUNE)
        .and_then(|mut statement| statement.execute([number(first), number(end)]))
        .during(WRITING)?;
    Ok(Pruned::after(removed as u64, end, checkpoint))
}

pub(super) fn sink(db: &Connection) -> Result<Option<u64>, StoreError> {
    let number = db
        .prepare_cached("SELECT number FROM audit_sink WHERE singleton = 1")
        .and_then(|mut statement| statement.query_row([], |row| row.get::<_, i64>(0)).optional())
        .during(READING)?;
    number.map(count).transpose()
}

pub(super) fn begin_sink(db: &Connection) -> Result<Option<u64>, StoreError> {
    db.prepare_cached("INSERT INTO audit_sink (singleton, number) VALUES (1, 0) ON CONFLICT DO NOTHING")
        .and_then(|mut statement| statement.execute([]))
        .during(WRITING)?;
    sink(db)
}

pub(super) fn advance_sink(db: &Connection, to: u64) -> Result<bool, StoreError> {
    let moved = db
        .prepare_cached("UPDATE audit_sink SET number = ?1 WHERE singleton = 1 AND number < ?1")
        .and_then(|mut statement| statement.execute([number(to)]))
        .during(WRITING)?;
    Ok(moved == 1)
}

/// Fills in the columns of records that a server of an older release has written beside one of this release.
pub(super) fn fill_columns(db: &Connection) -> Result<(), StoreError> {
    let sql = "UPDATE audit SET time = coalesce(json_extract(document, '$.time'), 0),
             actor = json_extract(document, '$.actor'),
             subject = coalesce(secret, json_extract(document, '$.key'), json_extract(document, '$.target'))
         WHERE time = 0 AND CASE WHEN json_valid(document) THEN json_extract(document, '$.time') <> 0 END";
    execute(db, sql).during(WRITING)
}

/// How SQLite looks into a record.
const DIALECT: Dialect = Dialect { parameter: '?', member: |name| format!("json_extract(document, '$.{name}')") };

pub(super) fn find(db: &Connection, filter: &AuditFilter) -> Result<Vec<AuditRecord>, StoreError> {
    let Statement { sql, parameters } = Statement::of(filter, &DIALECT);
    let mut statement = db.prepare_cached(&sql).during(READING)?;
    read(&mut statement.query(params_from_iter(values(parameters))).during(READING)?)
}

fn read(rows: &mut Rows<'_>) -> Result<Vec<AuditRecord>, StoreError> {
    let mut records = Vec::new();
    while let Some(row) = rows.next().during(READING)? {
        records.push(AuditRecord {
            number: count(row.get(0).during(READING)?)?,
            secret: row.get(1).during(READING)?,
            document: row.get(2).during(READING)?,
            link: row.get(3).during(READING)?,
            key_number: key_number(row.get(4).during(READING)?)?,
            columns: SearchColumns {
                time: row.get(5).during(READING)?,
                actor: row.get(6).during(READING)?,
                subject: row.get(7).during(READING)?,
            },
        });
    }
    Ok(records)
}

/// A number as a column holds it.
fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use csms_core::UnixMillis;

    use super::*;
    use crate::sqlite::{connect, schema};

    #[test]
    fn searches_use_an_index_and_sort_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let mut db = connect::for_writing(&directory.path().join("csms.db"), Duration::ZERO).unwrap();
        schema::migrate(&mut db).unwrap();
        let all = AuditFilter::between(UnixMillis::new(1), UnixMillis::new(9), 50);
        let text = || Some("x".to_owned());
        for (filter, index) in [
            (all.clone(), "audit_by_time"),
            (AuditFilter { before: Some((UnixMillis::new(5), 7)), ..all.clone() }, "audit_by_time"),
            (AuditFilter { actor: text(), ..all.clone() }, "audit_by_actor"),
            (AuditFilter { subject: text(), ..all.clone() }, "audit_by_subject"),
            (AuditFilter { subject: text(), project: text(), succeeded: Some(true), ..all }, "audit_by_subject"),
        ] {
            let Statement { sql, parameters } = Statement::of(&filter, &DIALECT);
            let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let nothing = vec![1; parameters.len()];
            let steps = statement.query_map(params_from_iter(nothing), |row| row.get::<_, String>(3)).unwrap();
            let plan = steps.map(Result::unwrap).collect::<Vec<_>>().join("; ");
            assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{filter:?}: {plan}");
        }
    }

    #[test]
    fn following_and_pruning_look_for_numbers() {
        let directory = tempfile::tempdir().unwrap();
        let mut db = connect::for_writing(&directory.path().join("csms.db"), Duration::ZERO).unwrap();
        schema::migrate(&mut db).unwrap();
        for (sql, index) in
            [(AFTER, "PRIMARY KEY (rowid>"), (OF_SECRET, "audit_by_secret"), (PRUNE, "PRIMARY KEY (rowid>")]
        {
            let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let nothing = vec![1; statement.parameter_count()];
            let steps = statement.query_map(params_from_iter(nothing), |row| row.get::<_, String>(3)).unwrap();
            let plan = steps.map(Result::unwrap).collect::<Vec<_>>().join("; ");
            assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{sql}: {plan}");
        }
    }
}
