//! Statements of those who administer: lists of users and their keys, shared policies, and the KMS keys of a project.

use csms_core::{ProjectId, UnixMillis};
use rusqlite::{Connection, Params, Row, params};

use super::{entries, failure::During as _, identities, secrets, writer::Group};
use crate::{
    audit::AuditEntry,
    bound::{Binding, Columns, Replacement, RowKind, RowMark, rewritten},
    document::{self, Document},
    error::StoreError,
    record::{
        AccessChange, AccessKeyRecord, AccessKeyUse, AccessState, AgencyRecord, KeyRecord, PolicyRecord, UserRecord,
    },
    row::{self, ACCESS_KEY_COLUMNS, KEY_COLUMNS, KeyDifference, time},
};

const READING: &str = "reading policies";
const READING_AGENCIES: &str = "reading agencies";
const READING_KEYS: &str = "reading keys";

pub(super) fn users(db: &Connection, binding: Binding<'_>) -> Result<Vec<UserRecord>, StoreError> {
    const DOING: &str = "reading users";
    let sql = format!("SELECT {} FROM users ORDER BY name, id", identities::USER_COLUMNS);
    let mut statement = db.prepare_cached(&sql).during(DOING)?;
    let mut rows = statement.query([]).during(DOING)?;
    let mut users = Vec::new();
    while let Some(row) = rows.next().during(DOING)? {
        users.push(identities::read_user(row, 0, binding)?);
    }
    Ok(users)
}

pub(super) fn access_keys(
    db: &Connection,
    binding: Binding<'_>,
    user_id: &str,
) -> Result<Vec<AccessKeyRecord>, StoreError> {
    let sql = format!("SELECT {ACCESS_KEY_COLUMNS} FROM access_keys WHERE user_id = ?1 ORDER BY access_key");
    access_key_rows(db, binding, &sql, [user_id])
}

fn access_key_rows(
    db: &Connection,
    binding: Binding<'_>,
    sql: &str,
    parameters: impl Params,
) -> Result<Vec<AccessKeyRecord>, StoreError> {
    const DOING: &str = "reading access keys";
    let mut statement = db.prepare_cached(sql).during(DOING)?;
    let mut rows = statement.query(parameters).during(DOING)?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next().during(DOING)? {
        keys.push(identities::read_access_key(row, binding)?);
    }
    Ok(keys)
}

/// The rows of all users, access keys, shared policies, agencies and KMS keys, with their MACs.
pub(super) fn rows(db: &Connection, binding: Binding<'_>) -> Result<Vec<RowMark>, StoreError> {
    const DOING: &str = "reading rows";
    let mut marks = Vec::new();
    let mut read = |sql: &str, mark: &mut dyn FnMut(&Row<'_>) -> Result<RowMark, StoreError>| {
        let mut statement = db.prepare_cached(sql).during(DOING)?;
        let mut rows = statement.query([]).during(DOING)?;
        while let Some(row) = rows.next().during(DOING)? {
            marks.push(mark(row)?);
        }
        Ok::<_, StoreError>(())
    };
    let text = |row: &Row<'_>, at: usize| row.get::<_, String>(at).during(DOING);
    let mac = |row: &Row<'_>, at: usize| row.get::<_, Option<Vec<u8>>>(at).during(DOING);
    read("SELECT id, domain_id, name, document, mac FROM users", &mut |row| {
        let (id, domain_id, name, document) = (text(row, 0)?, text(row, 1)?, text(row, 2)?, text(row, 3)?);
        let columns = Columns::User { id: &id, domain_id: &domain_id, name: &name, document: &document };
        Ok(RowMark::stored(&columns, binding, mac(row, 4)?.as_deref()))
    })?;
    read("SELECT name, document, mac FROM policies", &mut |row| {
        let (name, document) = (text(row, 0)?, text(row, 1)?);
        Ok(RowMark::stored(&Columns::Policy { name: &name, document: &document }, binding, mac(row, 2)?.as_deref()))
    })?;
    read("SELECT id, name, document, mac FROM agencies", &mut |row| {
        let (id, name, document) = (text(row, 0)?, text(row, 1)?, text(row, 2)?);
        let columns = Columns::Agency { id: &id, name: &name, document: &document };
        Ok(RowMark::stored(&columns, binding, mac(row, 3)?.as_deref()))
    })?;
    let sql = format!("SELECT {ACCESS_KEY_COLUMNS} FROM access_keys");
    read(&sql, &mut |row| {
        let key = identities::read_access_key(row, binding.converting())?;
        Ok(RowMark::stored(&Columns::AccessKey(&key), binding, mac(row, 5)?.as_deref()))
    })?;
    read(&format!("SELECT {KEY_COLUMNS} FROM kms_keys"), &mut |row| {
        let columns = identities::key_columns(row)?;
        Ok(RowMark::stored(&Columns::KmsKey(&columns), binding, mac(row, 7)?.as_deref()))
    })?;
    Ok(marks)
}

/// All users, access keys, shared policies and agencies.
pub(super) fn state(db: &Connection, binding: Binding<'_>) -> Result<AccessState, StoreError> {
    let sql = format!("SELECT {ACCESS_KEY_COLUMNS} FROM access_keys ORDER BY access_key");
    Ok(AccessState {
        users: users(db, binding)?,
        keys: access_key_rows(db, binding, &sql, [])?,
        policies: policies(db, binding)?,
        agencies: agencies(db, binding)?,
    })
}

pub(super) fn policy(db: &Connection, binding: Binding<'_>, name: &str) -> Result<Option<PolicyRecord>, StoreError> {
    let sql = "SELECT name, document, checksum, mac FROM policies WHERE name = ?1";
    Ok(policy_rows(db, binding, sql, [name])?.into_iter().next())
}

pub(super) fn policies(db: &Connection, binding: Binding<'_>) -> Result<Vec<PolicyRecord>, StoreError> {
    policy_rows(db, binding, "SELECT name, document, checksum, mac FROM policies ORDER BY name", [])
}

fn policy_rows(
    db: &Connection,
    binding: Binding<'_>,
    sql: &str,
    parameters: impl Params,
) -> Result<Vec<PolicyRecord>, StoreError> {
    let mut statement = db.prepare_cached(sql).during(READING)?;
    let mut rows = statement.query(parameters).during(READING)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().during(READING)? {
        let (name, text): (String, String) = (row.get(0).during(READING)?, row.get(1).during(READING)?);
        let mac: Option<Vec<u8>> = row.get(3).during(READING)?;
        binding.require(&Columns::Policy { name: &name, document: &text }, mac.as_deref())?;
        found.push(document::decode(text.as_bytes(), row.get(2).during(READING)?, "a policy")?);
    }
    Ok(found)
}

pub(super) fn agency(db: &Connection, binding: Binding<'_>, id: &str) -> Result<Option<AgencyRecord>, StoreError> {
    let sql = "SELECT id, name, document, checksum, mac FROM agencies WHERE id = ?1";
    Ok(agency_rows(db, binding, sql, [id])?.into_iter().next())
}

pub(super) fn agencies(db: &Connection, binding: Binding<'_>) -> Result<Vec<AgencyRecord>, StoreError> {
    agency_rows(db, binding, "SELECT id, name, document, checksum, mac FROM agencies ORDER BY name", [])
}

fn agency_rows(
    db: &Connection,
    binding: Binding<'_>,
    sql: &str,
    parameters: impl Params,
) -> Result<Vec<AgencyRecord>, StoreError> {
    const DOING: &str = READING_AGENCIES;
    let mut statement = db.prepare_cached(sql).during(DOING)?;
    let mut rows = statement.query(parameters).during(DOING)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().during(DOING)? {
        let text = |at: usize| row.get::<_, String>(at).during(DOING);
        let (id, name, document) = (text(0)?, text(1)?, text(2)?);
        let mac: Option<Vec<u8>> = row.get(4).during(DOING)?;
        binding.require(&Columns::Agency { id: &id, name: &name, document: &document }, mac.as_deref())?;
        found.push(document::decode(document.as_bytes(), row.get(3).during(DOING)?, "an agency")?);
    }
    Ok(found)
}

fn execute(db: &Connection, sql: &str, parameters: impl Params) -> Result<usize, StoreError> {
    db.prepare_cached(sql).and_then(|mut statement| statement.execute(parameters)).during("changing users and policies")
}

/// Makes a change, and notes what became of the rows.
pub(super) fn change(
    db: &Connection,
    binding: Binding<'_>,
    change: &AccessChange,
    marks: &mut Vec<RowMark>,
) -> Result<(), StoreError> {
    let changed = match change {
        AccessChange::PutUser(user) => {
            marks.push(identities::put_user(db, binding, user)?);
            return Ok(());
        }
        AccessChange::PutAccessKey(key) => {
            marks.push(identities::put_access_key(db, binding, key)?);
            return Ok(());
        }
        AccessChange::ReplacePassword { user_id, old, new, time } => {
            let user = identities::user(db, binding, user_id)?.ok_or(StoreError::NotFound)?;
            marks.push(identities::put_user(db, binding, &row::with_password(user, old.as_deref(), new, *time)?)?);
            return Ok(());
        }
        AccessChange::DeleteUser(id) => {
            // Also where a row is not what was written: it goes.
            for key in access_keys(db, binding.converting(), id)? {
                marks.push(RowMark::removed(RowKind::AccessKey, &key.access_key));
            }
            marks.push(RowMark::removed(RowKind::User, id));
            execute(db, "DELETE FROM access_keys WHERE user_id = ?1", [id])?;
            execute(db, "DELETE FROM users WHERE id = ?1", [id])?
        }
        AccessChange::DeleteAccessKey(name) => {
            marks.push(RowMark::removed(RowKind::AccessKey, name));
            execute(db, "DELETE FROM access_keys WHERE access_key = ?1", [name])?
        }
        AccessChange::PutPolicy(policy) => {
            let Document { text, checksum } = Document::of(policy)?;
            let mac = binding.bind(&Columns::Policy { name: &policy.name, document: &text });
            marks.push(RowMark::put(RowKind::Policy, &policy.name, &mac));
            let sql = "INSERT INTO policies (name, document, checksum, mac) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (name) DO UPDATE SET document = excluded.document, checksum = excluded.checksum,
                 mac = excluded.mac";
            execute(db, sql, params![policy.name, text, checksum, mac])?
        }
        AccessChange::DeletePolicy(name) => {
            marks.push(RowMark::removed(RowKind::Policy, name));
            execute(db, "DELETE FROM policies WHERE name = ?1", [name])?
        }
        AccessChange::PutAgency(agency) => {
            let Document { text, checksum } = Document::of(agency)?;
            let mac = binding.bind(&Columns::Agency { id: &agency.id, name: &agency.name, document: &text });
            marks.push(RowMark::put(RowKind::Agency, &agency.id, &mac));
            let sql = "INSERT INTO agencies (id, name, document, checksum, mac) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (id) DO UPDATE SET name = excluded.name, document = excluded.document,
                 checksum = excluded.checksum, mac = excluded.mac";
            execute(db, sql, params![agency.id, agency.name, text, checksum, mac])?
        }
        AccessChange::DeleteAgency(id) => {
            marks.push(RowMark::removed(RowKind::Agency, id));
            execute(db, "DELETE FROM agencies WHERE id = ?1", [id])?
        }
    };
    if changed == 0 { Err(StoreError::NotFound) } else { Ok(()) }
}

/// Makes changes and appends their records, which name what became of the rows.
pub(super) fn change_all(
    db: &Group<'_>,
    binding: Binding<'_>,
    changes: &[AccessChange],
    mut records: Vec<AuditEntry>,
) -> Result<(), StoreError> {
    let mut marks = Vec::new();
    changes.iter().try_for_each(|change| self::change(db, binding, change, &mut marks))?;
    crate::audit::name_rows(&mut records, &marks);
    db.record(records);
    Ok(())
}

/// See [`crate::Store::convert_access`].
pub(super) fn convert(
    db: &Group<'_>,
    binding: Binding<'_>,
    mark: &Replacement,
    convert: impl FnOnce(&mut AccessState) -> Result<(), StoreError>,
    records: Vec<AuditEntry>,
) -> Result<bool, StoreError> {
    if !identities::replace_meta(db, &mark.key, &mark.old, &mark.new)? {
        return Ok(false);
    }
    let binding = binding.converting();
    let mut state = state(db, binding)?;
    convert(&mut state)?;
    change_all(db, binding, &rewritten(state), records)?;
    Ok(true)
}

/// Notes the last uses of access keys. Older ones than what is noted, and those of keys that are gone, change nothing.
pub(super) fn note_key_uses(db: &Connection, uses: &[AccessKeyUse]) -> Result<(), StoreError> {
    let sql = "UPDATE access_keys SET last_used_time = ?2, last_used_peer = ?3, last_used_operation = ?4
         WHERE access_key = ?1 AND last_used_time < ?2";
    for AccessKeyUse { access_key, last } in uses {
        execute(db, sql, params![access_key, time(last.time), last.peer, last.operation])?;
    }
    Ok(())
}

fn key_rows(
    db: &Connection,
    binding: Binding<'_>,
    rest: &str,
    parameters: impl Params,
) -> Result<Vec<KeyRecord>, StoreError> {
    let mut statement =
        db.prepare_cached(&format!("SELECT {KEY_COLUMNS} FROM kms_keys {rest}")).during(READING_KEYS)?;
    let mut rows = statement.query(parameters).during(READING_KEYS)?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next().during(READING_KEYS)? {
        keys.push(identities::read_key(row, binding)?);
    }
    Ok(keys)
}

pub(super) fn keys(db: &Connection, binding: Binding<'_>, project: &ProjectId) -> Result<Vec<KeyRecord>, StoreError> {
    key_rows(db, binding, "WHERE project = ?1 ORDER BY create_time, id", [project.as_str()])
}

pub(super) fn keys_pending_deletion(db: &Connection, binding: Binding<'_>) -> Result<Vec<KeyRecord>, StoreError> {
    key_rows(db, binding, "WHERE state = 'PENDING_DELETION' ORDER BY project, id", [])
}

pub(super) fn keys_due_for_rotation(
    db: &Connection,
    binding: Binding<'_>,
    now: UnixMillis,
) -> Result<Vec<KeyRecord>, StoreError> {
    let rest = "WHERE next_rotation <= ?1 AND state = 'ENABLED' ORDER BY project, id";
    key_rows(db, binding, rest, [time(now)])
}

/// Writes the difference between the keys of a project as they were and as they are to be, and returns what became of the rows.
pub(super) fn apply_keys(
    db: &Connection,
    binding: Binding<'_>,
    before: &[KeyRecord],
    after: &[KeyRecord],
) -> Result<Vec<RowMark>, StoreError> {
    let mut marks = Vec::new();
    for difference in row::key_differences(before, after)? {
        marks.push(match difference {
            KeyDifference::Put(key) => identities::put_key(db, binding, key)?,
            KeyDifference::Remove(id) => {
                execute(db, "DELETE FROM kms_keys WHERE id = ?1", [id.as_str()])?;
                RowMark::removed(RowKind::KmsKey, id.as_str())
            }
        });
    }
    Ok(marks)
}

/// See [`crate::Store::bind_rows`].
pub(super) fn bind_rows(
    db: &Group<'_>,
    binding: Binding<'_>,
    mark: &Replacement,
    mut records: Vec<AuditEntry>,
) -> Result<bool, StoreError> {
    if !identities::replace_meta(db, &mark.key, &mark.old, &mark.new)? {
        return Ok(false);
    }
    secrets::rebind(db, binding)?;
    entries::rebind(db, binding)?;
    let keys = key_rows(db, binding.converting(), "ORDER BY project, id", [])?;
    let marks = keys.iter().map(|key| identities::put_key(db, binding, key)).collect::<Result<Vec<_>, _>>()?;
    crate::audit::name_rows(&mut records, &marks);
    db.record(records);
    Ok(true)
}
