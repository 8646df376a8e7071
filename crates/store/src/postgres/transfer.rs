//! A database as the target of a move from another store: written and read back in one transaction.

use bytes::{BufMut as _, BytesMut};
use futures_util::TryStreamExt as _;
use tokio_postgres::{
    Row,
    types::{IsNull, ToSql, Type, to_sql_checked},
};

use super::{
    PostgresSettings, connect,
    failure::column,
    schema, secrets,
    session::{Session, within},
};
use crate::{
    error::{Cause, StoreError},
    transfer::{Cell, Content, Table, TransferError},
};

const WRITING: &str = "writing a table";
const READING: &str = "reading a table back";

/// What the first start of a server writes, and what cannot be there without one.
const USED: [&str; 6] = ["meta", "secrets", "tasks", "kms_keys", "users", "access_keys"];

/// An open transaction on a database with the schema of this release.
pub(crate) struct Target(Session);

impl Target {
    pub(crate) async fn open(settings: &PostgresSettings) -> Result<Self, StoreError> {
        let connections = connect::connections(settings)?;
        schema::migrate(&connections, settings.timeout).await?;
        let begin = async {
            let session = Session::write_at_length(&connections).await?;
            // Reading the other store takes as long as its disk; nobody else uses this database yet.
            session.batch("SET LOCAL idle_in_transaction_session_timeout = 0", WRITING).await?;
            Ok(session)
        };
        within(settings.timeout, begin).await.map(Self)
    }

    /// Fills the columns that only the target has.
    pub(crate) async fn fill_own_columns(&self) -> Result<(), StoreError> {
        self.0.execute(secrets::FILL_CURRENT_VERSION, &[], WRITING).await.map(drop)
    }

    /// Commits a success, undoes a failure.
    pub(crate) async fn end<T>(self, outcome: Result<T, TransferError>) -> Result<T, TransferError> {
        self.0.end(outcome.map_err(Ended::Refused)).await.map_err(|ended| match ended {
            Ended::Refused(error) => error,
            Ended::Store(error) => TransferError::Target(error),
        })
    }

    /// A table with rows that somebody has put there.
    pub(crate) async fn first_used_table(&self) -> Result<Option<String>, StoreError> {
        for table in USED {
            let sql = format!("SELECT 1::BIGINT FROM {table} LIMIT 1");
            if self.0.number(&sql, &[], READING).await?.is_some() {
                return Ok(Some(table.to_owned()));
            }
        }
        Ok(None)
    }

    /// The columns of a table; none if there is no such table.
    pub(crate) async fn columns(&self, table: &str) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT column_name::TEXT FROM information_schema.columns
             WHERE table_schema = current_schema() AND table_name = $1";
        let rows = self.0.rows(sql, &[&table], READING).await?;
        rows.iter().map(|row| column(row, 0, READING)).collect()
    }

    pub(crate) async fn clear(&self, table: &Table) -> Result<(), StoreError> {
        self.0.execute(&format!("DELETE FROM {}", table.name), &[], WRITING).await.map(drop)
    }

    pub(crate) async fn insert(&self, table: &Table, rows: &[Vec<Cell>]) -> Result<(), StoreError> {
        let width = table.columns.len();
        let tuple = |row: usize| {
            let places: Vec<_> = (1..=width).map(|column| format!("${}", row * width + column)).collect();
            format!("({})", places.join(", "))
        };
        let tuples: Vec<_> = (0..rows.len()).map(tuple).collect();
        let sql = format!("INSERT INTO {} ({}) VALUES {}", table.name, table.columns.join(", "), tuples.join(", "));
        let parameters: Vec<&(dyn ToSql + Sync)> =
            rows.iter().flatten().map(|cell| cell as &(dyn ToSql + Sync)).collect();
        self.0.execute(&sql, &parameters, WRITING).await.map(drop)
    }

    /// Reads the whole table.
    pub(crate) async fn content(&self, table: &Table) -> Result<Content, StoreError> {
        let sql = format!("SELECT {} FROM {}", table.columns.join(", "), table.name);
        let mut content = Content::default();
        let mut rows = self.0.stream(&sql, READING).await?;
        while let Some(row) = rows.try_next().await? {
            let cells: Vec<_> = (0..table.columns.len()).map(|at| cell(&row, at)).collect::<Result<_, _>>()?;
            content.add(&cells);
        }
        Ok(content)
    }
}

/// How a transaction ends badly.
enum Ended {
    Refused(TransferError),
    Store(StoreError),
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What a column of a row holds.
pub(super) fn cell(row: &Row, at: usize) -> Result<Cell, StoreError> {
    let kind = row.columns().get(at).map(tokio_postgres::Column::type_);
    let cell = match kind {
        Some(&Type::INT8) => column::<Option<i64>>(row, at, READING)?.map(Cell::Integer),
        Some(&Type::BOOL) => column::<Option<bool>>(row, at, READING)?.map(|yes| Cell::Integer(yes.into())),
        Some(&Type::TEXT) => column::<Option<String>>(row, at, READING)?.map(Cell::Text),
        Some(&Type::BYTEA) => column::<Option<Vec<u8>>>(row, at, READING)?.map(Cell::Bytes),
        _ => return Err(StoreError::Corrupt(Cause::new("a column has a type that no table of ours has"))),
    };
    Ok(cell.unwrap_or(Cell::Null))
}

impl ToSql for Cell {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match (self, kind) {
            (Self::Null, _) => return Ok(IsNull::Yes),
            (Self::Integer(number), &Type::BOOL) => return (*number != 0).to_sql(kind, out),
            (Self::Integer(number), &Type::INT8) => out.put_i64(*number),
            (Self::Text(text), &Type::TEXT) => out.put_slice(text.as_bytes()),
            (Self::Bytes(bytes), &Type::BYTEA) => out.put_slice(bytes),
            _ => return Err(format!("a cell does not fit into a column of type {kind}").into()),
        }
        Ok(IsNull::No)
    }

    fn accepts(kind: &Type) -> bool {
        [Type::INT8, Type::BOOL, Type::TEXT, Type::BYTEA].contains(kind)
    }

    to_sql_checked!();
}
