//! Statements about secrets and their sealed values.

use std::collections::BTreeMap;

use csms_core::{EventName, ProjectId, Secret, SecretName, UnixMillis, VersionId};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{failure::During as _, tasks};
use crate::{
    document::{self, Document},
    draft::{Changes, deletion_due_time, rotation_due_time},
    error::{Cause, CreateError, StoreError},
    record::Page,
};

/// A secret and the number of its row.
pub(super) struct Found {
    pub(super) row: i64,
    pub(super) secret: Secret,
}

const READING: &str = "reading a secret";
const WRITING: &str = "writing a secret";

pub(super) const FIND: &str = "SELECT row, document, checksum FROM secrets WHERE project = ?1 AND name = ?2";
pub(super) const VALUE: &str = "SELECT sealed FROM secret_values WHERE secret = ?1 AND version = ?2";
pub(super) const LIST: &str =
    "SELECT document, checksum FROM secrets WHERE project = ?1 AND name > ?2 ORDER BY name LIMIT ?3";
const LIST_OF_EVENT: &str = "SELECT document, checksum FROM secrets
     WHERE project = ?1 AND name > ?2 AND event = ?4 ORDER BY name LIMIT ?3";

/// Reads the document and checksum at columns `at` and the next, and checks that it belongs to its row.
fn read_secret(row: &Row<'_>, at: usize, project: &ProjectId) -> Result<Secret, StoreError> {
    let text = row.get_ref(at).during(READING)?.as_bytes().map_err(rusqlite::Error::from).during(READING)?;
    let secret: Secret = document::decode(text, row.get(at + 1).during(READING)?, "a secret")?;
    if secret.project == *project {
        Ok(secret)
    } else {
        Err(StoreError::Corrupt(Cause::new(format!("secret {} is stored in another project", secret.id))))
    }
}

pub(super) fn find(db: &Connection, project: &ProjectId, name: &SecretName) -> Result<Option<Found>, StoreError> {
    let mut statement = db.prepare_cached(FIND).during(READING)?;
    let mut rows = statement.query([project.as_str(), name.as_str()]).during(READING)?;
    let Some(row) = rows.next().during(READING)? else { return Ok(None) };
    let secret = read_secret(row, 1, project)?;
    if secret.name != *name {
        return Err(StoreError::Corrupt(Cause::new(format!("secret {} is stored under another name", secret.id))));
    }
    Ok(Some(Found { row: row.get(0).during(READING)?, secret }))
}

/// The sealed value of a version. [`StoreError::NotFound`] when the secret has no such version.
pub(super) fn value(db: &Connection, found: &Found, version: VersionId) -> Result<Vec<u8>, StoreError> {
    found.secret.version(version).map_err(|_| StoreError::NotFound)?;
    db.prepare_cached(VALUE)
        .and_then(|mut statement| {
            statement.query_row(params![found.row, version.number()], |row| row.get(0)).optional()
        })
        .during("reading a value")?
        .ok_or_else(|| {
            StoreError::Corrupt(Cause::new(format!("the value of {version} of secret {} is missing", found.secret.id)))
        })
}

/// All sealed values of a secret.
pub(super) fn values(db: &Connection, secret: i64) -> Result<BTreeMap<VersionId, Vec<u8>>, StoreError> {
    const DOING: &str = "reading the values of a secret";
    let mut statement =
        db.prepare_cached("SELECT version, sealed FROM secret_values WHERE secret = ?1").during(DOING)?;
    let mut rows = statement.query([secret]).during(DOING)?;
    let mut values = BTreeMap::new();
    while let Some(row) = rows.next().during(DOING)? {
        let version = VersionId::from_number(row.get(0).during(DOING)?)
            .ok_or_else(|| StoreError::Corrupt(Cause::new("a stored version has number 0")))?;
        values.insert(version, row.get(1).during(DOING)?);
    }
    Ok(values)
}

pub(super) fn list(
    db: &Connection,
    project: &ProjectId,
    after: Option<&str>,
    limit: u16,
    event: Option<&EventName>,
) -> Result<Page<Secret>, StoreError> {
    const DOING: &str = "listing secrets";
    // No name is empty, so every name is behind the empty text.
    let after = after.unwrap_or("");
    let limit = usize::from(limit);
    let fetched = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let mut statement = db.prepare_cached(if event.is_some() { LIST_OF_EVENT } else { LIST }).during(DOING)?;
    let mut rows = match event {
        None => statement.query(params![project.as_str(), after, fetched]),
        Some(event) => statement.query(params![project.as_str(), after, fetched, event.as_str()]),
    }
    .during(DOING)?;
    let mut items = Vec::new();
    while let Some(row) = rows.next().during(DOING)? {
        if items.len() == limit {
            return Ok(Page { items, more: true });
        }
        items.push(read_secret(row, 0, project)?);
    }
    Ok(Page { items, more: false })
}

pub(super) const DUE_ROTATIONS: &str = "SELECT project, name FROM secrets WHERE rotation_due_time <= ?1
     ORDER BY rotation_due_time LIMIT ?2";
pub(super) const DUE_DELETIONS: &str = "SELECT project, name FROM secrets WHERE deletion_due_time <= ?1
     ORDER BY deletion_due_time LIMIT ?2";

/// What one of the two statements above finds.
pub(super) fn due(
    db: &Connection,
    sql: &str,
    now: UnixMillis,
    limit: u16,
) -> Result<Vec<(ProjectId, SecretName)>, StoreError> {
    const DOING: &str = "looking for due secrets";
    let corrupt = |_| StoreError::Corrupt(Cause::new("the name or project of a due secret is damaged"));
    let mut statement = db.prepare_cached(sql).during(DOING)?;
    let mut rows = statement.query(params![time(now), limit]).during(DOING)?;
    let mut due = Vec::new();
    while let Some(row) = rows.next().during(DOING)? {
        let project = ProjectId::parse(row.get::<_, String>(0).during(DOING)?).map_err(corrupt)?;
        let name = SecretName::parse(row.get::<_, String>(1).during(DOING)?).map_err(corrupt)?;
        due.push((project, name));
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
    Ok(due.map(|due| UnixMillis::new(u64::try_from(due).unwrap_or(0))))
}

/// A time as a column holds it.
pub(super) fn time(time: UnixMillis) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

pub(super) fn create(db: &Connection, secret: &Secret, sealed: &[u8], quota: u64) -> Result<(), CreateError> {
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
    let [version] = secret.versions() else {
        return Err(StoreError::Conflict(Cause::new("a new secret has exactly one version")).into());
    };
    let document = Document::of(secret)?;
    db.prepare_cached(
        "INSERT INTO secrets (project, name, id, document, checksum, rotation_due_time, deletion_due_time, event)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )
    .and_then(|mut statement| {
        statement.execute(params![
            project,
            secret.name.as_str(),
            secret.id.as_str(),
            document.text,
            document.checksum,
            rotation_due_time(secret).map(time),
            deletion_due_time(secret).map(time),
            secret.event_subscriptions.first().map(EventName::as_str),
        ])
    })
    .during(WRITING)?;
    insert_value(db, db.last_insert_rowid(), version.id, sealed)?;
    Ok(())
}

fn insert_value(db: &Connection, secret: i64, version: VersionId, sealed: &[u8]) -> Result<(), StoreError> {
    db.prepare_cached("INSERT INTO secret_values (secret, version, sealed) VALUES (?1, ?2, ?3)")
        .and_then(|mut statement| statement.execute(params![secret, version.number(), sealed]))
        .during("writing a value")
        .map(drop)
}

/// Writes what a change amounts to.
pub(super) fn apply(db: &Connection, row: i64, changes: Changes) -> Result<(), StoreError> {
    let changed_tasks = match changes {
        Changes::Update { secret, added, removed, tasks } => {
            for version in removed {
                db.prepare_cached("DELETE FROM secret_values WHERE secret = ?1 AND version = ?2")
                    .and_then(|mut statement| statement.execute(params![row, version.number()]))
                    .during("removing a value")?;
            }
            for (version, sealed) in added {
                insert_value(db, row, version, &sealed)?;
            }
            update(db, row, &secret)?;
            tasks
        }
        Changes::Delete { tasks } => {
            for sql in ["DELETE FROM secret_values WHERE secret = ?1", "DELETE FROM secrets WHERE row = ?1"] {
                db.prepare_cached(sql)
                    .and_then(|mut statement| statement.execute([row]))
                    .during("deleting a secret")?;
            }
            tasks
        }
    };
    for task in changed_tasks {
        tasks::put(db, &task)?;
    }
    Ok(())
}

/// Writes a secret in place of its former self, unless nothing has changed.
fn update(db: &Connection, row: i64, secret: &Secret) -> Result<(), StoreError> {
    let document = Document::of(secret)?;
    db.prepare_cached(
        "UPDATE secrets SET document = ?2, checksum = ?3, rotation_due_time = ?4, deletion_due_time = ?5, event = ?6
         WHERE row = ?1 AND document <> ?2",
    )
    .and_then(|mut statement| {
        statement.execute(params![
            row,
            document.text,
            document.checksum,
            rotation_due_time(secret).map(time),
            deletion_due_time(secret).map(time),
            secret.event_subscriptions.first().map(EventName::as_str),
        ])
    })
    .during(WRITING)
    .map(drop)
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
            (DUE_DELETIONS, "secrets_by_deletion"),
            (NEXT_DUE_TIME, "secrets_by_rotation"),
            (NEXT_DUE_TIME, "secrets_by_deletion"),
            (FIND, "secrets_by_name"),
            (VALUE, "secret_values_by_version"),
            (LIST, "secrets_by_name"),
            (LIST_OF_EVENT, "secrets_by_event"),
        ] {
            let plan = plan(&db, sql);
            assert!(plan.contains(index) && !plan.contains("SCAN secrets;") && !plan.contains("TEMP B-TREE"), "{plan}");
        }
    }
}
