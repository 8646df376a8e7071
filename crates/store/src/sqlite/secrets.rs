//! Statements about secrets and their sealed values.

use std::collections::BTreeMap;

use csms_core::{EventName, ProjectId, Secret, SecretId, SecretName, UnixMillis, VersionId};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{entries, failure::During as _, tasks, writer::Group};
use crate::{
    audit::AuditEntry,
    bound::{Binding, Columns},
    draft::{Changes, ReplicaChange, Tasks},
    error::{CreateError, StoreError},
    record::{Page, SecretUse},
    row::{self, SecretColumns, StoredSecret, time},
};

/// A secret and the number of its row.
pub(super) struct Found {
    pub(super) row: i64,
    pub(super) secret: Secret,
}

const READING: &str = "reading a secret";
const WRITING: &str = "writing a secret";

pub(super) const FIND: &str =
    "SELECT row, document, checksum, last_used_time, mac FROM secrets WHERE project = ?1 AND name = ?2";
pub(super) const VALUE: &str = "SELECT sealed FROM secret_values WHERE secret = ?1 AND version = ?2";
pub(super) const LIST: &str = "SELECT document, checksum, last_used_time, mac FROM secrets
     WHERE project = ?1 AND name > ?2 ORDER BY name LIMIT ?3";
const LIST_OF_EVENT: &str = "SELECT document, checksum, last_used_time, mac FROM secrets
     WHERE project = ?1 AND name > ?2 AND event = ?4 ORDER BY name LIMIT ?3";

/// The document, its checksum, the time of the last use and the MAC at columns `at` and the next three.
pub(super) fn stored<'r>(row: &'r Row<'_>, at: usize) -> Result<StoredSecret<'r>, StoreError> {
    let text = row.get_ref(at).during(READING)?.as_bytes().map_err(rusqlite::Error::from).during(READING)?;
    let mac = row.get_ref(at + 3).during(READING)?.as_bytes_or_null().map_err(rusqlite::Error::from).during(READING)?;
    Ok(StoredSecret { text, checksum: row.get(at + 1).during(READING)?, mac, used: row.get(at + 2).during(READING)? })
}

pub(super) fn find(
    db: &Connection,
    binding: Binding<'_>,
    project: &ProjectId,
    name: &SecretName,
) -> Result<Option<Found>, StoreError> {
    let mut statement = db.prepare_cached(FIND).during(READING)?;
    let mut rows = statement.query([project.as_str(), name.as_str()]).during(READING)?;
    let Some(row) = rows.next().during(READING)? else { return Ok(None) };
    let secret = row::named_secret(stored(row, 1)?, project, name, binding)?;
    Ok(Some(Found { row: row.get(0).during(READING)?, secret }))
}

const FIND_BY_ID: &str = "SELECT document, checksum, last_used_time, mac FROM secrets WHERE id = ?1 AND project = ?2";

pub(super) fn find_by_id(
    db: &Connection,
    binding: Binding<'_>,
    project: &ProjectId,
    id: &SecretId,
) -> Result<Option<Secret>, StoreError> {
    let mut statement = db.prepare_cached(FIND_BY_ID).during(READING)?;
    let mut rows = statement.query([id.as_str(), project.as_str()]).during(READING)?;
    let Some(row) = rows.next().during(READING)? else { return Ok(None) };
    row::identified_secret(stored(row, 0)?, project, id, binding).map(Some)
}

/// The sealed value of a version. [`StoreError::NotFound`] when the secret has no such version.
pub(super) fn value(db: &Connection, found: &Found, version: VersionId) -> Result<Vec<u8>, StoreError> {
    let value = db
        .prepare_cached(VALUE)
        .and_then(|mut statement| {
            statement.query_row(params![found.row, version.number()], |row| row.get(0)).optional()
        })
        .during("reading a value")?;
    row::value_of(&found.secret, version, value)
}

/// All sealed values of a secret.
pub(super) fn values(db: &Connection, secret: i64) -> Result<BTreeMap<VersionId, Vec<u8>>, StoreError> {
    const DOING: &str = "reading the values of a secret";
    let mut statement =
        db.prepare_cached("SELECT version, sealed FROM secret_values WHERE secret = ?1").during(DOING)?;
    let mut rows = statement.query([secret]).during(DOING)?;
    let mut values = BTreeMap::new();
    while let Some(row) = rows.next().during(DOING)? {
        let version = row::version(row.get(0).during(DOING)?)?;
        values.insert(version, row.get(1).during(DOING)?);
    }
    Ok(values)
}

pub(super) fn list(
    db: &Connection,
    binding: Binding<'_>,
    project: &ProjectId,
    after: Option<&str>,
    limit: u16,
    event: Option<&EventName>,
) -> Result<Page<Secret>, StoreError> {
    const DOING: &str = "listing secrets";
    // No name is empty, so every name is behind the empty text.
    let after = after.unwrap_or("");
    let fetched = row::fetched(limit);
    let mut statement = db.prepare_cached(if event.is_some() { LIST_OF_EVENT } else { LIST }).during(DOING)?;
    let mut rows = match event {
        None => statement.query(params![project.as_str(), after, fetched]),
        Some(event) => statement.query(params![project.as_str(), after, fetched, event.as_str()]),
    }
    .during(DOING)?;
    let mut items = Vec::new();
    while let Some(row) = rows.next().during(DOING)? {
        items.push(row::secret(stored(row, 0)?, project, binding)?);
    }
    Ok(row::page(items, limit))
}

pub(super) const DUE_ROTATIONS: &str = "SELECT project, name FROM secrets WHERE rotation_due_time <= ?1
     ORDER BY rotation_due_time LIMIT ?2";
pub(super) const FAR_ROTATIONS: &str = "SELECT project, name FROM secrets WHERE rotation_due_time > ?1
     ORDER BY rotation_due_time DESC LIMIT ?2";
pub(super) const DUE_EXPIRIES: &str = "SELECT project, name FROM secrets WHERE expiry_due_time <= ?1
     ORDER BY expiry_due_time LIMIT ?2";
pub(super) const DUE_DELETIONS: &str = "SELECT project, name FROM secrets WHERE deletion_due_time <= ?1
     ORDER BY deletion_due_time LIMIT ?2";

/// What one of the statements above finds.
pub(super) fn due(
    db: &Connection,
    sql: &str,
    now: UnixMillis,
    limit: u16,
) -> Result<Vec<(ProjectId, SecretName)>, StoreError> {
    const DOING: &str = "looking for due secrets";
    let mut statement = db.prepare_cached(sql).during(DOING)?;
    let mut rows = statement.query(params![time(now), limit]).during(DOING)?;
    let mut due = Vec::new();
    while let Some(row) = rows.next().during(DOING)? {
        due.push(row::due(row.get(0).during(DOING)?, row.get(1).during(DOING)?)?);
    }
    Ok(due)
}

const NEXT_DUE_TIME: &str = "SELECT min(due) FROM (
     SELECT min(rotation_due_time) AS due FROM secrets WHERE rotation_due_time IS NOT NULL
     UNION ALL SELECT min(deletion_due_time) FROM secrets WHERE deletion_due_time IS NOT NULL)";

pub(super) fn next_due_time(db: &Connection) -> Result<Option<UnixMillis>, StoreError> {
    let due: Option<i64> = db
        .prepare_cached(NEXT_DUE_TIME)
        .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
        .during("looking for the next due secret")?;
    due.map(row::read_time).transpose()
}

pub(super) fn create(
    db: &Group<'_>,
    binding: Binding<'_>,
    secret: &Secret,
    sealed: &[u8],
    quota: u64,
    records: Vec<AuditEntry>,
) -> Result<(), CreateError> {
    insert(db, binding, secret, &[(row::only_version(secret)?, sealed)], quota, records)
}

/// Stores a secret with the values of its versions, unless its name is taken or there is no room for it.
pub(super) fn insert(
    db: &Group<'_>,
    binding: Binding<'_>,
    secret: &Secret,
    values: &[(VersionId, &[u8])],
    quota: u64,
    records: Vec<AuditEntry>,
) -> Result<(), CreateError> {
    let project = secret.project.as_str();
    let exists = db
        .prepare_cached("SELECT 1 FROM secrets WHERE project = ?1 AND name = ?2")
        .and_then(|mut statement| statement.exists([project, secret.name.as_str()]))
        .during(WRITING)?;
    if exists {
        return Err(CreateError::Exists);
    }
    let count: Option<i64> = db
        .prepare_cached("SELECT secrets FROM usage WHERE project = ?1")
        .and_then(|mut statement| statement.query_row([project], |row| row.get(0)).optional())
        .during(WRITING)?;
    if u64::try_from(count.unwrap_or(0)).unwrap_or(0) >= quota {
        return Err(CreateError::Quota);
    }
    if let Some(event) = secret.event_subscriptions.first() {
        entries::require_event(db, binding, &secret.project, event)?;
    }
    let columns = SecretColumns::of(secret, false, binding)?;
    db.prepare_cached(
        "INSERT INTO secrets (project, name, id, document, checksum, rotation_due_time, deletion_due_time, event,
             expiry_due_time, mac, tagged)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )
    .and_then(|mut statement| {
        statement.execute(params![
            project,
            secret.name.as_str(),
            secret.id.as_str(),
            columns.document.text,
            columns.document.checksum,
            columns.rotation_due_time,
            columns.deletion_due_time,
            columns.event,
            columns.expiry_due_time,
            columns.mac,
            columns.tagged,
        ])
    })
    .during(WRITING)?;
    let row = db.last_insert_rowid();
    for (version, sealed) in values {
        insert_value(db, row, *version, sealed)?;
    }
    db.record(records);
    Ok(())
}

fn insert_value(db: &Connection, secret: i64, version: VersionId, sealed: &[u8]) -> Result<(), StoreError> {
    db.prepare_cached("INSERT INTO secret_values (secret, version, sealed) VALUES (?1, ?2, ?3)")
        .and_then(|mut statement| statement.execute(params![secret, version.number(), sealed]))
        .during("writing a value")
        .map(drop)
}

/// Writes what a change amounts to, and returns the tasks among it, whose leases are kept elsewhere.
pub(super) fn apply(db: &Group<'_>, binding: Binding<'_>, row: i64, changes: Changes) -> Result<Tasks, StoreError> {
    let mut changed_tasks = match changes {
        Changes::Update { secret, marked, added, removed, replicas, tasks } => {
            change_values(db, row, &added, &removed)?;
            update(db, binding, row, &secret, marked)?;
            apply_to_replicas(db, binding, &replicas, marked)?;
            tasks
        }
        Changes::Delete { replicas, tasks } => {
            delete(db, row)?;
            apply_to_replicas(db, binding, &replicas, false)?;
            tasks
        }
    };
    for task in &changed_tasks.put {
        tasks::put(db, task)?;
    }
    db.record(std::mem::take(&mut changed_tasks.audit));
    Ok(changed_tasks)
}

fn change_values(
    db: &Connection,
    row: i64,
    added: &BTreeMap<VersionId, Vec<u8>>,
    removed: &[VersionId],
) -> Result<(), StoreError> {
    for version in removed {
        db.prepare_cached("DELETE FROM secret_values WHERE secret = ?1 AND version = ?2")
            .and_then(|mut statement| statement.execute(params![row, version.number()]))
            .during("removing a value")?;
    }
    added.iter().try_for_each(|(version, sealed)| insert_value(db, row, *version, sealed))
}

/// Removes a secret and its values.
fn delete(db: &Connection, row: i64) -> Result<(), StoreError> {
    for sql in ["DELETE FROM secret_values WHERE secret = ?1", "DELETE FROM secrets WHERE row = ?1"] {
        db.prepare_cached(sql).and_then(|mut statement| statement.execute([row])).during("deleting a secret")?;
    }
    Ok(())
}

/// Writes what a change of a primary amounts to for its replicas. `marked` is as in [`update`].
fn apply_to_replicas(
    db: &Group<'_>,
    binding: Binding<'_>,
    changes: &[ReplicaChange],
    marked: bool,
) -> Result<(), StoreError> {
    let find = |project: &ProjectId, id: &SecretId| {
        let row = db
            .prepare_cached("SELECT row FROM secrets WHERE id = ?1 AND project = ?2")
            .and_then(|mut statement| statement.query_row([id.as_str(), project.as_str()], |row| row.get(0)).optional())
            .during(READING)?;
        row.ok_or_else(|| row::lost_replica(id))
    };
    for change in changes {
        match change {
            ReplicaChange::Create { replica, values, quota } => {
                let values = row::values_of(replica, values)?;
                let inserted = insert(db, binding, replica, &values, *quota, Vec::new());
                inserted.map_err(|error| row::replica_error(error, *quota))?;
            }
            ReplicaChange::Update { replica, added, removed } => {
                let row = find(&replica.project, &replica.id)?;
                change_values(db, row, added, removed)?;
                update(db, binding, row, replica, marked)?;
            }
            ReplicaChange::Delete { replica } => delete(db, find(&replica.project, &replica.id)?)?,
        }
    }
    Ok(())
}

/// Writes a secret in place of its former self, unless nothing has changed. `marked` says whether its tags or its enterprise
/// project did.
fn update(db: &Connection, binding: Binding<'_>, row: i64, secret: &Secret, marked: bool) -> Result<(), StoreError> {
    let columns = SecretColumns::of(secret, marked, binding)?;
    db.prepare_cached(
        "UPDATE secrets SET document = ?2, checksum = ?3, rotation_due_time = ?4, deletion_due_time = ?5, event = ?6,
             expiry_due_time = ?7, mac = ?8, tagged = ?9
         WHERE row = ?1 AND document <> ?2",
    )
    .and_then(|mut statement| {
        statement.execute(params![
            row,
            columns.document.text,
            columns.document.checksum,
            columns.rotation_due_time,
            columns.deletion_due_time,
            columns.event,
            columns.expiry_due_time,
            columns.mac,
            columns.tagged,
        ])
    })
    .during(WRITING)
    .map(drop)
}

/// Binds every secret to its row as it is, for data that an older release has written.
pub(super) fn rebind(db: &Connection, binding: Binding<'_>) -> Result<(), StoreError> {
    const DOING: &str = "binding secrets to their rows";
    let mut read = db.prepare("SELECT row, name, document FROM secrets").during(DOING)?;
    let mut write = db.prepare("UPDATE secrets SET mac = ?2 WHERE row = ?1").during(DOING)?;
    let mut rows = read.query([]).during(DOING)?;
    while let Some(row) = rows.next().during(DOING)? {
        let (number, name, text): (i64, String, String) =
            (row.get(0).during(DOING)?, row.get(1).during(DOING)?, row.get(2).during(DOING)?);
        let mac = binding.bind(&Columns::Secret { name: &name, document: text.as_bytes() });
        write.execute(params![number, mac]).during(DOING)?;
    }
    Ok(())
}

const NOTE_USE: &str = "UPDATE secrets SET last_used_time = ?3
     WHERE project = ?1 AND name = ?2 AND (last_used_time IS NULL OR last_used_time < ?3)";

/// Notes when values were last read.
pub(super) fn note_uses(db: &Connection, uses: &[SecretUse]) -> Result<(), StoreError> {
    for SecretUse { project, secret, time: used } in uses {
        db.prepare_cached(NOTE_USE)
            .and_then(|mut statement| statement.execute(params![project.as_str(), secret.as_str(), time(*used)]))
            .during("noting the use of a secret")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sqlite::{connect, schema};

    fn database(directory: &std::path::Path) -> Connection {
        let mut db = connect::for_writing(&directory.join("csms.db"), Duration::ZERO).unwrap();
        schema::migrate(&mut db).unwrap();
        db
    }

    /// How SQLite says it will run a statement.
    fn plan(db: &Connection, sql: &str) -> String {
        let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let count = statement.parameter_count();
        let steps =
            statement.query_map(rusqlite::params_from_iter(vec![1; count]), |row| row.get::<_, String>(3)).unwrap();
        steps.map(Result::unwrap).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn every_read_uses_the_index_made_for_it() {
        let directory = tempfile::tempdir().unwrap();
        let db = database(directory.path());
        for (sql, index) in [
            (DUE_ROTATIONS, "secrets_by_rotation"),
            (FAR_ROTATIONS, "secrets_by_rotation"),
            (DUE_DELETIONS, "secrets_by_deletion"),
            (DUE_EXPIRIES, "secrets_by_expiry"),
            (NEXT_DUE_TIME, "secrets_by_rotation"),
            (NEXT_DUE_TIME, "secrets_by_deletion"),
            (FIND, "secrets_by_name"),
            (NOTE_USE, "secrets_by_name"),
            (FIND_BY_ID, "sqlite_autoindex_secrets"),
            (VALUE, "secret_values_by_version"),
            (LIST, "secrets_by_name"),
            (LIST_OF_EVENT, "secrets_by_event"),
            (tasks::RUNNING, "tasks_running"),
            (tasks::BACKLOG, "secrets_by_rotation"),
            (tasks::BACKLOG, "tasks_running"),
            (tasks::PURGE, "tasks_by_age"),
        ] {
            let plan = plan(&db, sql);
            assert!(plan.contains(index) && !plan.contains("SCAN secrets;") && !plan.contains("TEMP B-TREE"), "{plan}");
        }
    }
}
