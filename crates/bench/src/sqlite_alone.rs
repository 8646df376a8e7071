//! What SQLite alone carries: the rows of a durable version in the tables of a store, written by prepared statements of one
//! connection, with nothing decided, sealed or asked for over a network.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use rusqlite::{Connection, params};
use tempfile::TempDir;

/// Versions that a secret keeps; each new one takes the place of the oldest.
const KEPT: i64 = 20;

/// A secret whose versions are written: its row and its document.
struct Written {
    row: i64,
    document: String,
}

/// A copy of a store.
pub(crate) struct SqliteAlone {
    database: Connection,
    secrets: Vec<Written>,
    sealed: Vec<u8>,
    /// A record of a new version: document, link, actor, subject.
    record: (String, Vec<u8>, String, String),
    next: i64,
    _directory: TempDir,
}

impl SqliteAlone {
    /// Copies the store of a running server, whose secrets `w…` have as many versions as a secret keeps.
    pub(crate) fn copy(store: &Path) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("alone.db");
        let target = path.to_str().context("a path that is no text")?;
        Connection::open(store)?.execute("VACUUM INTO ?1", [target])?;
        let database = Connection::open(&path)?;
        database.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")?;
        let secrets = database
            .prepare("SELECT row, document FROM secrets WHERE name GLOB 'w[0-9]*'")?
            .query_map([], |row| Ok(Written { row: row.get(0)?, document: row.get(1)? }))?
            .collect::<Result<_, _>>()?;
        let sealed =
            database.query_row("SELECT sealed FROM secret_values ORDER BY row DESC LIMIT 1", [], |row| row.get(0))?;
        let last = "SELECT document, link, actor, subject FROM audit ORDER BY number DESC LIMIT 1";
        let columns = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
        let record = database.query_row(last, [], columns)?;
        // Far above the numbers of the copy.
        Ok(Self { database, secrets, sealed, record, next: 1 << 40, _directory: directory })
    }

    /// Durable versions a second when every `batch` of them are committed together.
    pub(crate) fn measure(&mut self, batch: usize, span: Duration) -> Result<f64> {
        let Self { database, secrets, sealed, record, next, .. } = self;
        let (sealed, (record, link, actor, subject)) = (&*sealed, &*record);
        let mut value = database.prepare("INSERT INTO secret_values (secret, version, sealed) VALUES (?1, ?2, ?3)")?;
        let mut oldest = database.prepare("DELETE FROM secret_values WHERE secret = ?1 AND version = ?2")?;
        let mut secret = database.prepare(
            "UPDATE secrets SET document = ?2, checksum = ?3, rotation_due_time = NULL, deletion_due_time = NULL,
                 event = NULL, expiry_due_time = NULL, mac = randomblob(32)
             WHERE row = ?1 AND document <> ?2",
        )?;
        let mut audit = database.prepare(
            "INSERT INTO audit (number, secret, document, link, key_number, time, actor, subject)
             VALUES (?1, ?2, ?3, ?4, 1, ?1, ?5, ?2)",
        )?;
        let mut head =
            database.prepare("UPDATE audit_head SET number = ?1, link = ?2, seal = ?2 WHERE singleton = 1")?;
        let (begin, mut written) = (Instant::now(), 0_u64);
        let count = i64::try_from(secrets.len())?;
        while begin.elapsed() < span {
            database.execute_batch("BEGIN IMMEDIATE")?;
            for _ in 0..batch {
                let (version, at) = (*next, usize::try_from(*next % count)?);
                *next += 1;
                let Written { row, document } = secrets.get_mut(at).context("no secrets")?;
                value.execute(params![*row, version, sealed])?;
                oldest.execute(params![*row, version - KEPT * count])?;
                // Another text of the same length.
                let changed = if document.ends_with(' ') { "}" } else { " " };
                document.truncate(document.len() - 1);
                document.push_str(changed);
                secret.execute(params![*row, &*document, version])?;
                audit.execute(params![version, subject, record, link, actor])?;
                written += 1;
            }
            head.execute(params![*next, link])?;
            database.execute_batch("COMMIT")?;
        }
        Ok(written as f64 / begin.elapsed().as_secs_f64())
    }
}
