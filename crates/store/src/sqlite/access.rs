//! Statements of those who administer: lists of users and their keys, shared policies, and the KMS keys of a project.

use csms_core::ProjectId;
use rusqlite::{Connection, Params, params};

use super::{failure::During as _, identities};
use crate::{
    document::{self, Document},
    error::StoreError,
    record::{AccessChange, AccessKeyRecord, AccessState, KeyRecord, PolicyRecord, UserRecord},
    row::{self, KeyDifference, time},
};

const READING: &str = "reading policies";
const READING_KEYS: &str = "reading keys";

pub(super) fn users(db: &Connection) -> Result<Vec<UserRecord>, StoreError> {
    documents(db, "SELECT document, checksum FROM users ORDER BY name, id", [], "a user")
}

pub(super) fn access_keys(db: &Connection, user_id: &str) -> Result<Vec<AccessKeyRecord>, StoreError> {
    let sql = "SELECT access_key, sealed_secret_key, user_id, enabled, create_time FROM access_keys
         WHERE user_id = ?1 ORDER BY access_key";
    access_key_rows(db, sql, [user_id])
}

fn access_key_rows(db: &Connection, sql: &str, parameters: impl Params) -> Result<Vec<AccessKeyRecord>, StoreError> {
    const DOING: &str = "reading access keys";
    let mut statement = db.prepare_cached(sql).during(DOING)?;
    let mut rows = statement.query(parameters).during(DOING)?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next().during(DOING)? {
        keys.push(AccessKeyRecord {
            access_key: row.get(0).during(DOING)?,
            sealed_secret_key: row.get(1).during(DOING)?,
            user_id: row.get(2).during(DOING)?,
            enabled: row.get(3).during(DOING)?,
            create_time: row::known_time(row.get(4).during(DOING)?),
        });
    }
    Ok(keys)
}

/// All users, access keys and shared policies.
pub(super) fn state(db: &Connection) -> Result<AccessState, StoreError> {
    let sql =
        "SELECT access_key, sealed_secret_key, user_id, enabled, create_time FROM access_keys ORDER BY access_key";
    Ok(AccessState { users: users(db)?, keys: access_key_rows(db, sql, [])?, policies: policies(db)? })
}

pub(super) fn policy(db: &Connection, name: &str) -> Result<Option<PolicyRecord>, StoreError> {
    let found = documents(db, "SELECT document, checksum FROM policies WHERE name = ?1", [name], "a policy")?;
    Ok(found.into_iter().next())
}

pub(super) fn policies(db: &Connection) -> Result<Vec<PolicyRecord>, StoreError> {
    documents(db, "SELECT document, checksum FROM policies ORDER BY name", [], "a policy")
}

fn documents<T: serde::de::DeserializeOwned>(
    db: &Connection,
    sql: &str,
    parameters: impl Params,
    what: &'static str,
) -> Result<Vec<T>, StoreError> {
    let mut statement = db.prepare_cached(sql).during(READING)?;
    let mut rows = statement.query(parameters).during(READING)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().during(READING)? {
        let text: String = row.get(0).during(READING)?;
        found.push(document::decode(text.as_bytes(), row.get(1).during(READING)?, what)?);
    }
    Ok(found)
}

fn execute(db: &Connection, sql: &str, parameters: impl Params) -> Result<usize, StoreError> {
    db.prepare_cached(sql).and_then(|mut statement| statement.execute(parameters)).during("changing users and policies")
}

pub(super) fn change(db: &Connection, change: &AccessChange) -> Result<(), StoreError> {
    let changed = match change {
        AccessChange::PutUser(user) => return identities::put_user(db, user),
        AccessChange::PutAccessKey(key) => return identities::put_access_key(db, key),
        AccessChange::ReplacePassword { user_id, old, new } => {
            let user = identities::user(db, user_id)?.ok_or(StoreError::NotFound)?;
            return identities::put_user(db, &row::with_password(user, old.as_deref(), new)?);
        }
        AccessChange::DeleteUser(id) => {
            execute(db, "DELETE FROM access_keys WHERE user_id = ?1", [id])?;
            execute(db, "DELETE FROM users WHERE id = ?1", [id])?
        }
        AccessChange::DeleteAccessKey(name) => execute(db, "DELETE FROM access_keys WHERE access_key = ?1", [name])?,
        AccessChange::PutPolicy(policy) => {
            let Document { text, checksum } = Document::of(policy)?;
            let sql = "INSERT INTO policies (name, document, checksum) VALUES (?1, ?2, ?3)
                 ON CONFLICT (name) DO UPDATE SET document = excluded.document, checksum = excluded.checksum";
            execute(db, sql, params![policy.name, text, checksum])?
        }
        AccessChange::DeletePolicy(name) => execute(db, "DELETE FROM policies WHERE name = ?1", [name])?,
    };
    if changed == 0 { Err(StoreError::NotFound) } else { Ok(()) }
}

fn key_rows(db: &Connection, sql: &str, parameters: impl Params) -> Result<Vec<KeyRecord>, StoreError> {
    let mut statement = db.prepare_cached(sql).during(READING_KEYS)?;
    let mut rows = statement.query(parameters).during(READING_KEYS)?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next().during(READING_KEYS)? {
        keys.push(identities::read_key(row)?);
    }
    Ok(keys)
}

pub(super) fn keys(db: &Connection, project: &ProjectId) -> Result<Vec<KeyRecord>, StoreError> {
    let sql = "SELECT id, project, alias, state, wrapped, create_time, details FROM kms_keys
         WHERE project = ?1 ORDER BY create_time, id";
    key_rows(db, sql, [project.as_str()])
}

pub(super) fn keys_pending_deletion(db: &Connection) -> Result<Vec<KeyRecord>, StoreError> {
    let sql = "SELECT id, project, alias, state, wrapped, create_time, details FROM kms_keys
         WHERE state = 'PENDING_DELETION' ORDER BY project, id";
    key_rows(db, sql, [])
}

/// Writes the difference between the keys of a project as they were and as they are to be.
pub(super) fn apply_keys(db: &Connection, before: &[KeyRecord], after: &[KeyRecord]) -> Result<(), StoreError> {
    const DOING: &str = "writing a key";
    for difference in row::key_differences(before, after)? {
        match difference {
            KeyDifference::Put(key) => db
                .prepare_cached(
                    "INSERT INTO kms_keys (id, project, alias, state, wrapped, create_time, details)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                     ON CONFLICT (id) DO UPDATE SET alias = excluded.alias, state = excluded.state, details = excluded.details",
                )
                .and_then(|mut statement| {
                    statement.execute(params![
                        key.id.as_str(),
                        key.project.as_str(),
                        key.alias,
                        key.state.as_str(),
                        key.wrapped,
                        time(key.create_time),
                        key.details.to_text(),
                    ])
                }),
            KeyDifference::Remove(id) => db
                .prepare_cached("DELETE FROM kms_keys WHERE id = ?1")
                .and_then(|mut statement| statement.execute([id.as_str()])),
        }
        .during(DOING)?;
    }
    Ok(())
}
