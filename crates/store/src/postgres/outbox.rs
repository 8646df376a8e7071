//! Statements about notifications.

use csms_core::{
    ProjectId, UnixMillis,
    event::{Event, Notification, NotificationStatus},
};
use tokio_postgres::Row;

use super::{entries, failure::column, session::Session};
use crate::{
    document::Document,
    draft::Draft,
    error::StoreError,
    outbox::{optional_time, read_attempt, read_notification, read_status},
    record::{ClaimedNotification, OutboxBacklog, Page, Postponed},
    row::{self, time},
};

const READING: &str = "reading a notification";
const WRITING: &str = "writing a notification";

fn read(row: &Row) -> Result<Notification, StoreError> {
    let text: &str = column(row, 0, READING)?;
    read_notification(text.as_bytes(), column(row, 1, READING)?)
}

/// Stores the notifications of a change, due immediately.
pub(super) async fn notify(session: &Session, draft: &Draft) -> Result<(), StoreError> {
    let Some(name) = draft.event_concerned() else { return Ok(()) };
    let event = entries::find::<Event>(session, &draft.secret.project, name.as_str()).await?;
    let Some(event) = event else { return Ok(()) };
    for notification in draft.notifications(&event) {
        let document = Document::of(&notification)?;
        let sql = "INSERT INTO notifications (id, project, create_time, attempts, due_time, document, checksum)
             VALUES ($1, $2, $3, 0, $3, $4, $5)";
        let (create_time, checksum) = (time(notification.create_time), i64::from(document.checksum));
        let project = notification.project.as_str();
        session.execute(sql, &[&notification.id, &project, &create_time, &document.text, &checksum], WRITING).await?;
    }
    Ok(())
}

pub(super) async fn list(
    session: &Session,
    project: &ProjectId,
    after: Option<&str>,
    limit: u16,
) -> Result<Page<(Notification, NotificationStatus)>, StoreError> {
    const FIRST_PAGE: &str = "SELECT document, checksum, status FROM notifications
         WHERE project = $1 AND status IS NOT NULL ORDER BY create_time DESC, id DESC LIMIT $2";
    // One statement: whether there is a marker, and what is behind it.
    const NEXT_PAGE: &str = "SELECT page.document, page.checksum, page.status
         FROM (SELECT create_time, id FROM notifications WHERE id = $3 AND project = $1) AS marker
         LEFT JOIN LATERAL (SELECT create_time, id, document, checksum, status FROM notifications
             WHERE project = $1 AND status IS NOT NULL AND (create_time, id) < (marker.create_time, marker.id)
             ORDER BY create_time DESC, id DESC LIMIT $2) AS page ON TRUE
         ORDER BY page.create_time DESC, page.id DESC";
    let (project, fetched) = (project.as_str(), row::fetched(limit));
    let rows = match &after {
        None => session.rows(FIRST_PAGE, &[&project, &fetched], READING).await?,
        Some(after) => session.rows(NEXT_PAGE, &[&project, &fetched, after], READING).await?,
    };
    if after.is_some() && rows.is_empty() {
        return Err(StoreError::NotFound);
    }
    let mut items = Vec::with_capacity(rows.len());
    for row in &rows {
        let text: Option<&str> = column(row, 0, READING)?;
        if let Some(text) = text {
            let notification = read_notification(text.as_bytes(), column(row, 1, READING)?)?;
            items.push((notification, read_status(column(row, 2, READING)?)?));
        }
    }
    Ok(row::page(items, limit))
}

pub(super) async fn claim(
    session: &Session,
    now: UnixMillis,
    until: UnixMillis,
    limit: u16,
) -> Result<Vec<ClaimedNotification>, StoreError> {
    // Rows that are locked are being taken by another.
    let sql = "UPDATE notifications SET attempts = attempts + 1, due_time = $2 WHERE id IN (
             SELECT id FROM notifications WHERE due_time <= $1 ORDER BY due_time LIMIT $3 FOR UPDATE SKIP LOCKED)
         RETURNING document, checksum, attempts";
    let rows = session.rows(sql, &[&time(now), &time(until), &i64::from(limit)], WRITING).await?;
    let claimed = rows.iter().map(|row| {
        Ok(ClaimedNotification { notification: read(row)?, attempt: read_attempt(column(row, 2, READING)?) })
    });
    let mut claimed = claimed.collect::<Result<Vec<_>, StoreError>>()?;
    claimed.sort_by(|a, b| {
        let key = |claimed: &ClaimedNotification| (claimed.notification.create_time, claimed.notification.id.clone());
        key(a).cmp(&key(b))
    });
    Ok(claimed)
}

pub(super) async fn postpone(session: &Session, postponed: &[Postponed]) -> Result<(), StoreError> {
    let ids: Vec<_> = postponed.iter().map(|one| one.id.as_str()).collect();
    let attempts: Vec<_> = postponed.iter().map(|one| i64::from(one.attempt)).collect();
    let due: Vec<_> = postponed.iter().map(|one| time(one.until)).collect();
    let sql = "UPDATE notifications SET attempts = attempts - 1, due_time = one.due
         FROM unnest($1::TEXT[], $2::BIGINT[], $3::BIGINT[]) AS one (id, attempt, due)
         WHERE notifications.id = one.id AND notifications.attempts = one.attempt";
    session.execute(sql, &[&ids, &attempts, &due], WRITING).await.map(drop)
}

pub(super) async fn settle(
    session: &Session,
    id: &str,
    attempt: u32,
    status: NotificationStatus,
    next: Option<UnixMillis>,
) -> Result<bool, StoreError> {
    let sql = "UPDATE notifications SET status = $3, due_time = $4 WHERE id = $1 AND attempts = $2";
    let settled =
        session.execute(sql, &[&id, &i64::from(attempt), &status.as_str(), &optional_time(next)], WRITING).await?;
    Ok(settled > 0)
}

pub(super) async fn hasten(session: &Session, now: UnixMillis, latest: UnixMillis) -> Result<u64, StoreError> {
    let sql = "UPDATE notifications SET due_time = $1 WHERE due_time > $2";
    session.execute(sql, &[&time(now), &time(latest)], WRITING).await
}

pub(super) async fn purge(session: &Session, before: UnixMillis) -> Result<u64, StoreError> {
    let sql = "DELETE FROM notifications WHERE create_time < $1";
    session.execute(sql, &[&time(before)], "removing old notifications").await
}

const BACKLOG: &str = "SELECT count(*), min(create_time) FROM notifications WHERE due_time IS NOT NULL";

pub(super) async fn backlog(session: &Session) -> Result<OutboxBacklog, StoreError> {
    const DOING: &str = "counting notifications";
    let Some(row) = session.row(BACKLOG, &[], DOING).await? else { return Ok(OutboxBacklog::default()) };
    let (waiting, oldest): (i64, Option<i64>) = (column(&row, 0, DOING)?, column(&row, 1, DOING)?);
    let oldest = oldest.map(row::read_time).transpose()?;
    Ok(OutboxBacklog { waiting: u64::try_from(waiting).unwrap_or_default(), oldest })
}

pub(super) async fn next_event_time(session: &Session) -> Result<Option<UnixMillis>, StoreError> {
    let sql = "SELECT min(due) FROM (
         SELECT min(due_time) AS due FROM notifications WHERE due_time IS NOT NULL
         UNION ALL SELECT min(expiry_due_time) FROM secrets WHERE expiry_due_time IS NOT NULL) AS times";
    let due = session.number(sql, &[], "looking for the next event").await?;
    due.map(row::read_time).transpose()
}
