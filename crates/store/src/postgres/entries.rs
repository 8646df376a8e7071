//! Statements about entries.

use csms_core::{EventName, ProjectId, event::Event};
use tokio_postgres::Row;

use super::{audit, failure::column, session::Session};
use crate::{
    audit::AuditEntry,
    bound::{Binding, Columns},
    document::{self, Document},
    entry::{self, Entry, EntryChange},
    error::StoreError,
    record::Page,
    row,
};

const READING: &str = "reading an entry";
const WRITING: &str = "writing an entry";

const FIND: &str = "SELECT document, checksum, mac FROM entries WHERE project = $1 AND kind = $2 AND name = $3";
const LOCK: &str =
    "SELECT document, checksum, mac FROM entries WHERE project = $1 AND kind = $2 AND name = $3 FOR UPDATE";

/// Reads the document, its checksum and MAC in the first three columns.
fn read<T: Entry>(row: &Row, binding: Binding<'_>, project: &ProjectId, name: &str) -> Result<T, StoreError> {
    let text: &str = column(row, 0, READING)?;
    let columns = Columns::Entry { project: project.as_str(), kind: T::KIND, name, document: text };
    binding.require(&columns, column(row, 2, READING)?)?;
    document::decode(text.as_bytes(), column(row, 1, READING)?, T::KIND)
}

/// Whether there is a row, and what it says.
async fn found<T: Entry>(
    session: &Session,
    sql: &str,
    project: &ProjectId,
    name: &str,
) -> Result<(bool, Option<T>), StoreError> {
    // PostgreSQL holds no text with the character 0, so nothing has such a name.
    if name.contains('\0') {
        return Ok((false, None));
    }
    let row = session.row(sql, &[&project.as_str(), &T::KIND, &name], READING).await?;
    let Some(row) = row else { return Ok((false, None)) };
    Ok((true, entry::present(read(&row, session.binding()?, project, name))?))
}

pub(super) async fn find<T: Entry>(
    session: &Session,
    project: &ProjectId,
    name: &str,
) -> Result<Option<T>, StoreError> {
    Ok(found(session, FIND, project, name).await?.1)
}

pub(super) async fn list<T: Entry>(
    session: &Session,
    project: &ProjectId,
    after: Option<&str>,
    limit: u16,
) -> Result<Page<(String, T)>, StoreError> {
    let sql = "SELECT document, checksum, mac, name FROM entries WHERE project = $1 AND kind = $2 AND name > $3
         ORDER BY name LIMIT $4";
    let after = after.unwrap_or("").split('\0').next().unwrap_or("");
    let rows = session.rows(sql, &[&project.as_str(), &T::KIND, &after, &row::fetched(limit)], READING).await?;
    let binding = session.binding()?;
    let items = rows.iter().map(|row| {
        let name: String = column(row, 3, READING)?;
        let entry = read(row, binding, project, &name)?;
        Ok((name, entry))
    });
    Ok(row::page(items.collect::<Result<_, StoreError>>()?, limit))
}

/// Locks an entry until the transaction ends. Returns whether there is a row, and what it says.
pub(super) async fn lock<T: Entry>(
    session: &Session,
    project: &ProjectId,
    name: &str,
) -> Result<(bool, Option<T>), StoreError> {
    found(session, LOCK, project, name).await
}

/// Writes what becomes of a locked entry, which `exists` or does not, and the records of that.
pub(super) async fn apply<T: Entry>(
    session: &Session,
    project: &ProjectId,
    name: &str,
    exists: bool,
    change: &EntryChange<Document>,
    records: Vec<AuditEntry>,
) -> Result<(), StoreError> {
    match change {
        EntryChange::Keep => return Ok(()),
        EntryChange::Put(Document { text, checksum }) => {
            if !exists {
                require_room::<T>(session, project).await?;
            }
            let (project, kind) = (project.as_str(), T::KIND);
            let mac = session.binding()?.bind(&Columns::Entry { project, kind, name, document: text });
            let sql = if exists {
                "UPDATE entries SET document = $4, checksum = $5, mac = $6 WHERE project = $1 AND kind = $2 AND name = $3"
            } else {
                "INSERT INTO entries (project, kind, name, document, checksum, mac) VALUES ($1, $2, $3, $4, $5, $6)"
            };
            session.execute(sql, &[&project, &kind, &name, text, &i64::from(*checksum), &mac], WRITING).await?;
        }
        EntryChange::Remove => {
            // The entry is locked: who binds a secret to it waits, and then does not find it.
            let bound = "SELECT 1::BIGINT FROM secrets WHERE project = $1 AND event = $2 LIMIT 1";
            if T::KIND == Event::KIND && session.number(bound, &[&project.as_str(), &name], READING).await?.is_some() {
                return Err(StoreError::InUse);
            }
            let sql = "DELETE FROM entries WHERE project = $1 AND kind = $2 AND name = $3";
            session.execute(sql, &[&project.as_str(), &T::KIND, &name], WRITING).await?;
        }
    }
    audit::append(session, records).await
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
    let sql = "SELECT document, checksum, mac FROM entries WHERE project = $1 AND kind = $2 AND name = $3 FOR SHARE";
    found::<Event>(session, sql, project, event.as_str()).await?.1.map(drop).ok_or(StoreError::UnknownEvent)
}

/// Binds every entry to its row as it is, for data that an older release has written.
pub(super) async fn rebind(session: &Session) -> Result<(), StoreError> {
    const DOING: &str = "binding entries to their rows";
    let binding = session.binding()?;
    for row in session.rows("SELECT project, kind, name, document FROM entries FOR UPDATE", &[], DOING).await? {
        let text = |at: usize| column::<&str>(&row, at, DOING);
        let (project, kind, name, document) = (text(0)?, text(1)?, text(2)?, text(3)?);
        let mac = binding.bind(&Columns::Entry { project, kind, name, document });
        let sql = "UPDATE entries SET mac = $4 WHERE project = $1 AND kind = $2 AND name = $3";
        session.execute(sql, &[&project, &kind, &name, &mac], DOING).await?;
    }
    Ok(())
}
