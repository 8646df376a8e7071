//! Statements of a change of the root key, and of the servers that report themselves for it.

use std::time::Duration;

use super::{audit, failure::column, identities, session::Session, tasks::millis};
use crate::{
    audit::AuditEntry,
    bound::{Columns, Replacement},
    error::StoreError,
    rekey::{self, Progress, Rekey, Rekeyed, ServerReport},
    row::{ACCESS_KEY_COLUMNS, KEY_COLUMNS, count},
};

const DOING: &str = "binding rows under another root key";
const REPORTING: &str = "reporting a server";

/// While the change waits for a table, all writes wait behind it. It waits shortly, gives up what it has, and tries again.
pub(super) const SHORT_WAIT: &str = "SET LOCAL lock_timeout = '3s'";

/// Time between two tries, in which others go on.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

/// How long the change is tried again while somebody else keeps a table.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Whoever writes one of these rows waits, also before it looks at one to change it: else each could wait for the other.
const LOCK_ALL: &str =
    "LOCK TABLE users, access_keys, policies, agencies, kms_keys, secrets, entries IN EXCLUSIVE MODE";

/// Stores a named value in place of the old one, or where there is none, with the records of it. Returns `false`, and changes
/// nothing, when there is another.
pub(super) async fn put_keyring(
    session: &Session,
    key: &str,
    old: Option<&[u8]>,
    new: &[u8],
    records: Vec<AuditEntry>,
    silence: Duration,
) -> Result<bool, StoreError> {
    let put = match old {
        Some(old) => identities::replace_meta(session, key, old, new).await?,
        None => {
            let sql = "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING";
            session.execute(sql, &[&key, &new], "writing a named value").await? > 0
        }
    };
    if put {
        let sql = "UPDATE servers
             SET expires = least(expires, (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT + $1::BIGINT)";
        session.execute(sql, &[&millis(silence)], REPORTING).await?;
        audit::append(session, records).await?;
    }
    Ok(put)
}

/// See [`crate::Store::rekey`].
pub(super) async fn change(session: &Session, change: &Rekey) -> Result<Rekeyed, StoreError> {
    for Replacement { key, old, new } in &change.replacements {
        if !identities::replace_meta(session, key, old, new).await? {
            return Err(rekey::overtaken());
        }
    }
    if let Some(key) = &change.started_with {
        // A server that starts now reports itself when this is done, and then reads the keyring again.
        session.batch("LOCK TABLE servers IN SHARE MODE", DOING).await?;
        if servers(session).await?.iter().any(|server| server.wrapping_key != *key) {
            return Err(StoreError::InUse);
        }
    }
    // Others read meanwhile, and write when this is done.
    session.execute(LOCK_ALL, &[], DOING).await?;
    let mut progress = Progress::new(change);
    users(session, &mut progress).await?;
    policies(session, &mut progress).await?;
    agencies(session, &mut progress).await?;
    access_keys(session, &mut progress).await?;
    kms_keys(session, &mut progress).await?;
    secrets(session, &mut progress).await?;
    entries(session, &mut progress).await?;
    let (records, rekeyed) = progress.finish();
    audit::take_into_use(session, &change.row_key, records).await?;
    Ok(rekeyed)
}

async fn users(session: &Session, progress: &mut Progress<'_>) -> Result<(), StoreError> {
    for row in session.rows("SELECT id, domain_id, name, document, mac FROM users", &[], DOING).await? {
        let text = |at: usize| column::<&str>(&row, at, DOING);
        let (id, domain_id, name, document) = (text(0)?, text(1)?, text(2)?, text(3)?);
        let columns = Columns::User { id, domain_id, name, document };
        if let Some(mac) = progress.mac(&columns, column(&row, 4, DOING)?) {
            session.execute("UPDATE users SET mac = $2 WHERE id = $1", &[&id, &mac], DOING).await?;
        }
    }
    Ok(())
}

async fn policies(session: &Session, progress: &mut Progress<'_>) -> Result<(), StoreError> {
    for row in session.rows("SELECT name, document, mac FROM policies", &[], DOING).await? {
        let (name, document): (&str, &str) = (column(&row, 0, DOING)?, column(&row, 1, DOING)?);
        if let Some(mac) = progress.mac(&Columns::Policy { name, document }, column(&row, 2, DOING)?) {
            session.execute("UPDATE policies SET mac = $2 WHERE name = $1", &[&name, &mac], DOING).await?;
        }
    }
    Ok(())
}

async fn agencies(session: &Session, progress: &mut Progress<'_>) -> Result<(), StoreError> {
    for row in session.rows("SELECT id, name, document, mac FROM agencies", &[], DOING).await? {
        let text = |at: usize| column::<&str>(&row, at, DOING);
        let (id, name, document) = (text(0)?, text(1)?, text(2)?);
        if let Some(mac) = progress.mac(&Columns::Agency { id, name, document }, column(&row, 3, DOING)?) {
            session.execute("UPDATE agencies SET mac = $2 WHERE id = $1", &[&id, &mac], DOING).await?;
        }
    }
    Ok(())
}

async fn access_keys(session: &Session, progress: &mut Progress<'_>) -> Result<(), StoreError> {
    let sql = format!("SELECT {ACCESS_KEY_COLUMNS} FROM access_keys");
    for row in session.rows(&sql, &[], DOING).await? {
        let mut key = identities::read_access_key(&row, progress.binding().converting())?;
        if let Some(mac) = progress.access_key(&mut key, column(&row, 5, DOING)?)? {
            let sql = "UPDATE access_keys SET sealed_secret_key = $2, mac = $3 WHERE access_key = $1";
            session.execute(sql, &[&key.access_key, &key.sealed_secret_key, &mac], DOING).await?;
        }
    }
    Ok(())
}

async fn kms_keys(session: &Session, progress: &mut Progress<'_>) -> Result<(), StoreError> {
    for row in session.rows(&format!("SELECT {KEY_COLUMNS} FROM kms_keys"), &[], DOING).await? {
        let columns = identities::key_columns(&row)?;
        if let Some((columns, mac)) = progress.kms_key(columns, column(&row, 7, DOING)?)? {
            let sql = "UPDATE kms_keys SET wrapped = $2, details = $3, mac = $4 WHERE id = $1";
            session.execute(sql, &[&columns.id, &columns.wrapped, &columns.details, &mac], DOING).await?;
        }
    }
    Ok(())
}

async fn secrets(session: &Session, progress: &mut Progress<'_>) -> Result<(), StoreError> {
    let page = "SELECT id, name, document, mac FROM secrets WHERE id > $1 ORDER BY id LIMIT 1000";
    let write = "UPDATE secrets SET mac = new.mac FROM unnest($1::TEXT[], $2::BYTEA[]) AS new (id, mac)
         WHERE secrets.id = new.id";
    let mut after = String::new();
    loop {
        let rows = session.rows(page, &[&after], DOING).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = column(last, 0, DOING)?;
        let (mut ids, mut macs) = (Vec::<&str>::new(), Vec::new());
        for row in &rows {
            let (name, document): (&str, &str) = (column(row, 1, DOING)?, column(row, 2, DOING)?);
            let columns = Columns::Secret { name, document: document.as_bytes() };
            if let Some(mac) = progress.mac(&columns, column(row, 3, DOING)?) {
                ids.push(column(row, 0, DOING)?);
                macs.push(mac);
            }
        }
        if !ids.is_empty() {
            session.execute(write, &[&ids, &macs], DOING).await?;
        }
    }
}

async fn entries(session: &Session, progress: &mut Progress<'_>) -> Result<(), StoreError> {
    for row in session.rows("SELECT project, kind, name, document, mac FROM entries", &[], DOING).await? {
        let text = |at: usize| column::<&str>(&row, at, DOING);
        let (project, kind, name, document) = (text(0)?, text(1)?, text(2)?, text(3)?);
        let columns = Columns::Entry { project, kind, name, document };
        if let Some(mac) = progress.mac(&columns, column(&row, 4, DOING)?) {
            let sql = "UPDATE entries SET mac = $4 WHERE project = $1 AND kind = $2 AND name = $3";
            session.execute(sql, &[&project, &kind, &name, &mac], DOING).await?;
        }
    }
    Ok(())
}

/// See [`crate::Store::report_server`].
pub(super) async fn report(session: &Session, report: &ServerReport, lasts: Duration) -> Result<(), StoreError> {
    let sql = "INSERT INTO servers (name, version, keyring, digest, wrapping_key, expires)
         VALUES ($1, $2, $3, $4, $5, (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT + $6::BIGINT)
         ON CONFLICT (name) DO UPDATE SET version = excluded.version, keyring = excluded.keyring, digest = excluded.digest,
         wrapping_key = excluded.wrapping_key, expires = excluded.expires";
    let ServerReport { name, release, keyring, digest, wrapping_key } = report;
    let keyring = i64::try_from(*keyring).unwrap_or(i64::MAX);
    session.execute(sql, &[name, release, &keyring, digest, wrapping_key, &millis(lasts)], REPORTING).await.map(drop)
}

/// See [`crate::Store::servers`].
pub(super) async fn servers(session: &Session) -> Result<Vec<ServerReport>, StoreError> {
    let sql = "SELECT name, version, keyring, digest, wrapping_key FROM servers
         WHERE expires > (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT
         UNION ALL
         SELECT DISTINCT split_part(lease_holder, '/', 1), '', 0::BIGINT, '', '' FROM tasks
         WHERE status = 'RUNNING' AND lease_expires > (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT
             AND NOT EXISTS (SELECT 1 FROM servers WHERE name = split_part(lease_holder, '/', 1))
         ORDER BY 1";
    let rows = session.rows(sql, &[], REPORTING).await?;
    let read = |row: &tokio_postgres::Row| {
        Ok(ServerReport {
            name: column(row, 0, REPORTING)?,
            release: column(row, 1, REPORTING)?,
            keyring: count(column(row, 2, REPORTING)?)?,
            digest: column(row, 3, REPORTING)?,
            wrapping_key: column(row, 4, REPORTING)?,
        })
    };
    rows.iter().map(read).collect()
}

/// See [`crate::Store::withdraw_server`].
pub(super) async fn withdraw(session: &Session, name: &str) -> Result<(), StoreError> {
    // The row says that the server is of a release that reports itself, as long as it may hold leases.
    session.execute("UPDATE servers SET expires = 0 WHERE name = $1", &[&name], REPORTING).await?;
    let old = "DELETE FROM servers WHERE name <> $1
         AND expires < (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT - 86400000";
    session.execute(old, &[&name], REPORTING).await.map(drop)
}
