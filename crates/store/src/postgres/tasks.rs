//! Statements about rotation tasks.

use std::time::Duration;

use csms_core::{
    ProjectId, TaskId, UnixMillis,
    task::{Task, TaskStatus},
};
use tokio_postgres::{Row, types::ToSql};

use super::{audit, failure::column, session::Session};
use crate::{
    audit::AuditEntry,
    document::{self, Document},
    error::StoreError,
    record::{Lease, RotationBacklog, TaskFilter, TaskOutcome, TaskPage},
    row::{self, time},
};

const READING: &str = "reading a task";
const WRITING: &str = "writing a task";
const LEASING: &str = "leasing a task";

fn read_task(row: &Row) -> Result<Task, StoreError> {
    let text: &str = column(row, 0, READING)?;
    document::decode(text.as_bytes(), column(row, 1, READING)?, "a task")
}

pub(super) async fn find(session: &Session, id: &TaskId) -> Result<Option<Task>, StoreError> {
    let sql = "SELECT document, checksum FROM tasks WHERE id = $1";
    session.row(sql, &[&id.as_str()], READING).await?.as_ref().map(read_task).transpose()
}

/// Locks a task until the transaction ends, and finds it with the holder of its lease, unless that has expired.
pub(super) async fn lock(session: &Session, id: &TaskId) -> Result<Option<(Task, Option<String>)>, StoreError> {
    let sql = "SELECT document, checksum,
         CASE WHEN lease_expires > (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT THEN lease_holder END
         FROM tasks WHERE id = $1 FOR UPDATE";
    let row = session.row(sql, &[&id.as_str()], READING).await?;
    row.map(|row| read_locked(&row)).transpose()
}

/// The task and its holder in the first three columns of a row.
pub(super) fn read_locked(row: &Row) -> Result<(Task, Option<String>), StoreError> {
    Ok((read_task(row)?, column(row, 2, READING)?))
}

pub(super) async fn list(session: &Session, project: &ProjectId, filter: &TaskFilter) -> Result<TaskPage, StoreError> {
    const DOING: &str = "listing tasks";
    let project = project.as_str();
    let secret_name = filter.secret_name.as_ref().map(|name| name.as_str().to_owned());
    let status = filter.status.map(row::status);
    // One statement per combination of filters, so that each uses the index made for it.
    let mut condition = String::from("project = $1");
    let mut values: Vec<&(dyn ToSql + Sync)> = vec![&project];
    if let Some(name) = &secret_name {
        values.push(name);
        condition.push_str(&format!(" AND secret_name = ${}", values.len()));
    }
    if let Some(status) = &status {
        values.push(status);
        condition.push_str(&format!(" AND status = ${}", values.len()));
    }
    let (all, mut marker) = (condition.clone(), String::from("SELECT NULL::BIGINT AS create_time"));
    let after = filter.after.as_ref().map(TaskId::as_str);
    if let Some(after) = &after {
        values.push(after);
        let place = values.len();
        marker = format!("SELECT create_time FROM tasks WHERE id = ${place} AND project = $1");
        condition.push_str(&format!(" AND (create_time, id) < (marker.create_time, ${place})"));
    }
    let fetched = row::fetched(filter.limit);
    values.push(&fetched);
    // All of one instant: the number, whether there is a marker, and the tasks behind it.
    let sql = format!(
        "SELECT every.number, page.document, page.checksum
         FROM (SELECT count(*) AS number FROM tasks WHERE {all}) AS every
         CROSS JOIN ({marker}) AS marker
         LEFT JOIN LATERAL (SELECT create_time, id, document, checksum FROM tasks WHERE {condition}
             ORDER BY create_time DESC, id DESC LIMIT ${}) AS page ON TRUE
         ORDER BY page.create_time DESC, page.id DESC",
        values.len()
    );
    let rows = session.rows(&sql, &values, DOING).await?;
    let total: i64 = column(rows.first().ok_or(StoreError::NotFound)?, 0, DOING)?;
    let mut items = Vec::with_capacity(rows.len());
    for row in &rows {
        let text: Option<&str> = column(row, 1, DOING)?;
        if let Some(text) = text {
            items.push(document::decode(text.as_bytes(), column(row, 2, DOING)?, "a task")?);
        }
    }
    Ok(TaskPage { page: row::page(items, filter.limit), total: row::count(total)? })
}

pub(super) const BACKLOG: &str = "SELECT due.number, due.oldest, running.number, running.oldest FROM
     (SELECT count(*) AS number, min(rotation_due_time) AS oldest FROM secrets WHERE rotation_due_time <= $1) AS due,
     (SELECT count(*) AS number, min(create_time) AS oldest FROM tasks WHERE status = 'RUNNING') AS running";

pub(super) async fn backlog(session: &Session, now: UnixMillis) -> Result<RotationBacklog, StoreError> {
    const DOING: &str = "counting rotations";
    let row = session.row(BACKLOG, &[&time(now)], DOING).await?;
    let Some(row) = row else { return Ok(RotationBacklog::default()) };
    row::backlog((column(&row, 0, DOING)?, column(&row, 1, DOING)?, column(&row, 2, DOING)?, column(&row, 3, DOING)?))
}

pub(super) const PURGE: &str = "DELETE FROM tasks WHERE id IN (
     SELECT id FROM tasks WHERE status = $1 AND status <> 'RUNNING' AND create_time < $2 ORDER BY create_time LIMIT $3)";

pub(super) async fn purge(
    session: &Session,
    outcome: TaskOutcome,
    before: UnixMillis,
    limit: u16,
) -> Result<u64, StoreError> {
    let parameters: [&(dyn ToSql + Sync); 3] = [&row::status(outcome), &time(before), &i64::from(limit)];
    session.execute(PURGE, &parameters, "removing old tasks").await
}

/// Stores a task, in place of the one with the same identifier if there is one. A finished one loses its lease.
pub(super) async fn put(session: &Session, task: &Task) -> Result<(), StoreError> {
    let document = Document::of(task)?;
    let (id, status, checksum) = (task.id.as_str(), task.status.as_str(), i64::from(document.checksum));
    let update = match task.status {
        TaskStatus::Running => "UPDATE tasks SET status = $2, document = $3, checksum = $4 WHERE id = $1",
        TaskStatus::Succeeded | TaskStatus::Failed { .. } => {
            "UPDATE tasks SET status = $2, document = $3, checksum = $4, lease_holder = NULL, lease_expires = NULL
             WHERE id = $1"
        }
    };
    if session.execute(update, &[&id, &status, &document.text, &checksum], WRITING).await? > 0 {
        return Ok(());
    }
    session
        .execute(
            "INSERT INTO tasks (id, project, secret_name, secret_id, status, create_time, document, checksum)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            &[
                &id,
                &task.project.as_str(),
                &task.secret_name.as_str(),
                &task.secret_id.as_str(),
                &status,
                &time(task.create_time),
                &document.text,
                &checksum,
            ],
            WRITING,
        )
        .await
        .map(drop)
}

pub(super) async fn finish_orphan(
    session: &Session,
    task: &Task,
    holder: &str,
    records: Vec<AuditEntry>,
) -> Result<(), StoreError> {
    let (stored, held_by) = lock(session, &task.id).await?.unzip();
    row::require_running(stored.as_ref())?;
    row::require_holder(task, held_by.flatten().as_deref(), holder)?;
    let sql = "SELECT 1::BIGINT FROM secrets WHERE id = $1";
    if session.number(sql, &[&task.secret_id.as_str()], WRITING).await?.is_some() {
        return Err(row::no_orphan(task));
    }
    put(session, task).await?;
    audit::append(session, records).await
}

// Leases are granted, renewed and judged by the clock of the database, which all servers share. One that lasts longer than leases do was
// granted before that clock was set back, and its holder renews it or is gone; a standby that takes over may be behind by some seconds.
// Rows that are locked are being taken by another, or changed by their holder.
pub(super) const CLAIM: &str = "UPDATE tasks
     SET lease_holder = $1, lease_expires = (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT + $2::BIGINT
     WHERE id IN (
         SELECT id FROM tasks WHERE status = 'RUNNING' AND
             (lease_expires IS NULL OR lease_expires <= (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT
                 OR lease_expires > (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT + $2::BIGINT + 10000)
         ORDER BY create_time, id LIMIT $3 FOR UPDATE SKIP LOCKED)
     RETURNING document, checksum";

pub(super) async fn claim(
    session: &Session,
    holder: &str,
    lasts: Duration,
    limit: u16,
) -> Result<Vec<Task>, StoreError> {
    let rows = session.rows(CLAIM, &[&holder, &millis(lasts), &i64::from(limit)], LEASING).await?;
    let mut claimed = rows.iter().map(read_task).collect::<Result<Vec<_>, _>>()?;
    claimed.sort_by(|a, b| (a.create_time, &a.id).cmp(&(b.create_time, &b.id)));
    Ok(claimed)
}

pub(super) fn millis(lasts: Duration) -> i64 {
    i64::try_from(lasts.as_millis()).unwrap_or(i64::MAX)
}

/// Gives a task its first lease.
pub(super) async fn put_lease(session: &Session, lease: &Lease) -> Result<(), StoreError> {
    let sql = "UPDATE tasks
         SET lease_holder = $2, lease_expires = (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT + $3::BIGINT
         WHERE id = $1";
    session.execute(sql, &[&lease.task.as_str(), &lease.holder, &millis(lease.lasts)], LEASING).await.map(drop)
}

pub(super) async fn renew_lease(session: &Session, lease: &Lease) -> Result<bool, StoreError> {
    let sql = "UPDATE tasks
         SET lease_expires = (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT + $3::BIGINT
         WHERE id = $1 AND lease_holder = $2";
    let renewed = session.execute(sql, &[&lease.task.as_str(), &lease.holder, &millis(lease.lasts)], LEASING).await?;
    Ok(renewed > 0)
}

pub(super) async fn release_leases_of(session: &Session, server: &str) -> Result<u64, StoreError> {
    let sql = "UPDATE tasks SET lease_holder = NULL, lease_expires = NULL
         WHERE status = 'RUNNING' AND starts_with(lease_holder, $1)";
    session.execute(sql, &[&server], LEASING).await
}

pub(super) async fn release_lease(session: &Session, task: &TaskId, holder: &str) -> Result<(), StoreError> {
    let sql = "UPDATE tasks SET lease_holder = NULL, lease_expires = NULL WHERE id = $1 AND lease_holder = $2";
    session.execute(sql, &[&task.as_str(), &holder], LEASING).await.map(drop)
}
