//! Statements about rotation tasks.

use csms_core::{ProjectId, TaskId, UnixMillis, task::Task};
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, params};

use super::failure::During as _;
use crate::{
    document::{self, Document},
    error::StoreError,
    record::{RotationBacklog, TaskFilter, TaskOutcome, TaskPage},
    row::{self, time},
};

const READING: &str = "reading a task";
const WRITING: &str = "writing a task";

fn read_task(row: &Row<'_>) -> Result<Task, StoreError> {
    let text = row.get_ref(0).during(READING)?.as_bytes().map_err(rusqlite::Error::from).during(READING)?;
    document::decode(text, row.get(1).during(READING)?, "a task")
}

pub(super) fn find(db: &Connection, id: &TaskId) -> Result<Option<Task>, StoreError> {
    let mut statement = db.prepare_cached("SELECT document, checksum FROM tasks WHERE id = ?1").during(READING)?;
    let mut rows = statement.query([id.as_str()]).during(READING)?;
    rows.next().during(READING)?.map(read_task).transpose()
}

pub(super) const RUNNING: &str =
    "SELECT document, checksum FROM tasks WHERE status = 'RUNNING' ORDER BY create_time, id";

/// Every task that is not finished, oldest first.
pub(super) fn running(db: &Connection) -> Result<Vec<Task>, StoreError> {
    let mut statement = db.prepare_cached(RUNNING).during(READING)?;
    collect(&mut statement.query([]).during(READING)?)
}

fn collect(rows: &mut rusqlite::Rows<'_>) -> Result<Vec<Task>, StoreError> {
    let mut tasks = Vec::new();
    while let Some(row) = rows.next().during(READING)? {
        tasks.push(read_task(row)?);
    }
    Ok(tasks)
}

pub(super) fn list(db: &Connection, project: &ProjectId, filter: &TaskFilter) -> Result<TaskPage, StoreError> {
    const DOING: &str = "listing tasks";
    let status = filter.status.map(row::status);
    let secret_name = filter.secret_name.as_ref().map(|name| name.as_str().to_owned());
    // One statement per combination of filters, so that each uses the index made for it.
    let mut condition = String::from("project = ?");
    let mut values: Vec<Box<dyn ToSql>> = vec![Box::new(project.as_str().to_owned())];
    if let Some(name) = secret_name {
        condition.push_str(" AND secret_name = ?");
        values.push(Box::new(name));
    }
    if let Some(status) = status {
        condition.push_str(" AND status = ?");
        values.push(Box::new(status));
    }
    let total: i64 = db
        .prepare_cached(&format!("SELECT count(*) FROM tasks WHERE {condition}"))
        .and_then(|mut statement| statement.query_row(rusqlite::params_from_iter(&values), |row| row.get(0)))
        .during(DOING)?;

    if let Some(after) = &filter.after {
        let create_time: Option<i64> = db
            .prepare_cached("SELECT create_time FROM tasks WHERE id = ?1 AND project = ?2")
            .and_then(|mut statement| {
                statement.query_row([after.as_str(), project.as_str()], |row| row.get(0)).optional()
            })
            .during(DOING)?;
        condition.push_str(" AND (create_time, id) < (?, ?)");
        values.push(Box::new(create_time.ok_or(StoreError::NotFound)?));
        values.push(Box::new(after.as_str().to_owned()));
    }
    values.push(Box::new(row::fetched(filter.limit)));
    let mut statement = db
        .prepare_cached(&format!(
            "SELECT document, checksum FROM tasks WHERE {condition} ORDER BY create_time DESC, id DESC LIMIT ?"
        ))
        .during(DOING)?;
    let items = collect(&mut statement.query(rusqlite::params_from_iter(&values)).during(DOING)?)?;
    Ok(TaskPage { page: row::page(items, filter.limit), total: u64::try_from(total).unwrap_or(0) })
}

pub(super) const BACKLOG: &str = "SELECT due.number, due.oldest, running.number, running.oldest FROM
     (SELECT count(*) AS number, min(rotation_due_time) AS oldest FROM secrets WHERE rotation_due_time <= ?1) AS due,
     (SELECT count(*) AS number, min(create_time) AS oldest FROM tasks WHERE status = 'RUNNING') AS running";

pub(super) fn backlog(db: &Connection, now: UnixMillis) -> Result<RotationBacklog, StoreError> {
    let columns = db
        .prepare_cached(BACKLOG)
        .and_then(|mut statement| {
            statement.query_row([time(now)], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        })
        .during("counting rotations")?;
    row::backlog(columns)
}

pub(super) const PURGE: &str = "DELETE FROM tasks WHERE row IN (
     SELECT row FROM tasks WHERE status = ?1 AND status <> 'RUNNING' AND create_time < ?2 ORDER BY create_time LIMIT ?3)";

pub(super) fn purge(db: &Connection, outcome: TaskOutcome, before: UnixMillis, limit: u16) -> Result<u64, StoreError> {
    let removed = db
        .prepare_cached(PURGE)
        .and_then(|mut statement| statement.execute(params![row::status(outcome), time(before), limit]))
        .during("removing old tasks")?;
    Ok(removed as u64)
}

/// Stores a task, in place of the one with the same identifier if there is one.
pub(super) fn put(db: &Connection, task: &Task) -> Result<(), StoreError> {
    let document = Document::of(task)?;
    db.prepare_cached(
        "INSERT INTO tasks (id, project, secret_name, secret_id, status, create_time, document, checksum)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (id) DO UPDATE
         SET status = excluded.status, document = excluded.document, checksum = excluded.checksum",
    )
    .and_then(|mut statement| {
        statement.execute(params![
            task.id.as_str(),
            task.project.as_str(),
            task.secret_name.as_str(),
            task.secret_id.as_str(),
            task.status.as_str(),
            time(task.create_time),
            document.text,
            document.checksum,
        ])
    })
    .during(WRITING)
    .map(drop)
}

pub(super) fn finish_orphan(db: &Connection, task: &Task) -> Result<(), StoreError> {
    row::require_running(find(db, &task.id)?.as_ref())?;
    let exists = db
        .prepare_cached("SELECT 1 FROM secrets WHERE id = ?1")
        .and_then(|mut statement| statement.exists([task.secret_id.as_str()]))
        .during(WRITING)?;
    if exists {
        return Err(row::no_orphan(task));
    }
    put(db, task)
}
