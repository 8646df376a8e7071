//! Statements about KMS keys, users, access keys and small named values.

use std::sync::LazyLock;

use csms_core::{KeyId, ProjectId};
use rusqlite::{Connection, OptionalExtension as _, Params, Row, params};

use super::failure::During as _;
use crate::{
    bound::{Binding, Columns, RowKind, RowMark},
    document::{self, Document},
    error::StoreError,
    record::{AccessKeyRecord, KeyRecord, UserRecord},
    row::{self, ACCESS_KEY_COLUMNS, ACCESS_KEY_WIDTH, KEY_COLUMNS, KeyColumns, time},
};

const READING_KEY: &str = "reading a key";
const READING_USER: &str = "reading a user";

/// Selects an access key and its user.
pub(super) static ACCESS_KEY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {ACCESS_KEY_COLUMNS}, users.id, domain_id, name, document, checksum, users.mac
         FROM access_keys JOIN users ON users.id = access_keys.user_id WHERE access_key = ?1"
    )
});

/// The columns of [`read_user`].
pub(super) const USER_COLUMNS: &str = "id, domain_id, name, document, checksum, mac";

/// Reads the [`KEY_COLUMNS`].
pub(super) fn read_key(row: &Row<'_>, binding: Binding<'_>) -> Result<KeyRecord, StoreError> {
    let mac = row.get_ref(7).during(READING_KEY)?;
    key_columns(row)?.read(binding, mac.as_bytes_or_null().map_err(rusqlite::Error::from).during(READING_KEY)?)
}

/// The [`KEY_COLUMNS`] but for the MAC.
pub(super) fn key_columns(row: &Row<'_>) -> Result<KeyColumns, StoreError> {
    let text = |column| row.get::<_, String>(column).during(READING_KEY);
    Ok(KeyColumns {
        id: text(0)?,
        project: text(1)?,
        alias: text(2)?,
        state: text(3)?,
        wrapped: row.get(4).during(READING_KEY)?,
        create_time: row.get(5).during(READING_KEY)?,
        details: text(6)?,
    })
}

fn one_key(
    db: &Connection,
    binding: Binding<'_>,
    condition: &str,
    parameters: impl Params,
) -> Result<Option<KeyRecord>, StoreError> {
    let sql = format!("SELECT {KEY_COLUMNS} FROM kms_keys WHERE {condition}");
    let mut statement = db.prepare_cached(&sql).during(READING_KEY)?;
    let mut rows = statement.query(parameters).during(READING_KEY)?;
    rows.next().during(READING_KEY)?.map(|row| read_key(row, binding)).transpose()
}

pub(super) fn key(db: &Connection, binding: Binding<'_>, id: &KeyId) -> Result<Option<KeyRecord>, StoreError> {
    one_key(db, binding, "id = ?1", [id.as_str()])
}

pub(super) fn key_by_alias(
    db: &Connection,
    binding: Binding<'_>,
    project: &ProjectId,
    alias: &str,
) -> Result<Option<KeyRecord>, StoreError> {
    one_key(db, binding, "project = ?1 AND alias = ?2", [project.as_str(), alias])
}

/// Stores a KMS key, in place of the one with the same identifier if there is one, and returns what became of its row.
pub(super) fn put_key(db: &Connection, binding: Binding<'_>, key: &KeyRecord) -> Result<RowMark, StoreError> {
    let columns = KeyColumns::of(key);
    let mac = binding.bind(&Columns::KmsKey(&columns));
    db.prepare_cached(
        "INSERT INTO kms_keys (id, project, alias, state, wrapped, create_time, details, next_rotation, mac)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (id) DO UPDATE SET alias = excluded.alias, state = excluded.state,
             details = excluded.details, next_rotation = excluded.next_rotation, mac = excluded.mac",
    )
    .and_then(|mut statement| {
        statement.execute(params![
            columns.id,
            columns.project,
            columns.alias,
            columns.state,
            columns.wrapped,
            columns.create_time,
            columns.details,
            key.details.rotation_due().map(time),
            mac,
        ])
    })
    .during("writing a key")?;
    Ok(RowMark::put(RowKind::KmsKey, key.id.as_str(), &mac))
}

/// Reads the [`USER_COLUMNS`] from column `at` on.
pub(super) fn read_user(row: &Row<'_>, at: usize, binding: Binding<'_>) -> Result<UserRecord, StoreError> {
    let text = |column: usize| {
        let column = row.get_ref(at + column).during(READING_USER)?;
        column.as_str().map_err(rusqlite::Error::from).during(READING_USER)
    };
    let (id, domain_id, name, document) = (text(0)?, text(1)?, text(2)?, text(3)?);
    let mac: Option<Vec<u8>> = row.get(at + 5).during(READING_USER)?;
    binding.require(&Columns::User { id, domain_id, name, document }, mac.as_deref())?;
    document::decode(document.as_bytes(), row.get(at + 4).during(READING_USER)?, "a user")
}

/// Reads the [`ACCESS_KEY_COLUMNS`].
pub(super) fn read_access_key(row: &Row<'_>, binding: Binding<'_>) -> Result<AccessKeyRecord, StoreError> {
    const DOING: &str = "reading an access key";
    let key = AccessKeyRecord {
        access_key: row.get(0).during(DOING)?,
        sealed_secret_key: row.get(1).during(DOING)?,
        user_id: row.get(2).during(DOING)?,
        enabled: row.get(3).during(DOING)?,
        create_time: row::known_time(row.get(4).during(DOING)?),
        expires: row::known_time(row.get(6).during(DOING)?),
        last_use: row::last_key_use(row.get(7).during(DOING)?, row.get(8).during(DOING)?, row.get(9).during(DOING)?),
    };
    let mac: Option<Vec<u8>> = row.get(5).during(DOING)?;
    binding.require(&Columns::AccessKey(&key), mac.as_deref())?;
    Ok(key)
}

pub(super) fn user(db: &Connection, binding: Binding<'_>, id: &str) -> Result<Option<UserRecord>, StoreError> {
    let sql = format!("SELECT {USER_COLUMNS} FROM users WHERE id = ?1");
    let mut statement = db.prepare_cached(&sql).during(READING_USER)?;
    let mut rows = statement.query([id]).during(READING_USER)?;
    rows.next().during(READING_USER)?.map(|row| read_user(row, 0, binding)).transpose()
}

pub(super) fn user_by_name(
    db: &Connection,
    binding: Binding<'_>,
    domain_id: Option<&str>,
    name: &str,
) -> Result<Option<UserRecord>, StoreError> {
    let sql = format!("SELECT {USER_COLUMNS} FROM users WHERE name = ?1 AND domain_id = coalesce(?2, domain_id)");
    let mut statement = db.prepare_cached(&sql).during(READING_USER)?;
    let mut rows = statement.query(params![name, domain_id]).during(READING_USER)?;
    let Some(user) = rows.next().during(READING_USER)?.map(|row| read_user(row, 0, binding)).transpose()? else {
        return Ok(None);
    };
    match rows.next().during(READING_USER)? {
        None => Ok(Some(user)),
        Some(_) => Err(row::ambiguous_user()),
    }
}

/// Stores a user, and returns what became of its row.
pub(super) fn put_user(db: &Connection, binding: Binding<'_>, record: &UserRecord) -> Result<RowMark, StoreError> {
    let user = row::with_generation(self::user(db, binding, &record.id)?.as_ref(), record);
    let document = Document::of(&user)?;
    let UserRecord { id, domain_id, name, .. } = &user;
    let mac = binding.bind(&Columns::User { id, domain_id, name, document: &document.text });
    db.prepare_cached(
        "INSERT INTO users (id, domain_id, name, document, checksum, mac) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (id) DO UPDATE SET domain_id = excluded.domain_id, name = excluded.name,
         document = excluded.document, checksum = excluded.checksum, mac = excluded.mac",
    )
    .and_then(|mut statement| statement.execute(params![id, domain_id, name, document.text, document.checksum, mac]))
    .during("writing a user")?;
    Ok(RowMark::put(RowKind::User, id, &mac))
}

pub(super) fn access_key(
    db: &Connection,
    binding: Binding<'_>,
    access_key: &str,
) -> Result<Option<(AccessKeyRecord, UserRecord)>, StoreError> {
    const DOING: &str = "reading an access key";
    let mut statement = db.prepare_cached(&ACCESS_KEY).during(DOING)?;
    let mut rows = statement.query([access_key]).during(DOING)?;
    let Some(row) = rows.next().during(DOING)? else { return Ok(None) };
    Ok(Some((read_access_key(row, binding)?, read_user(row, ACCESS_KEY_WIDTH, binding)?)))
}

/// Stores an access key, and returns what became of its row.
pub(super) fn put_access_key(
    db: &Connection,
    binding: Binding<'_>,
    key: &AccessKeyRecord,
) -> Result<RowMark, StoreError> {
    let mac = binding.bind(&Columns::AccessKey(key));
    db.prepare_cached(
        "INSERT INTO access_keys (access_key, user_id, sealed_secret_key, enabled, create_time, mac, expires)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (access_key) DO UPDATE SET user_id = excluded.user_id,
         sealed_secret_key = excluded.sealed_secret_key, enabled = excluded.enabled,
         create_time = excluded.create_time, mac = excluded.mac, expires = excluded.expires",
    )
    .and_then(|mut statement| {
        let create_time = row::time_or_unknown(key.create_time);
        let expires = row::time_or_unknown(key.expires);
        statement.execute(params![
            key.access_key,
            key.user_id,
            key.sealed_secret_key,
            key.enabled,
            create_time,
            mac,
            expires
        ])
    })
    .during("writing an access key")?;
    Ok(RowMark::put(RowKind::AccessKey, &key.access_key, &mac))
}

pub(super) fn meta(db: &Connection, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
    db.prepare_cached("SELECT value FROM meta WHERE key = ?1")
        .and_then(|mut statement| statement.query_row([key], |row| row.get(0)).optional())
        .during("reading a named value")
}

/// Stores a user, a key and a mark, unless the mark is there. Returns what became of the rows.
pub(super) fn make_user_once(
    db: &Connection,
    binding: Binding<'_>,
    mark: &str,
    user: &UserRecord,
    key: &AccessKeyRecord,
) -> Result<Option<Vec<RowMark>>, StoreError> {
    if meta(db, mark)?.is_some() {
        return Ok(None);
    }
    put_meta_if_absent(db, mark, key.access_key.as_bytes())?;
    Ok(Some(vec![put_user(db, binding, user)?, put_access_key(db, binding, key)?]))
}

/// Replaces a named value; `false` when it is not `old`.
pub(super) fn replace_meta(db: &Connection, key: &str, old: &[u8], new: &[u8]) -> Result<bool, StoreError> {
    db.prepare_cached("UPDATE meta SET value = ?3 WHERE key = ?1 AND value = ?2")
        .and_then(|mut statement| statement.execute(params![key, old, new]))
        .during("writing a named value")
        .map(|changed| changed > 0)
}

/// Writes a named value that nothing reads.
pub(super) fn check_writing(db: &Connection) -> Result<(), StoreError> {
    let sql = "INSERT INTO meta (key, value) VALUES ('write_check', randomblob(8))
         ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    db.prepare_cached(sql)
        .and_then(|mut statement| statement.execute([]))
        .during("writing to see whether that works")
        .map(drop)
}

pub(super) fn put_meta_if_absent(db: &Connection, key: &str, value: &[u8]) -> Result<Vec<u8>, StoreError> {
    if let Some(stored) = meta(db, key)? {
        return Ok(stored);
    }
    db.prepare_cached("INSERT INTO meta (key, value) VALUES (?1, ?2)")
        .and_then(|mut statement| statement.execute(params![key, value]))
        .during("writing a named value")?;
    Ok(value.to_vec())
}

/// Stores a named value, in place of the one there may be.
pub(super) fn put_meta(db: &Connection, key: &str, value: &[u8]) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    )
    .and_then(|mut statement| statement.execute(params![key, value]))
    .during("writing a named value")
    .map(drop)
}
