//! Moving an embedded store into a PostgreSQL database: every row of every table, in one transaction, compared with the source
//! before it is committed.
//!
//! Tables are found, not listed: a table of the file goes into the table of the same name, a column into the column of the same
//! name. What searches look into is derived again by the target. Only what the two schemas do differently is named here. Rows are copied as they are; values stay sealed.

use std::path::Path;

use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::{
    error::StoreError,
    postgres::{PostgresSettings, transfer::Target},
    sqlite::transfer::File,
};

/// Rows of one statement.
pub(crate) const BATCH: usize = 100;

/// A table that was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopiedTable {
    /// Its name in the target.
    pub name: String,
    /// Its rows.
    pub rows: u64,
}

/// Why a store was not moved. The target is then as it was.
#[derive(Debug, Error)]
pub enum TransferError {
    /// The source has no file.
    #[error("there is no database at {0}")]
    NoSource(String),
    /// The file cannot be read, or is in use.
    #[error("cannot read the source")]
    Source(#[source] StoreError),
    /// The database cannot be written.
    #[error("cannot write the target")]
    Target(#[source] StoreError),
    /// The database holds data already.
    #[error("the target is not empty: the table {0} has rows; nothing was changed")]
    NotEmpty(String),
    /// A table or column has no place in the target.
    #[error("{0} has no place in the target; nothing was changed")]
    NoPlace(String),
    /// The file was moved before, and what is stored has gone on elsewhere.
    #[error("the source was moved to {0} before; move from a copy made since if that is meant, nothing was changed")]
    Moved(String),
    /// The file could not be marked as moved. The data is in the target all the same.
    #[error("everything was moved, but the source could not be marked: start no server on it")]
    Unmarked(#[source] StoreError),
    /// What was read back is not what was written.
    #[error("the copy of the table {0} is not the same as the source; nothing was changed")]
    Different(String),
}

/// What a cell holds, whichever database it is in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Null,
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Cell {
    fn digest_into(&self, hash: &mut Sha256) {
        let (kind, content): (u8, &[u8]) = match self {
            Self::Null => (0, &[]),
            Self::Integer(number) => (1, &number.to_be_bytes()),
            Self::Text(text) => (2, text.as_bytes()),
            Self::Bytes(bytes) => (3, bytes),
        };
        hash.update([kind]);
        hash.update((content.len() as u64).to_be_bytes());
        hash.update(content);
    }
}

/// What the rows of a table are, in whatever order: their number, and the sum of their digests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Content {
    rows: u64,
    sum: [u64; 4],
}

impl Content {
    pub(crate) fn add(&mut self, row: &[Cell]) {
        let mut hash = Sha256::new();
        for cell in row {
            cell.digest_into(&mut hash);
        }
        self.rows += 1;
        for (sum, part) in self.sum.iter_mut().zip(hash.finalize().chunks_exact(8)) {
            let part = part.try_into().map_or(0, u64::from_be_bytes);
            *sum = sum.wrapping_add(part);
        }
    }
}

/// A table and its columns, as both sides have them.
#[derive(Debug)]
pub(crate) struct Table {
    /// Name in the database.
    pub(crate) name: String,
    /// What reads the columns out of the file, in their order.
    pub(crate) select: String,
    /// The columns there, in the same order.
    pub(crate) columns: Vec<String>,
}

/// A table of the file and its place in a database.
pub(crate) fn table(name: &str, columns: &[String]) -> Table {
    let (select, columns) = match name {
        // There, values name their secret by its identifier.
        "secret_values" => (
            "SELECT secrets.id, version, sealed FROM secret_values
             JOIN secrets ON secrets.row = secret_values.secret ORDER BY secret_values.row"
                .to_owned(),
            ["secret_id", "version", "sealed"].map(str::to_owned).to_vec(),
        ),
        name => {
            // The number of a row is the file's own business.
            let columns: Vec<_> = columns.iter().filter(|column| *column != "row").cloned().collect();
            (format!("SELECT {} FROM {name}", columns.join(", ")), columns)
        }
    };
    let name = if name == "usage" { "project_usage" } else { name };
    Table { name: name.to_owned(), select, columns }
}

/// Moves the store in the SQLite file at `path` into the PostgreSQL database, which must be empty. The file is locked
/// meanwhile, so that no server changes it, and keeps its data. All or nothing: the copy is committed when every row of it
/// has been read back and found equal. The file is then marked with the address of the database, so that no server goes on
/// with it by mistake.
///
/// # Errors
/// Whatever is in the way; the database is then as it was, but for its schema, unless it is [`TransferError::Unmarked`].
pub async fn move_to_postgres(path: &Path, settings: &PostgresSettings) -> Result<Vec<CopiedTable>, TransferError> {
    if !path.is_file() {
        return Err(TransferError::NoSource(path.display().to_string()));
    }
    let source = File::open(path).map_err(TransferError::Source)?;
    let target = Target::open(settings).await.map_err(TransferError::Target)?;
    let address = settings.shown_address().map_err(TransferError::Target)?;
    let mut copied = copy(&source, &target).await;
    if copied.is_ok()
        && let Err(error) = source.begin_mark(&address)
    {
        copied = Err(TransferError::Source(error));
    }
    let copied = target.end(copied).await?;
    source.keep_mark().map_err(TransferError::Unmarked)?;
    Ok(copied)
}

async fn copy(source: &File, target: &Target) -> Result<Vec<CopiedTable>, TransferError> {
    if let Some(table) = target.first_used_table().await.map_err(TransferError::Target)? {
        return Err(TransferError::NotEmpty(table));
    }
    if let Some(address) = source.moved_to().map_err(TransferError::Source)? {
        return Err(TransferError::Moved(address));
    }
    let mut tables = Vec::new();
    for (name, columns) in source.tables().map_err(TransferError::Source)? {
        let table = table(&name, &columns);
        let known = target.columns(&table.name).await.map_err(TransferError::Target)?;
        if let Some(column) = table.columns.iter().find(|column| !known.contains(column)) {
            return Err(TransferError::NoPlace(format!("the column {column} of the table {name}")));
        }
        tables.push(table);
    }
    let mut copied = Vec::new();
    for table in &tables {
        // Rows that the schema itself has put there.
        target.clear(table).await.map_err(TransferError::Target)?;
        let mut content = Content::default();
        let mut rows = source.rows(table).map_err(TransferError::Source)?;
        let mut query = rows.query().map_err(TransferError::Source)?;
        loop {
            let batch = query.take(BATCH).map_err(TransferError::Source)?;
            if batch.is_empty() {
                break;
            }
            batch.iter().for_each(|row| content.add(row));
            target.insert(table, &batch).await.map_err(TransferError::Target)?;
        }
        copied.push((table, content));
    }
    target.fill_own_columns().await.map_err(TransferError::Target)?;
    for (table, content) in &copied {
        if target.content(table).await.map_err(TransferError::Target)? != *content {
            return Err(TransferError::Different(table.name.clone()));
        }
    }
    Ok(copied
        .into_iter()
        .map(|(table, content)| CopiedTable { name: table.name.clone(), rows: content.rows })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(rows: &[Vec<Cell>]) -> Content {
        let mut content = Content::default();
        rows.iter().for_each(|row| content.add(row));
        content
    }

    #[test]
    fn content_is_the_same_in_any_order_and_another_for_any_difference() {
        let text = |text: &str| Cell::Text(text.to_owned());
        let rows = [vec![text("a"), Cell::Integer(1)], vec![text("b"), Cell::Null]];
        let [first, second] = rows.clone();
        assert_eq!(content(&rows), content(&[second.clone(), first.clone()]));
        for other in [
            vec![first.clone()],
            vec![first.clone(), first.clone()],
            vec![first.clone(), vec![text("b"), Cell::Integer(0)]],
            vec![vec![text("b"), Cell::Integer(1)], vec![text("a"), Cell::Null]],
            vec![vec![text("a"), text("1")], second],
        ] {
            assert_ne!(content(&rows), content(&other), "{other:?}");
        }
        assert_ne!(content(&[vec![text("ab"), text("c")]]), content(&[vec![text("a"), text("bc")]]));
    }
}
