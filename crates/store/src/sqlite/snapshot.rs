//! A copy of the file while it is in use, and what a reader of copies asks for.

use std::{path::Path, time::Duration};

use csms_core::ProjectId;
use rusqlite::Connection;

use super::{connect, failure::During as _};
use crate::error::{Cause, StoreError};

const COPYING: &str = "copying the database";
const READING: &str = "reading the projects";

/// How long the copy waits for another program that has locked the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Copies the file at `source` into a new one at `target`.
///
/// `VACUUM INTO` reads in one transaction, so writes that are committed meanwhile neither appear in the copy nor make it begin
/// again, and pages of deleted rows stay out of it.
pub(super) fn copy(source: &Path, target: &Path) -> Result<(), StoreError> {
    let named =
        target.to_str().ok_or_else(|| StoreError::Unavailable(Cause::new("the name of the copy is no text")))?;
    let connection = connect::for_reading(source, BUSY_TIMEOUT)?;
    connection.execute("VACUUM INTO ?1", [named]).during(COPYING)?;
    let synced = std::fs::File::open(target).and_then(|file| file.sync_all());
    synced.map_err(|error| StoreError::Unavailable(Cause::with(COPYING, error)))
}

/// The projects that have secrets.
pub(super) fn projects(db: &Connection) -> Result<Vec<ProjectId>, StoreError> {
    let mut statement = db.prepare("SELECT project FROM usage WHERE secrets > 0 ORDER BY project").during(READING)?;
    let found = statement.query_map([], |row| row.get::<_, String>(0)).during(READING)?;
    let read = |project: rusqlite::Result<String>| {
        let wrong = || StoreError::Corrupt(Cause::new("a stored project is not valid"));
        ProjectId::parse(project.during(READING)?).map_err(|_| wrong())
    };
    found.map(read).collect()
}
