//! Statements about KMS keys, users, access keys and small named values.
//!
//! Each is one statement in a transaction of its own, or a few that race with those of other replicas: then the database
//! says that a row exists already, and that row is looked at.

use csms_core::{KeyId, ProjectId};
use tokio_postgres::Row;

use super::{
    failure::{column, is_duplicate},
    session::{Parameters, Session},
};
use crate::{
    bound::{Binding, Columns, RowKind, RowMark},
    document::{self, Document},
    error::StoreError,
    record::{AccessKeyRecord, KeyRecord, UserRecord},
    row::{self, ACCESS_KEY_COLUMNS, ACCESS_KEY_WIDTH, KEY_COLUMNS, KeyColumns, time},
};

const READING_KEY: &str = "reading a key";
const READING_USER: &str = "reading a user";
const NAMED_VALUE: &str = "reading a named value";

/// Whether PostgreSQL can hold the text at all. What it cannot hold is not there.
pub(super) fn can_be_held(text: &str) -> bool {
    !text.contains('\0')
}

/// Reads the [`KEY_COLUMNS`].
pub(super) fn read_key(row: &Row, binding: Binding<'_>) -> Result<KeyRecord, StoreError> {
    key_columns(row)?.read(binding, column(row, 7, READING_KEY)?)
}

/// The [`KEY_COLUMNS`] but for the MAC.
pub(super) fn key_columns(row: &Row) -> Result<KeyColumns, StoreError> {
    Ok(KeyColumns {
        id: column(row, 0, READING_KEY)?,
        project: column(row, 1, READING_KEY)?,
        alias: column(row, 2, READING_KEY)?,
        state: column(row, 3, READING_KEY)?,
        wrapped: column(row, 4, READING_KEY)?,
        create_time: column(row, 5, READING_KEY)?,
        details: column(row, 6, READING_KEY)?,
    })
}

pub(super) async fn key(session: &Session, id: &KeyId) -> Result<Option<KeyRecord>, StoreError> {
    let sql = format!("SELECT {KEY_COLUMNS} FROM kms_keys WHERE id = $1");
    let row = session.row(&sql, &[&id.as_str()], READING_KEY).await?;
    row.map(|row| read_key(&row, session.binding()?)).transpose()
}

pub(super) async fn key_by_alias(
    session: &Session,
    project: &ProjectId,
    alias: &str,
) -> Result<Option<KeyRecord>, StoreError> {
    if !can_be_held(alias) {
        return Ok(None);
    }
    let sql = format!("SELECT {KEY_COLUMNS} FROM kms_keys WHERE project = $1 AND alias = $2");
    let row = session.row(&sql, &[&project.as_str(), &alias], READING_KEY).await?;
    row.map(|row| read_key(&row, session.binding()?)).transpose()
}

/// Stores a KMS key, in place of the one with the same identifier unless it `is_new`, and returns what became of its row. A new
/// one whose identifier another server has given out in the meantime is a conflict: it would not be the same key.
pub(super) async fn put_key(session: &Session, key: &KeyRecord, is_new: bool) -> Result<RowMark, StoreError> {
    let columns = KeyColumns::of(key);
    let mac = session.binding()?.bind(&Columns::KmsKey(&columns));
    let new = "INSERT INTO kms_keys (id, project, alias, state, wrapped, create_time, details, next_rotation, mac)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let known = "INSERT INTO kms_keys (id, project, alias, state, wrapped, create_time, details, next_rotation, mac)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (id) DO UPDATE SET alias = excluded.alias, state = excluded.state, details = excluded.details,
         next_rotation = excluded.next_rotation, mac = excluded.mac";
    let sql = if is_new { new } else { known };
    let parameters: Parameters<'_> = &[
        &columns.id,
        &columns.project,
        &columns.alias,
        &columns.state,
        &columns.wrapped,
        &columns.create_time,
        &columns.details,
        &key.details.rotation_due().map(time),
        &mac,
    ];
    session.execute(sql, parameters, "writing a key").await?;
    Ok(RowMark::put(RowKind::KmsKey, key.id.as_str(), &mac))
}

/// The columns of [`read_user`].
pub(super) const USER_COLUMNS: &str = "id, domain_id, name, document, checksum, mac";

/// Reads the [`USER_COLUMNS`] from column `at` on.
pub(super) fn read_user(row: &Row, at: usize, binding: Binding<'_>) -> Result<UserRecord, StoreError> {
    let text = |place: usize| column::<&str>(row, at + place, READING_USER);
    let (id, domain_id, name, document) = (text(0)?, text(1)?, text(2)?, text(3)?);
    let mac: Option<&[u8]> = column(row, at + 5, READING_USER)?;
    binding.require(&Columns::User { id, domain_id, name, document }, mac)?;
    document::decode(document.as_bytes(), column(row, at + 4, READING_USER)?, "a user")
}

/// Reads the [`ACCESS_KEY_COLUMNS`].
pub(super) fn read_access_key(row: &Row, binding: Binding<'_>) -> Result<AccessKeyRecord, StoreError> {
    const DOING: &str = "reading an access key";
    let key = AccessKeyRecord {
        access_key: column(row, 0, DOING)?,
        sealed_secret_key: column(row, 1, DOING)?,
        user_id: column(row, 2, DOING)?,
        enabled: column(row, 3, DOING)?,
        create_time: row::known_time(column(row, 4, DOING)?),
        expires: row::known_time(column(row, 6, DOING)?),
        last_use: row::last_key_use(column(row, 7, DOING)?, column(row, 8, DOING)?, column(row, 9, DOING)?),
    };
    binding.require(&Columns::AccessKey(&key), column(row, 5, DOING)?)?;
    Ok(key)
}

pub(super) async fn user(session: &Session, binding: Binding<'_>, id: &str) -> Result<Option<UserRecord>, StoreError> {
    if !can_be_held(id) {
        return Ok(None);
    }
    let sql = format!("SELECT {USER_COLUMNS} FROM users WHERE id = $1");
    let row = session.row(&sql, &[&id], READING_USER).await?;
    row.map(|row| read_user(&row, 0, binding)).transpose()
}

/// The user, whose row nobody else changes until the transaction ends.
pub(super) async fn lock_user(
    session: &Session,
    binding: Binding<'_>,
    id: &str,
) -> Result<Option<UserRecord>, StoreError> {
    if !can_be_held(id) {
        return Ok(None);
    }
    let sql = format!("SELECT {USER_COLUMNS} FROM users WHERE id = $1 FOR UPDATE");
    let row = session.row(&sql, &[&id], READING_USER).await?;
    row.map(|row| read_user(&row, 0, binding)).transpose()
}

pub(super) async fn user_by_name(
    session: &Session,
    binding: Binding<'_>,
    domain_id: Option<&str>,
    name: &str,
) -> Result<Option<UserRecord>, StoreError> {
    if !can_be_held(name) || !domain_id.is_none_or(can_be_held) {
        return Ok(None);
    }
    let sql = format!("SELECT {USER_COLUMNS} FROM users WHERE name = $1 AND domain_id = coalesce($2, domain_id)");
    match session.rows(&sql, &[&name, &domain_id], READING_USER).await?.as_slice() {
        [] => Ok(None),
        [row] => read_user(row, 0, binding).map(Some),
        _ => Err(row::ambiguous_user()),
    }
}

/// Stores a user, inside a transaction, where nothing goes on behind an error: two writers of one new user at once are a
/// conflict. Returns what became of its row.
pub(super) async fn put_user(
    session: &Session,
    binding: Binding<'_>,
    record: &UserRecord,
) -> Result<RowMark, StoreError> {
    let user = row::with_generation(lock_user(session, binding, &record.id).await?.as_ref(), record);
    let Document { text, checksum } = Document::of(&user)?;
    let UserRecord { id, domain_id, name, .. } = &user;
    let mac = binding.bind(&Columns::User { id, domain_id, name, document: &text });
    let sql = "INSERT INTO users (id, domain_id, name, document, checksum, mac) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (id) DO UPDATE SET domain_id = excluded.domain_id, name = excluded.name,
         document = excluded.document, checksum = excluded.checksum, mac = excluded.mac";
    let parameters: Parameters<'_> = &[id, domain_id, name, &text, &i64::from(checksum), &mac];
    session.execute(sql, parameters, "writing a user").await?;
    Ok(RowMark::put(RowKind::User, id, &mac))
}

/// Stores an access key, inside a transaction, and returns what became of its row.
pub(super) async fn put_access_key(
    session: &Session,
    binding: Binding<'_>,
    key: &AccessKeyRecord,
) -> Result<RowMark, StoreError> {
    let mac = binding.bind(&Columns::AccessKey(key));
    let sql = "INSERT INTO access_keys (access_key, user_id, sealed_secret_key, enabled, create_time, mac, expires)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (access_key) DO UPDATE SET user_id = excluded.user_id,
         sealed_secret_key = excluded.sealed_secret_key, enabled = excluded.enabled, create_time = excluded.create_time,
         mac = excluded.mac, expires = excluded.expires";
    let expires = row::time_or_unknown(key.expires);
    let create_time = row::time_or_unknown(key.create_time);
    let parameters: Parameters<'_> =
        &[&key.access_key, &key.user_id, &key.sealed_secret_key, &key.enabled, &create_time, &mac, &expires];
    session.execute(sql, parameters, "writing an access key").await?;
    Ok(RowMark::put(RowKind::AccessKey, &key.access_key, &mac))
}

pub(super) async fn access_key(
    session: &Session,
    binding: Binding<'_>,
    access_key: &str,
) -> Result<Option<(AccessKeyRecord, UserRecord)>, StoreError> {
    const DOING: &str = "reading an access key";
    if !can_be_held(access_key) {
        return Ok(None);
    }
    let sql = format!(
        "SELECT {ACCESS_KEY_COLUMNS}, users.id, domain_id, name, document, checksum, users.mac
         FROM access_keys JOIN users ON users.id = access_keys.user_id WHERE access_key = $1"
    );
    let Some(row) = session.row(&sql, &[&access_key], DOING).await? else { return Ok(None) };
    Ok(Some((read_access_key(&row, binding)?, read_user(&row, ACCESS_KEY_WIDTH, binding)?)))
}

pub(super) async fn meta(session: &Session, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
    if !can_be_held(key) {
        return Ok(None);
    }
    let row = session.row("SELECT value FROM meta WHERE key = $1", &[&key], NAMED_VALUE).await?;
    row.map(|row| column(&row, 0, NAMED_VALUE)).transpose()
}

/// Replaces a named value; `false` when it is not `old`.
pub(super) async fn replace_meta(session: &Session, key: &str, old: &[u8], new: &[u8]) -> Result<bool, StoreError> {
    let sql = "UPDATE meta SET value = $3 WHERE key = $1 AND value = $2";
    Ok(session.execute(sql, &[&key, &old, &new], "writing a named value").await? > 0)
}

/// Stores a mark, a user and a key, to be called in a transaction. Others that store the same mark wait, and then find a
/// duplicate. Returns what became of the rows.
pub(super) async fn make_user(
    session: &Session,
    binding: Binding<'_>,
    mark: &str,
    user: &UserRecord,
    key: &AccessKeyRecord,
) -> Result<Vec<RowMark>, StoreError> {
    let sql = "INSERT INTO meta (key, value) VALUES ($1, $2)";
    session.execute(sql, &[&mark, &key.access_key.as_bytes()], "writing a named value").await?;
    Ok(vec![put_user(session, binding, user).await?, put_access_key(session, binding, key).await?])
}

/// Writes a named value that nothing reads.
pub(super) async fn check_writing(session: &Session) -> Result<(), StoreError> {
    let sql = "INSERT INTO meta (key, value) VALUES ('write_check', decode(md5(random()::TEXT), 'hex'))
         ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    session.execute(sql, &[], "writing to see whether that works").await.map(drop)
}

pub(super) async fn put_meta_if_absent(session: &Session, key: &str, value: &[u8]) -> Result<Vec<u8>, StoreError> {
    if let Some(stored) = meta(session, key).await? {
        return Ok(stored);
    }
    let sql = "INSERT INTO meta (key, value) VALUES ($1, $2)";
    match session.execute(sql, &[&key, &value], "writing a named value").await {
        Ok(_) => Ok(value.to_vec()),
        Err(error) if is_duplicate(&error) => meta(session, key).await?.ok_or(error),
        Err(error) => Err(error),
    }
}

/// Stores a named value, in place of the one there may be.
pub(super) async fn put_meta(session: &Session, key: &str, value: &[u8]) -> Result<(), StoreError> {
    let sql = "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    session.execute(sql, &[&key, &value], "writing a named value").await.map(drop)
}
