//! Statements about entries.

use csms_core::{EventName, ProjectId, event::Event};
use rusqlite::{Connection, Row, params};

use super::{failure::During as _, writer::Group};
use crate::{
    audit::AuditEntry,
    bound::{Binding, Columns},
    document::{self, Document},
    entry::{self, Entry, EntryChange},
    error::{ChangeError, StoreError},
    record::Page,
    row,
};

const READING: &str = "reading an entry";
const WRITING: &str = "writing an entry";

/// Reads the document, its checksum and MAC in the first three columns.
fn read<T: Entry>(row: &Row<'_>, binding: Binding<'_>, project: &ProjectId, name: &str) -> Result<T, StoreError> {
    let text = row.get_ref(0).during(READING)?.as_str().map_err(rusqlite::Error::from).during(READING)?;
    let mac = row.get_ref(2).during(READING)?.as_bytes_or_null().map_err(rusqlite::Error::from).during(READING)?;
    binding.require(&Columns::Entry { project: project.as_str(), kind: T::KIND, name, document: text }, mac)?;
    document::decode(text.as_bytes(), row.get(1).during(READING)?, T::KIND)
}

pub(super) fn find<T: Entry>(
    db: &Connection,
    binding: Binding<'_>,
    project: &ProjectId,
    name: &str,
) -> Result<Option<T>, StoreError> {
    let mut statement = db
        .prepare_cached("SELECT document, checksum, mac FROM entries WHERE project = ?1 AND kind = ?2 AND name = ?3")
        .during(READING)?;
    let mut rows = statement.query(params![project.as_str(), T::KIND, name]).during(READING)?;
    let Some(row) = rows.next().during(READING)? else { return Ok(None) };
    entry::present(read(row, binding, project, name))
}

pub(super) fn list<T: Entry>(
    db: &Connection,
    binding: Binding<'_>,
    project: &ProjectId,
    after: Option<&str>,
    limit: u16,
) -> Result<Page<(String, T)>, StoreError> {
    let mut statement = db
        .prepare_cached(
            "SELECT document, checksum, mac, name FROM entries WHERE project = ?1 AND kind = ?2 AND name > ?3
             ORDER BY name LIMIT ?4",
        )
        .during(READING)?;
    let mut rows = statement
        .query(params![project.as_str(), T::KIND, after.unwrap_or(""), row::fetched(limit)])
        .during(READING)?;
    let mut items = Vec::new();
    while let Some(row) = rows.next().during(READING)? {
        let name: String = row.get(3).during(READING)?;
        let entry = read(row, binding, project, &name)?;
        items.push((name, entry));
    }
    Ok(row::page(items, limit))
}

pub(super) fn change<T: Entry, R, E>(
    db: &Group<'_>,
    binding: Binding<'_>,
    project: &ProjectId,
    name: &str,
    records: Vec<AuditEntry>,
    decide: impl FnOnce(Option<T>) -> Result<(EntryChange<T>, R), E>,
) -> Result<R, ChangeError<E>> {
    let present = find(db, binding, project, name)?;
    let exists = present.is_some();
    let (change, answer) = decide(present).map_err(ChangeError::Refused)?;
    match change {
        EntryChange::Keep => return Ok(answer),
        EntryChange::Put(entry) => {
            if !exists {
                require_room::<T>(db, project)?;
            }
            let Document { text, checksum } = Document::of(&entry)?;
            let (project, kind) = (project.as_str(), T::KIND);
            let mac = binding.bind(&Columns::Entry { project, kind, name, document: &text });
            db.prepare_cached(
                "INSERT INTO entries (project, kind, name, document, checksum, mac) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (project, kind, name) DO UPDATE SET document = excluded.document,
                 checksum = excluded.checksum, mac = excluded.mac",
            )
            .and_then(|mut statement| statement.execute(params![project, kind, name, text, checksum, mac]))
            .during(WRITING)?;
        }
        EntryChange::Remove => {
            if T::KIND == Event::KIND && is_bound(db, project, name)? {
                return Err(StoreError::InUse.into());
            }
            db.prepare_cached("DELETE FROM entries WHERE project = ?1 AND kind = ?2 AND name = ?3")
                .and_then(|mut statement| statement.execute(params![project.as_str(), T::KIND, name]))
                .during(WRITING)?;
        }
    }
    db.record(records);
    Ok(answer)
}

/// Refuses one more entry of a kind of which the project has the most. Writes come one after the other here.
fn require_room<T: Entry>(db: &Connection, project: &ProjectId) -> Result<(), StoreError> {
    let Some(most) = T::MOST else { return Ok(()) };
    let number: i64 = db
        .prepare_cached("SELECT count(*) FROM entries WHERE project = ?1 AND kind = ?2")
        .and_then(|mut statement| statement.query_row(params![project.as_str(), T::KIND], |row| row.get(0)))
        .during(READING)?;
    if number >= i64::from(most) { Err(StoreError::Full(most)) } else { Ok(()) }
}

/// Whether a secret is bound to the event.
fn is_bound(db: &Connection, project: &ProjectId, event: &str) -> Result<bool, StoreError> {
    db.prepare_cached("SELECT 1 FROM secrets WHERE project = ?1 AND event = ?2")
        .and_then(|mut statement| statement.exists([project.as_str(), event]))
        .during(READING)
}

/// Refuses to bind a secret to an event that does not exist.
pub(super) fn require_event(
    db: &Connection,
    binding: Binding<'_>,
    project: &ProjectId,
    event: &EventName,
) -> Result<(), StoreError> {
    find::<Event>(db, binding, project, event.as_str())?.map(drop).ok_or(StoreError::UnknownEvent)
}

/// Binds every entry to its row as it is, for data that an older release has written.
pub(super) fn rebind(db: &Connection, binding: Binding<'_>) -> Result<(), StoreError> {
    const DOING: &str = "binding entries to their rows";
    let mut read = db.prepare("SELECT project, kind, name, document FROM entries").during(DOING)?;
    let mut write =
        db.prepare("UPDATE entries SET mac = ?4 WHERE project = ?1 AND kind = ?2 AND name = ?3").during(DOING)?;
    let texts = |row: &Row<'_>| Ok::<[String; 4], _>([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]);
    let rows = read.query_map([], texts).and_then(Iterator::collect::<Result<Vec<_>, _>>).during(DOING)?;
    for [project, kind, name, document] in &rows {
        let mac = binding.bind(&Columns::Entry { project, kind, name, document });
        write.execute(params![project, kind, name, mac]).during(DOING)?;
    }
    Ok(())
}
