//! Statements about notifications.

use csms_core::{
    ProjectId, UnixMillis,
    event::{Event, Notification, NotificationStatus},
};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{entries, failure::During as _};
use crate::{
    bound::Binding,
    document::Document,
    draft::Draft,
    error::StoreError,
    outbox::{optional_time, read_attempt, read_notification, read_status},
    record::{ClaimedNotification, OutboxBacklog, Page, Postponed},
    row::{self, time},
};

const READING: &str = "reading a notification";
const WRITING: &str = "writing a notification";

fn read(row: &Row<'_>) -> Result<Notification, StoreError> {
    let text = row.get_ref(0).during(READING)?.as_bytes().map_err(rusqlite::Error::from).during(READING)?;
    read_notification(text, row.get(1).during(READING)?)
}

/// Stores the notifications of a change, due immediately.
pub(super) fn notify(db: &Connection, binding: Binding<'_>, draft: &Draft) -> Result<(), StoreError> {
    let Some(name) = draft.event_concerned() else { return Ok(()) };
    let Some(event) = entries::find::<Event>(db, binding, &draft.secret.project, name.as_str())? else {
        return Ok(());
    };
    for notification in draft.notifications(&event) {
        let document = Document::of(&notification)?;
        db.prepare_cached(
            "INSERT INTO notifications (id, project, create_time, attempts, due_time, document, checksum)
             VALUES (?1, ?2, ?3, 0, ?3, ?4, ?5)",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                notification.id,
                notification.project.as_str(),
                time(notification.create_time),
                document.text,
                document.checksum,
            ])
        })
        .during(WRITING)?;
    }
    Ok(())
}

const LIST: &str = "SELECT document, checksum, status FROM notifications WHERE project = ?1 AND status IS NOT NULL
     AND (create_time, id) < (?2, ?3) ORDER BY create_time DESC, id DESC LIMIT ?4";

pub(super) fn list(
    db: &Connection,
    project: &ProjectId,
    after: Option<&str>,
    limit: u16,
) -> Result<Page<(Notification, NotificationStatus)>, StoreError> {
    let (before, id) = match after {
        // Behind every notification.
        None => (i64::MAX, ""),
        Some(id) => {
            let found = db
                .prepare_cached("SELECT create_time FROM notifications WHERE id = ?1 AND project = ?2")
                .and_then(|mut statement| statement.query_row([id, project.as_str()], |row| row.get(0)).optional())
                .during(READING)?;
            (found.ok_or(StoreError::NotFound)?, id)
        }
    };
    let mut statement = db.prepare_cached(LIST).during(READING)?;
    let mut rows = statement.query(params![project.as_str(), before, id, row::fetched(limit)]).during(READING)?;
    let mut items = Vec::new();
    while let Some(row) = rows.next().during(READING)? {
        let status: String = row.get(2).during(READING)?;
        items.push((read(row)?, read_status(&status)?));
    }
    Ok(row::page(items, limit))
}

const DUE: &str = "SELECT document, checksum, attempts FROM notifications WHERE due_time <= ?1
     ORDER BY due_time LIMIT ?2";

pub(super) fn claim(
    db: &Connection,
    now: UnixMillis,
    until: UnixMillis,
    limit: u16,
) -> Result<Vec<ClaimedNotification>, StoreError> {
    let mut claimed = Vec::new();
    let mut statement = db.prepare_cached(DUE).during(READING)?;
    let mut rows = statement.query(params![time(now), limit]).during(READING)?;
    while let Some(row) = rows.next().during(READING)? {
        let attempt = read_attempt(row.get(2).during(READING)?).saturating_add(1);
        claimed.push(ClaimedNotification { notification: read(row)?, attempt });
    }
    for ClaimedNotification { notification, attempt } in &claimed {
        db.prepare_cached("UPDATE notifications SET attempts = ?2, due_time = ?3 WHERE id = ?1")
            .and_then(|mut statement| statement.execute(params![notification.id, attempt, time(until)]))
            .during(WRITING)?;
    }
    Ok(claimed)
}

pub(super) fn postpone(db: &Connection, postponed: &[Postponed]) -> Result<(), StoreError> {
    for Postponed { id, attempt, until } in postponed {
        db.prepare_cached(
            "UPDATE notifications SET attempts = attempts - 1, due_time = ?3 WHERE id = ?1 AND attempts = ?2",
        )
        .and_then(|mut statement| statement.execute(params![id, attempt, time(*until)]))
        .during(WRITING)?;
    }
    Ok(())
}

pub(super) fn settle(
    db: &Connection,
    id: &str,
    attempt: u32,
    status: NotificationStatus,
    next: Option<UnixMillis>,
) -> Result<bool, StoreError> {
    let settled = db
        .prepare_cached("UPDATE notifications SET status = ?3, due_time = ?4 WHERE id = ?1 AND attempts = ?2")
        .and_then(|mut statement| statement.execute(params![id, attempt, status.as_str(), optional_time(next)]))
        .during(WRITING)?;
    Ok(settled > 0)
}

pub(super) fn hasten(db: &Connection, now: UnixMillis, latest: UnixMillis) -> Result<u64, StoreError> {
    let hastened = db
        .prepare_cached("UPDATE notifications SET due_time = ?1 WHERE due_time > ?2")
        .and_then(|mut statement| statement.execute(params![time(now), time(latest)]))
        .during(WRITING)?;
    Ok(hastened as u64)
}

pub(super) fn purge(db: &Connection, before: UnixMillis) -> Result<u64, StoreError> {
    let purged = db
        .prepare_cached("DELETE FROM notifications WHERE create_time < ?1")
        .and_then(|mut statement| statement.execute([time(before)]))
        .during("removing old notifications")?;
    Ok(purged as u64)
}

const NEXT_EVENT_TIME: &str = "SELECT min(due) FROM (
     SELECT min(due_time) AS due FROM notifications WHERE due_time IS NOT NULL
     UNION ALL SELECT min(expiry_due_time) FROM secrets WHERE expiry_due_time IS NOT NULL)";

const BACKLOG: &str = "SELECT count(*), min(create_time) FROM notifications WHERE due_time IS NOT NULL";

pub(super) fn backlog(db: &Connection) -> Result<OutboxBacklog, StoreError> {
    let (waiting, oldest): (i64, Option<i64>) = db
        .prepare_cached(BACKLOG)
        .and_then(|mut statement| statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?))))
        .during("counting notifications")?;
    let oldest = oldest.map(row::read_time).transpose()?;
    Ok(OutboxBacklog { waiting: u64::try_from(waiting).unwrap_or_default(), oldest })
}

pub(super) fn next_event_time(db: &Connection) -> Result<Option<UnixMillis>, StoreError> {
    let due: Option<i64> = db
        .prepare_cached(NEXT_EVENT_TIME)
        .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
        .during("looking for the next event")?;
    due.map(row::read_time).transpose()
}
