//! Copies of a store as one SQLite file of its own, made while servers use the store.
//!
//! A copy holds the state of one instant: of the embedded store it is made in one read transaction, of a PostgreSQL database in
//! one transaction that is repeatable and only reads. Either is a file that [`SqliteStore::open`] opens, so it goes back into a
//! data directory as it is, and into a database by [`crate::transfer`]. Values stay sealed. Where copies are kept, and what
//! proves that one was not changed, is not decided here.

use std::path::Path;

use futures_util::TryStreamExt as _;

use crate::{
    any::AnyStore,
    error::{Cause, StoreError},
    postgres::snapshot::Reading,
    sqlite::{SqliteStore, transfer::File},
    transfer::{BATCH, Content, table},
};

/// Copies a store into a new file at `path`, whose directory should be private: SQLite makes other files beside it.
///
/// # Errors
/// Failures of the store and of the disk. What is at `path` then is not a copy.
pub async fn copy(store: &AnyStore, path: &Path) -> Result<(), StoreError> {
    match store {
        AnyStore::Sqlite(store) => copy_file(store, path).await,
        AnyStore::Postgres(store) => {
            let reading = store.read_at_once().await?;
            let copied = copy_rows(&reading, path).await;
            reading.end().await;
            copied
        }
    }
}

async fn copy_file(store: &SqliteStore, path: &Path) -> Result<(), StoreError> {
    let (store, path) = (store.clone(), path.to_owned());
    let copied = tokio::task::spawn_blocking(move || store.copy_to(&path)).await;
    copied.map_err(|error| StoreError::Unavailable(Cause::with("copying the database", error)))?
}

/// Writes the rows of a database into a file, and reads them back.
async fn copy_rows(reading: &Reading, path: &Path) -> Result<(), StoreError> {
    let file = File::open(path)?;
    file.begin()?;
    let mut copied = Vec::new();
    for (name, columns) in file.tables()? {
        let table = table(&name, &columns);
        // Rows that the schema itself has put there, and those that triggers have made.
        file.clear(&name)?;
        let mut content = Content::default();
        let mut rows = reading.rows(&table).await?;
        let mut batch = Vec::with_capacity(BATCH);
        while let Some(row) = rows.try_next().await? {
            content.add(&row);
            batch.push(row);
            if batch.len() == BATCH {
                file.insert(&name, &table, &batch)?;
                batch.clear();
            }
        }
        file.insert(&name, &table, &batch)?;
        copied.push((table, content));
    }
    file.commit()?;
    for (table, content) in &copied {
        if file.content(table)? != *content {
            let what = format!("the copy of the table {} is not the same as the source", table.name);
            return Err(StoreError::Corrupt(Cause::new(what)));
        }
    }
    file.close()
}
