//! Statements of those who administer: lists of users and their keys, shared policies, and the KMS keys of a project.

use csms_core::ProjectId;
use tokio_postgres::Row;

use super::{
    failure::column,
    identities,
    session::{Parameters, Session},
};
use crate::{
    document::{self, Document},
    error::StoreError,
    record::{AccessChange, AccessKeyRecord, AccessState, KeyRecord, PolicyRecord, UserRecord},
    row::{self, KeyDifference, time},
};

const READING: &str = "reading policies";
const CHANGING: &str = "changing users and policies";

pub(super) async fn users(session: &Session) -> Result<Vec<UserRecord>, StoreError> {
    documents(session, "SELECT document, checksum FROM users ORDER BY name, id", &[], "a user").await
}

pub(super) async fn access_keys(session: &Session, user_id: &str) -> Result<Vec<AccessKeyRecord>, StoreError> {
    if !identities::can_be_held(user_id) {
        return Ok(Vec::new());
    }
    let sql = "SELECT access_key, sealed_secret_key, user_id, enabled, create_time FROM access_keys
         WHERE user_id = $1 ORDER BY access_key";
    access_key_rows(session, sql, &[&user_id]).await
}

async fn access_key_rows(
    session: &Session,
    sql: &str,
    parameters: Parameters<'_>,
) -> Result<Vec<AccessKeyRecord>, StoreError> {
    const DOING: &str = "reading access keys";
    let rows = session.rows(sql, parameters, DOING).await?;
    let read = |row: &Row| {
        Ok(AccessKeyRecord {
            access_key: column(row, 0, DOING)?,
            sealed_secret_key: column(row, 1, DOING)?,
            user_id: column(row, 2, DOING)?,
            enabled: column(row, 3, DOING)?,
            create_time: row::known_time(column(row, 4, DOING)?),
        })
    };
    rows.iter().map(read).collect()
}

/// Nobody else changes users, access keys and shared policies before the transaction ends. Whoever changes several takes
/// this first, so that no two wait for each other.
pub(super) async fn lock(session: &Session) -> Result<(), StoreError> {
    let lock = "LOCK TABLE users, access_keys, policies IN SHARE ROW EXCLUSIVE MODE";
    session.execute(lock, &[], CHANGING).await.map(drop)
}

/// All users, access keys and shared policies, locked.
pub(super) async fn lock_state(session: &Session) -> Result<AccessState, StoreError> {
    lock(session).await?;
    let sql =
        "SELECT access_key, sealed_secret_key, user_id, enabled, create_time FROM access_keys ORDER BY access_key";
    Ok(AccessState {
        users: users(session).await?,
        keys: access_key_rows(session, sql, &[]).await?,
        policies: policies(session).await?,
    })
}

pub(super) async fn policy(session: &Session, name: &str) -> Result<Option<PolicyRecord>, StoreError> {
    if !identities::can_be_held(name) {
        return Ok(None);
    }
    let sql = "SELECT document, checksum FROM policies WHERE name = $1";
    Ok(documents(session, sql, &[&name], "a policy").await?.into_iter().next())
}

pub(super) async fn policies(session: &Session) -> Result<Vec<PolicyRecord>, StoreError> {
    documents(session, "SELECT document, checksum FROM policies ORDER BY name", &[], "a policy").await
}

async fn documents<T: serde::de::DeserializeOwned>(
    session: &Session,
    sql: &str,
    parameters: Parameters<'_>,
    what: &'static str,
) -> Result<Vec<T>, StoreError> {
    let rows = session.rows(sql, parameters, READING).await?;
    let read = |row: &Row| {
        let text: &str = column(row, 0, READING)?;
        document::decode(text.as_bytes(), column(row, 1, READING)?, what)
    };
    rows.iter().map(read).collect()
}

pub(super) async fn change(session: &Session, change: &AccessChange) -> Result<(), StoreError> {
    let changed = match change {
        AccessChange::PutUser(user) => return identities::put_user(session, user).await,
        AccessChange::PutAccessKey(key) => return identities::put_access_key(session, key).await,
        AccessChange::ReplacePassword { user_id, old, new } => {
            let user = identities::lock_user(session, user_id).await?.ok_or(StoreError::NotFound)?;
            return identities::put_user(session, &row::with_password(user, old.as_deref(), new)?).await;
        }
        AccessChange::DeleteUser(id) => {
            session.execute("DELETE FROM access_keys WHERE user_id = $1", &[id], CHANGING).await?;
            session.execute("DELETE FROM users WHERE id = $1", &[id], CHANGING).await?
        }
        AccessChange::DeleteAccessKey(name) => {
            session.execute("DELETE FROM access_keys WHERE access_key = $1", &[name], CHANGING).await?
        }
        AccessChange::PutPolicy(policy) => {
            let document = Document::of(policy)?;
            let sql = "INSERT INTO policies (name, document, checksum) VALUES ($1, $2, $3)
                 ON CONFLICT (name) DO UPDATE SET document = excluded.document, checksum = excluded.checksum";
            session.execute(sql, &[&policy.name, &document.text, &i64::from(document.checksum)], CHANGING).await?
        }
        AccessChange::DeletePolicy(name) => {
            session.execute("DELETE FROM policies WHERE name = $1", &[name], CHANGING).await?
        }
    };
    if changed == 0 { Err(StoreError::NotFound) } else { Ok(()) }
}

async fn key_rows(session: &Session, sql: &str, parameters: Parameters<'_>) -> Result<Vec<KeyRecord>, StoreError> {
    session.rows(sql, parameters, "reading keys").await?.iter().map(identities::read_key).collect()
}

pub(super) async fn keys(session: &Session, project: &ProjectId) -> Result<Vec<KeyRecord>, StoreError> {
    let sql = "SELECT id, project, alias, state, wrapped, create_time, details FROM kms_keys
         WHERE project = $1 ORDER BY create_time, id";
    key_rows(session, sql, &[&project.as_str()]).await
}

/// As [`keys`], and nobody else changes them before the transaction ends.
pub(super) async fn lock_keys(session: &Session, project: &ProjectId) -> Result<Vec<KeyRecord>, StoreError> {
    let sql = "SELECT id, project, alias, state, wrapped, create_time, details FROM kms_keys
         WHERE project = $1 ORDER BY create_time, id FOR UPDATE";
    key_rows(session, sql, &[&project.as_str()]).await
}

pub(super) async fn keys_pending_deletion(session: &Session) -> Result<Vec<KeyRecord>, StoreError> {
    let sql = "SELECT id, project, alias, state, wrapped, create_time, details FROM kms_keys
         WHERE state = 'PENDING_DELETION' ORDER BY project, id";
    key_rows(session, sql, &[]).await
}

/// Writes the difference between the keys of a project as they were and as they are to be.
pub(super) async fn apply_keys(session: &Session, before: &[KeyRecord], after: &[KeyRecord]) -> Result<(), StoreError> {
    const DOING: &str = "writing a key";
    for difference in row::key_differences(before, after)? {
        match difference {
            KeyDifference::Put(key) => {
                let sql = "INSERT INTO kms_keys (id, project, alias, state, wrapped, create_time, details)
                     VALUES ($1, $2, $3, $4, $5, $6, $7)
                     ON CONFLICT (id) DO UPDATE SET alias = excluded.alias, state = excluded.state, details = excluded.details";
                session
                    .execute(
                        sql,
                        &[
                            &key.id.as_str(),
                            &key.project.as_str(),
                            &key.alias,
                            &key.state.as_str(),
                            &key.wrapped,
                            &time(key.create_time),
                            &key.details.to_text(),
                        ],
                        DOING,
                    )
                    .await?
            }
            KeyDifference::Remove(id) => {
                session.execute("DELETE FROM kms_keys WHERE id = $1", &[&id.as_str()], DOING).await?
            }
        };
    }
    Ok(())
}
