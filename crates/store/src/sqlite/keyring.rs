//! Statements of a change of the root key, and of the server that reports itself for it.

use std::time::Duration;

use rusqlite::{Connection, ToSql, params, params_from_iter};

use super::{audit, failure::During as _, identities, writer::Group};
use crate::{
    audit::AuditEntry,
    bound::{Columns, Replacement},
    error::{Cause, StoreError},
    rekey::{self, Progress, Rekey, Rekeyed, ServerReport},
    row::{ACCESS_KEY_COLUMNS, KEY_COLUMNS, count},
};

const DOING: &str = "binding rows under another root key";
const REPORTING: &str = "reporting a server";

/// Stores a named value in place of the old one, or where there is none, with the records of it. Returns `false`, and changes
/// nothing, when there is another.
pub(super) fn put_keyring(
    db: &Group<'_>,
    key: &str,
    old: Option<&[u8]>,
    new: &[u8],
    records: Vec<AuditEntry>,
    silence: Duration,
) -> Result<bool, StoreError> {
    let put = match old {
        Some(old) => identities::replace_meta(db, key, old, new)?,
        None if identities::meta(db, key)?.is_some() => false,
        None => identities::put_meta_if_absent(db, key, new).map(|_| true)?,
    };
    if put {
        let sql = format!("UPDATE servers SET expires = min(expires, {NOW} + ?1)");
        db.execute(&sql, [millis(silence)]).during(REPORTING)?;
        db.record(records);
    }
    Ok(put)
}

/// See [`crate::Store::rekey`].
pub(super) fn change(db: &Group<'_>, change: &Rekey) -> Result<Rekeyed, StoreError> {
    for Replacement { key, old, new } in &change.replacements {
        if !identities::replace_meta(db, key, old, new)? {
            return Err(rekey::overtaken());
        }
    }
    if let Some(key) = &change.started_with
        && servers(db)?.iter().any(|server| server.wrapping_key != *key)
    {
        return Err(StoreError::InUse);
    }
    let mut progress = Progress::new(change);
    rows_without_seals(db, &mut progress)?;
    access_keys(db, &mut progress)?;
    kms_keys(db, &mut progress)?;
    let (records, rekeyed) = progress.finish();
    audit::take_into_use(db, &change.row_key, records)?;
    db.took_into_use(change.row_key.number());
    Ok(rekeyed)
}

/// Binds the rows of a table that hold nothing sealed. Its key is the first `key` of the columns.
fn plain(
    db: &Connection,
    progress: &mut Progress<'_>,
    (table, key, columns): (&str, usize, &[&str]),
    bound: impl Fn(&[String]) -> Option<Columns<'_>>,
) -> Result<(), StoreError> {
    let mut read = db.prepare(&format!("SELECT mac, {} FROM {table}", columns.join(", "))).during(DOING)?;
    let mut rows = read.query([]).during(DOING)?;
    let mut changed = Vec::new();
    while let Some(row) = rows.next().during(DOING)? {
        let mac: Option<Vec<u8>> = row.get(0).during(DOING)?;
        let texts = (1..=columns.len()).map(|at| row.get(at)).collect::<Result<Vec<String>, _>>().during(DOING)?;
        let bound = bound(&texts).ok_or_else(|| StoreError::Corrupt(Cause::new("a row lacks columns")))?;
        if let Some(mac) = progress.mac(&bound, mac.as_deref()) {
            changed.push((texts.into_iter().take(key).collect::<Vec<_>>(), mac));
        }
    }
    let places: Vec<_> = columns.iter().take(key).zip(2..).map(|(name, at)| format!("{name} = ?{at}")).collect();
    let mut write = db.prepare(&format!("UPDATE {table} SET mac = ?1 WHERE {}", places.join(" AND "))).during(DOING)?;
    for (key, mac) in &changed {
        let values = std::iter::once(mac as &dyn ToSql).chain(key.iter().map(|text| text as &dyn ToSql));
        write.execute(params_from_iter(values)).during(DOING)?;
    }
    Ok(())
}

fn rows_without_seals(db: &Connection, progress: &mut Progress<'_>) -> Result<(), StoreError> {
    plain(db, progress, ("users", 1, &["id", "domain_id", "name", "document"]), |texts| {
        let [id, domain_id, name, document] = texts else { return None };
        Some(Columns::User { id, domain_id, name, document })
    })?;
    plain(db, progress, ("policies", 1, &["name", "document"]), |texts| {
        let [name, document] = texts else { return None };
        Some(Columns::Policy { name, document })
    })?;
    plain(db, progress, ("agencies", 1, &["id", "name", "document"]), |texts| {
        let [id, name, document] = texts else { return None };
        Some(Columns::Agency { id, name, document })
    })?;
    plain(db, progress, ("secrets", 1, &["id", "name", "document"]), |texts| {
        let [_, name, document] = texts else { return None };
        Some(Columns::Secret { name, document: document.as_bytes() })
    })?;
    plain(db, progress, ("entries", 3, &["project", "kind", "name", "document"]), |texts| {
        let [project, kind, name, document] = texts else { return None };
        Some(Columns::Entry { project, kind, name, document })
    })
}

fn access_keys(db: &Connection, progress: &mut Progress<'_>) -> Result<(), StoreError> {
    let sql = format!("SELECT {ACCESS_KEY_COLUMNS} FROM access_keys");
    let mut read = db.prepare(&sql).during(DOING)?;
    let mut rows = read.query([]).during(DOING)?;
    let mut changed = Vec::new();
    while let Some(row) = rows.next().during(DOING)? {
        let mut key = identities::read_access_key(row, progress.binding().converting())?;
        let mac: Option<Vec<u8>> = row.get(5).during(DOING)?;
        if let Some(mac) = progress.access_key(&mut key, mac.as_deref())? {
            changed.push((key, mac));
        }
    }
    for (key, mac) in changed {
        let sql = "UPDATE access_keys SET sealed_secret_key = ?2, mac = ?3 WHERE access_key = ?1";
        db.execute(sql, params![key.access_key, key.sealed_secret_key, mac]).during(DOING)?;
    }
    Ok(())
}

fn kms_keys(db: &Connection, progress: &mut Progress<'_>) -> Result<(), StoreError> {
    let mut read = db.prepare(&format!("SELECT {KEY_COLUMNS} FROM kms_keys")).during(DOING)?;
    let mut rows = read.query([]).during(DOING)?;
    let mut changed = Vec::new();
    while let Some(row) = rows.next().during(DOING)? {
        let mac: Option<Vec<u8>> = row.get(7).during(DOING)?;
        changed.extend(progress.kms_key(identities::key_columns(row)?, mac.as_deref())?);
    }
    for (columns, mac) in changed {
        let sql = "UPDATE kms_keys SET wrapped = ?2, details = ?3, mac = ?4 WHERE id = ?1";
        db.execute(sql, params![columns.id, columns.wrapped, columns.details, mac]).during(DOING)?;
    }
    Ok(())
}

/// Milliseconds since 1970.
const NOW: &str = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";

/// See [`crate::Store::report_server`].
pub(super) fn report(db: &Connection, report: &ServerReport, lasts: Duration) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO servers (name, version, keyring, digest, wrapping_key, expires)
         VALUES (?1, ?2, ?3, ?4, ?5, {NOW} + ?6)
         ON CONFLICT (name) DO UPDATE SET version = excluded.version, keyring = excluded.keyring, digest = excluded.digest,
         wrapping_key = excluded.wrapping_key, expires = excluded.expires"
    );
    let ServerReport { name, release, keyring, digest, wrapping_key } = report;
    let keyring = i64::try_from(*keyring).unwrap_or(i64::MAX);
    db.execute(&sql, params![name, release, keyring, digest, wrapping_key, millis(lasts)]).during(REPORTING).map(drop)
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// See [`crate::Store::servers`].
pub(super) fn servers(db: &Connection) -> Result<Vec<ServerReport>, StoreError> {
    let sql =
        format!("SELECT name, version, keyring, digest, wrapping_key FROM servers WHERE expires > {NOW} ORDER BY name");
    let mut read = db.prepare_cached(&sql).during(REPORTING)?;
    let mut rows = read.query([]).during(REPORTING)?;
    let mut servers = Vec::new();
    while let Some(row) = rows.next().during(REPORTING)? {
        servers.push(ServerReport {
            name: row.get(0).during(REPORTING)?,
            release: row.get(1).during(REPORTING)?,
            keyring: count(row.get(2).during(REPORTING)?)?,
            digest: row.get(3).during(REPORTING)?,
            wrapping_key: row.get(4).during(REPORTING)?,
        });
    }
    Ok(servers)
}

/// See [`crate::Store::withdraw_server`].
pub(super) fn withdraw(db: &Connection, name: &str) -> Result<(), StoreError> {
    db.execute("UPDATE servers SET expires = 0 WHERE name = ?1", [name]).during(REPORTING)?;
    let old = format!("DELETE FROM servers WHERE name <> ?1 AND expires < {NOW} - 86400000");
    db.execute(&old, [name]).during(REPORTING).map(drop)
}
