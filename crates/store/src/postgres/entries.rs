//! Statements about entries.

use std::panic::{AssertUnwindSafe, catch_unwind};

use csms_core::{EventName, ProjectId, event::Event};
use tokio_postgres::Row;

use super::{audit, failure::column, session::Session};
use crate::{
    audit::AuditEntry,
    document::{self, Document},
    entry::{Entry, EntryChange},
    error::{Cause, ChangeError, StoreError},
    record::Page,
    row,
};

const READING: &str = "reading an entry";
const WRITING: &str = "writing an entry";

const FIND: &str = "SELECT document, checksum FROM entries WHERE project = $1 AND kind = $2 AND name = $3";
const LOCK: &str = "SELECT document, checksum FROM entries WHERE project = $1 AND kind = $2 AND name = $3 FOR UPDATE";

fn read<T: Entry>(row: &Row) -> Result<T, StoreError> {
    let text: &str = column(row, 0, READING)?;
    document::decode(text.as_bytes(), column(row, 1, READING)?, T::KIND)
}

async fn found<T: Entry>(
    session: &Session,
    sql: &str,
    project: &ProjectId,
    name: &str,
) -> Result<Option<T>, StoreError> {
    // PostgreSQL holds no text with the character 0, so nothing has such a name.
    if name.contains('\0') {
        return Ok(None);
    }
    session.row(sql, &[&project.as_str(), &T::KIND, &name], READING).await?.as_ref().map(read).transpose()
}

pub(super) async fn find<T: Entry>(
    session: &Session,
    project: &ProjectId,
    name: &str,
) -> Result<Option<T>, StoreError> {
    found(session, FIND, project, name).await
}

pub(super) async fn list<T: Entry>(
    session: &Session,
    project: &ProjectId,
    after: Option<&str>,
    limit: u16,
) -> Result<Page<(String, T)>, StoreError> {
    let sql = "SELECT document, checksum, name FROM entries WHERE project = $1 AND kind = $2 AND name > $3
         ORDER BY name LIMIT $4";
    let after = after.unwrap_or("").split('\0').next().unwrap_or("");
    let rows = session.rows(sql, &[&project.as_str(), &T::KIND, &after, &row::fetched(limit)], READING).await?;
    let items = rows.iter().map(|row| Ok((column(row, 2, READING)?, read(row)?)));
    Ok(row::page(items.collect::<Result<_, StoreError>>()?, limit))
}

pub(super) async fn change<T: Entry, R, E>(
    session: &Session,
    project: &ProjectId,
    name: &str,
    records: Vec<AuditEntry>,
    decide: impl FnOnce(Option<T>) -> Result<(EntryChange<T>, R), E>,
) -> Result<R, ChangeError<E>> {
    let present = found::<T>(session, LOCK, project, name).await?;
    let exists = present.is_some();
    let (change, answer) = catch_unwind(AssertUnwindSafe(|| decide(present)))
        .map_err(|_| StoreError::Unavailable(Cause::new("the function that decides a write panicked")))?
        .map_err(ChangeError::Refused)?;
    match change {
        EntryChange::Keep => return Ok(answer),
        EntryChange::Put(entry) => {
            if !exists {
                require_room::<T>(session, project).await?;
            }
            let document = Document::of(&entry)?;
            let sql = if exists {
                "UPDATE entries SET document = $4, checksum = $5 WHERE project = $1 AND kind = $2 AND name = $3"
            } else {
                "INSERT INTO entries (project, kind, name, document, checksum) VALUES ($1, $2, $3, $4, $5)"
            };
            let checksum = i64::from(document.checksum);
            session.execute(sql, &[&project.as_str(), &T::KIND, &name, &document.text, &checksum], WRITING).await?;
        }
        EntryChange::Remove => {
            // The entry is locked: who binds a secret to it waits, and then does not find it.
            let bound = "SELECT 1::BIGINT FROM secrets WHERE project = $1 AND event = $2 LIMIT 1";
            if T::KIND == Event::KIND && session.number(bound, &[&project.as_str(), &name], READING).await?.is_some() {
                return Err(StoreError::InUse.into());
            }
            let sql = "DELETE FROM entries WHERE project = $1 AND kind = $2 AND name = $3";
            session.execute(sql, &[&project.as_str(), &T::KIND, &name], WRITING).await?;
        }
    }
    audit::append(session, records).await?;
    Ok(answer)
}

/// Refuses one more entry of a kind of which the project has the most. Whoever makes another one waits until the transaction
/// ends, so that each counts those of the others.
async fn require_room<T: Entry>(session: &Session, project: &ProjectId) -> Result<(), StoreError> {
    let Some(most) = T::MOST else { return Ok(()) };
    session.execute("LOCK TABLE entries IN SHARE ROW EXCLUSIVE MODE", &[], WRITING).await?;
    let sql = "SELECT count(*) FROM entries WHERE project = $1 AND kind = $2";
    let number = session.number(sql, &[&project.as_str(), &T::KIND], READING).await?;
    if number.unwrap_or(0) >= i64::from(most) { Err(StoreError::Full(most)) } else { Ok(()) }
}

/// Refuses to bind a secret to an event that does not exist, and keeps the event until the transaction ends.
pub(super) async fn require_event(session: &Session, project: &ProjectId, event: &EventName) -> Result<(), StoreError> {
    let sql = "SELECT document, checksum FROM entries WHERE project = $1 AND kind = $2 AND name = $3 FOR SHARE";
    found::<Event>(session, sql, project, event.as_str()).await?.map(drop).ok_or(StoreError::UnknownEvent)
}
