//! The file as the source of a move to another store, and as the target of a copy of one: its tables, and their rows as cells.

use std::{fs, path::Path, time::Duration};

use rusqlite::{
    Connection, DEFAULT_NAME, Rows, Statement, ToSql, params_from_iter,
    types::{ToSqlOutput, ValueRef},
    wal::CheckpointMode,
};

use super::{connect, failure::During as _, identities, log_number, schema};
use crate::{
    error::StoreError,
    find,
    transfer::{BATCH, Cell, Content, Table},
};

const READING: &str = "reading a table";
const WRITING: &str = "writing a table";
const MARKING: &str = "marking the file as moved";
const CLOSING: &str = "moving the log into the file";

/// Name under which a file keeps the address of the database that its data was moved to.
const MOVED_TO: &str = "moved_to";

/// Where the data of the file was moved to, if it was.
pub(super) fn moved_to(db: &Connection) -> Result<Option<String>, StoreError> {
    Ok(identities::meta(db, MOVED_TO)?.map(|address| String::from_utf8_lossy(&address).into_owned()))
}

/// Forgets that the data of the file was moved.
pub(super) fn forget_move(db: &Connection) -> Result<(), StoreError> {
    let forget = db.prepare_cached("DELETE FROM meta WHERE key = ?1");
    forget.and_then(|mut statement| statement.execute([MOVED_TO])).during(MARKING).map(drop)
}

/// A file that nobody else uses meanwhile.
pub(crate) struct File {
    connection: Connection,
    _lock: fs::File,
}

impl File {
    /// Locks the file, making it if there is none, and brings its schema up to date, so that it has the tables of this release.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let lock = connect::lock(path)?;
        let mut connection = connect::for_writing(path, Duration::from_secs(2))?;
        log_number::require_own_log(path, &connection)?;
        schema::migrate(&mut connection)?;
        Ok(Self { connection, _lock: lock })
    }

    /// Where the data was moved to before, if it was.
    pub(crate) fn moved_to(&self) -> Result<Option<String>, StoreError> {
        moved_to(&self.connection)
    }

    /// Marks the file as moved to this address, once [`File::keep_mark`] has been called.
    pub(crate) fn begin_mark(&self, address: &str) -> Result<(), StoreError> {
        self.connection.execute_batch("BEGIN IMMEDIATE").during(MARKING)?;
        identities::put_meta_if_absent(&self.connection, MOVED_TO, address.as_bytes()).map(drop)
    }

    /// Keeps the mark.
    pub(crate) fn keep_mark(&self) -> Result<(), StoreError> {
        self.connection.execute_batch("COMMIT").during(MARKING)
    }

    /// Names and columns of all tables but those of searches, which triggers fill, and of the log, which is this file's alone, in the
    /// order in which they were made, so that what is referred to comes first.
    pub(crate) fn tables(&self) -> Result<Vec<(String, Vec<String>)>, StoreError> {
        const TABLES: &str = "SELECT name FROM sqlite_schema
             WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid";
        let mut names = self.texts(TABLES, [])?;
        names.retain(|name| !find::TABLES.contains(&name.as_str()) && name != log_number::TABLE);
        let columns = |name: String| {
            let columns = self.texts("SELECT name FROM pragma_table_info(?1) ORDER BY cid", [&name])?;
            Ok((name, columns))
        };
        names.into_iter().map(columns).collect()
    }

    fn texts(&self, sql: &str, parameters: impl rusqlite::Params) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection.prepare(sql).during(READING)?;
        let texts = statement.query_map(parameters, |row| row.get(0)).during(READING)?;
        texts.collect::<Result<_, _>>().during(READING)
    }

    /// Begins a transaction that writes.
    pub(crate) fn begin(&self) -> Result<(), StoreError> {
        self.connection.execute_batch("BEGIN IMMEDIATE").during(WRITING)
    }

    /// Keeps what was written since [`File::begin`].
    pub(crate) fn commit(&self) -> Result<(), StoreError> {
        self.connection.execute_batch("COMMIT").during(WRITING)
    }

    /// Removes all rows of the table that has this name in the file.
    pub(crate) fn clear(&self, name: &str) -> Result<(), StoreError> {
        self.connection.execute(&format!("DELETE FROM {name}"), []).during(WRITING).map(drop)
    }

    /// Adds rows of `table` to the table that has this name in the file.
    pub(crate) fn insert(&self, name: &str, table: &Table, rows: &[Vec<Cell>]) -> Result<(), StoreError> {
        let sql = match name {
            // Here, values name their secret by its row.
            "secret_values" => "INSERT INTO secret_values (secret, version, sealed)
                 VALUES ((SELECT row FROM secrets WHERE id = ?1), ?2, ?3)"
                .to_owned(),
            name => {
                let places: Vec<_> = (1..=table.columns.len()).map(|column| format!("?{column}")).collect();
                format!("INSERT INTO {name} ({}) VALUES ({})", table.columns.join(", "), places.join(", "))
            }
        };
        let mut statement = self.connection.prepare_cached(&sql).during(WRITING)?;
        for row in rows {
            statement.execute(params_from_iter(row)).during(WRITING)?;
        }
        Ok(())
    }

    /// Reads a whole table.
    pub(crate) fn content(&self, table: &Table) -> Result<Content, StoreError> {
        let mut content = Content::default();
        let mut rows = self.rows(table)?;
        let mut query = rows.query()?;
        loop {
            let batch = query.take(BATCH)?;
            if batch.is_empty() {
                return Ok(content);
            }
            batch.iter().for_each(|row| content.add(row));
        }
    }

    /// Moves everything into the one file.
    pub(crate) fn close(self) -> Result<(), StoreError> {
        self.connection.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::TRUNCATE).during(CLOSING).map(drop)
    }

    /// What reads the rows of a table.
    pub(crate) fn rows(&self, table: &Table) -> Result<TableRows<'_>, StoreError> {
        let statement = self.connection.prepare(&table.select).during(READING)?;
        Ok(TableRows { statement, columns: table.columns.len() })
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // What the schema needed goes into the file. A failure leaves it in the log, where the next start finds it.
        let _ = self.connection.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::TRUNCATE);
    }
}

/// The rows of a table, not yet begun with.
pub(crate) struct TableRows<'s> {
    statement: Statement<'s>,
    columns: usize,
}

impl TableRows<'_> {
    pub(crate) fn query(&mut self) -> Result<Query<'_>, StoreError> {
        Ok(Query { rows: self.statement.query([]).during(READING)?, columns: self.columns })
    }
}

/// The rows of a table, one behind the other.
pub(crate) struct Query<'s> {
    rows: Rows<'s>,
    columns: usize,
}

impl Query<'_> {
    /// The next rows, at most `most`; none at the end.
    pub(crate) fn take(&mut self, most: usize) -> Result<Vec<Vec<Cell>>, StoreError> {
        let mut taken = Vec::with_capacity(most);
        while taken.len() < most
            && let Some(row) = self.rows.next().during(READING)?
        {
            let cell = |at| row.get_ref(at).and_then(|value| Ok(cell(value)?));
            taken.push((0..self.columns).map(cell).collect::<Result<_, _>>().during(READING)?);
        }
        Ok(taken)
    }
}

fn cell(value: ValueRef<'_>) -> Result<Cell, rusqlite::types::FromSqlError> {
    Ok(match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => Cell::Integer(number),
        ValueRef::Text(_) => Cell::Text(value.as_str()?.to_owned()),
        ValueRef::Blob(bytes) => Cell::Bytes(bytes.to_vec()),
        // No table has any.
        ValueRef::Real(_) => return Err(rusqlite::types::FromSqlError::InvalidType),
    })
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
