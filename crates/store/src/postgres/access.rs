//! Statements of those who administer: lists of users and their keys, shared policies, and the KMS keys of a project.

use csms_core::{ProjectId, UnixMillis};
use tokio_postgres::Row;

use super::{
    audit, entries,
    failure::column,
    identities, secrets,
    session::{Parameters, Session},
};
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
const CHANGING: &str = "changing users and policies";

pub(super) async fn users(session: &Session, binding: Binding<'_>) -> Result<Vec<UserRecord>, StoreError> {
    let sql = format!("SELECT {} FROM users ORDER BY name, id", identities::USER_COLUMNS);
    let rows = session.rows(&sql, &[], "reading users").await?;
    rows.iter().map(|row| identities::read_user(row, 0, binding)).collect()
}

pub(super) async fn access_keys(
    session: &Session,
    binding: Binding<'_>,
    user_id: &str,
) -> Result<Vec<AccessKeyRecord>, StoreError> {
    if !identities::can_be_held(user_id) {
        return Ok(Vec::new());
    }
    let sql = format!("SELECT {ACCESS_KEY_COLUMNS} FROM access_keys WHERE user_id = $1 ORDER BY access_key");
    access_key_rows(session, binding, &sql, &[&user_id]).await
}

async fn access_key_rows(
    session: &Session,
    binding: Binding<'_>,
    sql: &str,
    parameters: Parameters<'_>,
) -> Result<Vec<AccessKeyRecord>, StoreError> {
    const DOING: &str = "reading access keys";
    let rows = session.rows(sql, parameters, DOING).await?;
    rows.iter().map(|row| identities::read_access_key(row, binding)).collect()
}

/// The rows of all users, access keys, shared policies, agencies and KMS keys, with their MACs.
pub(super) async fn rows(session: &Session, binding: Binding<'_>) -> Result<Vec<RowMark>, StoreError> {
    const DOING: &str = "reading rows";
    let mut marks = Vec::new();
    for row in session.rows("SELECT id, domain_id, name, document, mac FROM users", &[], DOING).await? {
        let text = |at: usize| column::<&str>(&row, at, DOING);
        let (id, domain_id, name, document) = (text(0)?, text(1)?, text(2)?, text(3)?);
        let columns = Columns::User { id, domain_id, name, document };
        marks.push(RowMark::stored(&columns, binding, column(&row, 4, DOING)?));
    }
    for row in session.rows("SELECT name, document, mac FROM policies", &[], DOING).await? {
        let (name, document) = (column(&row, 0, DOING)?, column(&row, 1, DOING)?);
        marks.push(RowMark::stored(&Columns::Policy { name, document }, binding, column(&row, 2, DOING)?));
    }
    for row in session.rows("SELECT id, name, document, mac FROM agencies", &[], DOING).await? {
        let text = |at: usize| column::<&str>(&row, at, DOING);
        let columns = Columns::Agency { id: text(0)?, name: text(1)?, document: text(2)? };
        marks.push(RowMark::stored(&columns, binding, column(&row, 3, DOING)?));
    }
    let sql = format!("SELECT {ACCESS_KEY_COLUMNS} FROM access_keys");
    for row in session.rows(&sql, &[], DOING).await? {
        let key = identities::read_access_key(&row, binding.converting())?;
        marks.push(RowMark::stored(&Columns::AccessKey(&key), binding, column(&row, 5, DOING)?));
    }
    for row in session.rows(&format!("SELECT {KEY_COLUMNS} FROM kms_keys"), &[], DOING).await? {
        let columns = identities::key_columns(&row)?;
        marks.push(RowMark::stored(&Columns::KmsKey(&columns), binding, column(&row, 7, DOING)?));
    }
    Ok(marks)
}

/// Nobody else changes users, access keys, shared policies and agencies before the transaction ends. Whoever changes several takes
/// this first, so that no two wait for each other.
pub(super) async fn lock(session: &Session) -> Result<(), StoreError> {
    let lock = "LOCK TABLE users, access_keys, policies, agencies IN SHARE ROW EXCLUSIVE MODE";
    session.execute(lock, &[], CHANGING).await.map(drop)
}

/// All users, access keys, shared policies and agencies, locked.
pub(super) async fn lock_state(session: &Session, binding: Binding<'_>) -> Result<AccessState, StoreError> {
    lock(session).await?;
    let sql = format!("SELECT {ACCESS_KEY_COLUMNS} FROM access_keys ORDER BY access_key");
    Ok(AccessState {
        users: users(session, binding).await?,
        keys: access_key_rows(session, binding, &sql, &[]).await?,
        policies: policies(session, binding).await?,
        agencies: agencies(session, binding).await?,
    })
}

/// Notes a use unless a later one is noted. Finds a row when that was not possible because somebody else holds the key's: the note
/// of a use is worth no wait.
const NOTE_KEY_USE: &str = "WITH free AS (
         SELECT access_key FROM access_keys WHERE access_key = $1 AND last_used_time < $2 FOR UPDATE SKIP LOCKED),
     noted AS (
         UPDATE access_keys SET last_used_time = $2, last_used_peer = $3, last_used_operation = $4
         FROM free WHERE access_keys.access_key = free.access_key)
     SELECT 1 FROM access_keys WHERE access_key = $1 AND last_used_time < $2 AND NOT EXISTS (SELECT FROM free)";

/// Notes the last uses of access keys, and returns those whose rows are held by somebody else. Older ones than what is noted, and
/// those of keys that are gone, change nothing.
pub(super) async fn note_key_uses(session: &Session, uses: Vec<AccessKeyUse>) -> Result<Vec<AccessKeyUse>, StoreError> {
    let mut left = Vec::new();
    for used in uses {
        let AccessKeyUse { access_key, last } = &used;
        let time = row::time(last.time);
        let held = session
            .row(NOTE_KEY_USE, &[access_key, &time, &last.peer, &last.operation], "noting the use of a key")
            .await?;
        left.extend(held.map(|_| used));
    }
    Ok(left)
}

pub(super) async fn policy(
    session: &Session,
    binding: Binding<'_>,
    name: &str,
) -> Result<Option<PolicyRecord>, StoreError> {
    if !identities::can_be_held(name) {
        return Ok(None);
    }
    let sql = "SELECT name, document, checksum, mac FROM policies WHERE name = $1";
    Ok(policy_rows(session, binding, sql, &[&name]).await?.into_iter().next())
}

pub(super) async fn policies(session: &Session, binding: Binding<'_>) -> Result<Vec<PolicyRecord>, StoreError> {
    policy_rows(session, binding, "SELECT name, document, checksum, mac FROM policies ORDER BY name", &[]).await
}

async fn policy_rows(
    session: &Session,
    binding: Binding<'_>,
    sql: &str,
    parameters: Parameters<'_>,
) -> Result<Vec<PolicyRecord>, StoreError> {
    let rows = session.rows(sql, parameters, READING).await?;
    let read = |row: &Row| {
        let (name, document): (&str, &str) = (column(row, 0, READING)?, column(row, 1, READING)?);
        binding.require(&Columns::Policy { name, document }, column(row, 3, READING)?)?;
        document::decode(document.as_bytes(), column(row, 2, READING)?, "a policy")
    };
    rows.iter().map(read).collect()
}

pub(super) async fn agency(
    session: &Session,
    binding: Binding<'_>,
    id: &str,
) -> Result<Option<AgencyRecord>, StoreError> {
    if !identities::can_be_held(id) {
        return Ok(None);
    }
    let sql = "SELECT id, name, document, checksum, mac FROM agencies WHERE id = $1";
    Ok(agency_rows(session, binding, sql, &[&id]).await?.into_iter().next())
}

pub(super) async fn agencies(session: &Session, binding: Binding<'_>) -> Result<Vec<AgencyRecord>, StoreError> {
    agency_rows(session, binding, "SELECT id, name, document, checksum, mac FROM agencies ORDER BY name", &[]).await
}

async fn agency_rows(
    session: &Session,
    binding: Binding<'_>,
    sql: &str,
    parameters: Parameters<'_>,
) -> Result<Vec<AgencyRecord>, StoreError> {
    const DOING: &str = READING_AGENCIES;
    let rows = session.rows(sql, parameters, DOING).await?;
    let read = |row: &Row| {
        let text = |at: usize| column::<&str>(row, at, DOING);
        let (id, name, document) = (text(0)?, text(1)?, text(2)?);
        binding.require(&Columns::Agency { id, name, document }, column(row, 4, DOING)?)?;
        document::decode(document.as_bytes(), column(row, 3, DOING)?, "an agency")
    };
    rows.iter().map(read).collect()
}

/// Makes a change, and notes what became of the rows.
async fn change(
    session: &Session,
    binding: Binding<'_>,
    change: &AccessChange,
    marks: &mut Vec<RowMark>,
) -> Result<(), StoreError> {
    let changed = match change {
        AccessChange::PutUser(user) => {
            marks.push(identities::put_user(session, binding, user).await?);
            return Ok(());
        }
        AccessChange::PutAccessKey(key) => {
            marks.push(identities::put_access_key(session, binding, key).await?);
            return Ok(());
        }
        AccessChange::ReplacePassword { user_id, old, new, time } => {
            let user = identities::lock_user(session, binding, user_id).await?.ok_or(StoreError::NotFound)?;
            let user = row::with_password(user, old.as_deref(), new, *time)?;
            marks.push(identities::put_user(session, binding, &user).await?);
            return Ok(());
        }
        AccessChange::DeleteUser(id) => {
            // Also where a row is not what was written: it goes.
            for key in access_keys(session, binding.converting(), id).await? {
                marks.push(RowMark::removed(RowKind::AccessKey, &key.access_key));
            }
            marks.push(RowMark::removed(RowKind::User, id));
            session.execute("DELETE FROM access_keys WHERE user_id = $1", &[id], CHANGING).await?;
            session.execute("DELETE FROM users WHERE id = $1", &[id], CHANGING).await?
        }
        AccessChange::DeleteAccessKey(name) => {
            marks.push(RowMark::removed(RowKind::AccessKey, name));
            session.execute("DELETE FROM access_keys WHERE access_key = $1", &[name], CHANGING).await?
        }
        AccessChange::PutPolicy(policy) => {
            let Document { text, checksum } = Document::of(policy)?;
            let mac = binding.bind(&Columns::Policy { name: &policy.name, document: &text });
            marks.push(RowMark::put(RowKind::Policy, &policy.name, &mac));
            let sql = "INSERT INTO policies (name, document, checksum, mac) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (name) DO UPDATE SET document = excluded.document, checksum = excluded.checksum,
                 mac = excluded.mac";
            session.execute(sql, &[&policy.name, &text, &i64::from(checksum), &mac], CHANGING).await?
        }
        AccessChange::DeletePolicy(name) => {
            marks.push(RowMark::removed(RowKind::Policy, name));
            session.execute("DELETE FROM policies WHERE name = $1", &[name], CHANGING).await?
        }
        AccessChange::PutAgency(agency) => {
            let Document { text, checksum } = Document::of(agency)?;
            let mac = binding.bind(&Columns::Agency { id: &agency.id, name: &agency.name, document: &text });
            marks.push(RowMark::put(RowKind::Agency, &agency.id, &mac));
            let sql = "INSERT INTO agencies (id, name, document, checksum, mac) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (id) DO UPDATE SET name = excluded.name, document = excluded.document,
                 checksum = excluded.checksum, mac = excluded.mac";
            let checksum = i64::from(checksum);
            session.execute(sql, &[&agency.id, &agency.name, &text, &checksum, &mac], CHANGING).await?
        }
        AccessChange::DeleteAgency(id) => {
            marks.push(RowMark::removed(RowKind::Agency, id));
            session.execute("DELETE FROM agencies WHERE id = $1", &[id], CHANGING).await?
        }
    };
    if changed == 0 { Err(StoreError::NotFound) } else { Ok(()) }
}

/// Makes changes and appends their records, which name what became of the rows.
pub(super) async fn change_all(
    session: &Session,
    binding: Binding<'_>,
    changes: &[AccessChange],
    mut records: Vec<AuditEntry>,
) -> Result<(), StoreError> {
    let mut marks = Vec::new();
    for change in changes {
        self::change(session, binding, change, &mut marks).await?;
    }
    crate::audit::name_rows(&mut records, &marks);
    audit::append(session, records).await
}

/// See [`crate::Store::convert_access`].
pub(super) async fn convert(
    session: &Session,
    binding: Binding<'_>,
    mark: &Replacement,
    convert: impl FnOnce(&mut AccessState) -> Result<(), StoreError>,
    records: Vec<AuditEntry>,
) -> Result<bool, StoreError> {
    let binding = binding.converting();
    let mut state = lock_state(session, binding).await?;
    if !identities::replace_meta(session, &mark.key, &mark.old, &mark.new).await? {
        return Ok(false);
    }
    convert(&mut state)?;
    change_all(session, binding, &rewritten(state), records).await?;
    Ok(true)
}

async fn key_rows(
    session: &Session,
    binding: Binding<'_>,
    rest: &str,
    parameters: Parameters<'_>,
) -> Result<Vec<KeyRecord>, StoreError> {
    let sql = format!("SELECT {KEY_COLUMNS} FROM kms_keys {rest}");
    let rows = session.rows(&sql, parameters, "reading keys").await?;
    rows.iter().map(|row| identities::read_key(row, binding)).collect()
}

pub(super) async fn keys(session: &Session, project: &ProjectId) -> Result<Vec<KeyRecord>, StoreError> {
    let rest = "WHERE project = $1 ORDER BY create_time, id";
    key_rows(session, session.binding()?, rest, &[&project.as_str()]).await
}

/// As [`keys`], and nobody else changes them before the transaction ends.
pub(super) async fn lock_keys(session: &Session, project: &ProjectId) -> Result<Vec<KeyRecord>, StoreError> {
    let rest = "WHERE project = $1 ORDER BY create_time, id FOR UPDATE";
    key_rows(session, session.binding()?, rest, &[&project.as_str()]).await
}

pub(super) async fn keys_pending_deletion(session: &Session) -> Result<Vec<KeyRecord>, StoreError> {
    let rest = "WHERE state = 'PENDING_DELETION' ORDER BY project, id";
    key_rows(session, session.binding()?, rest, &[]).await
}

pub(super) async fn keys_due_for_rotation(session: &Session, now: UnixMillis) -> Result<Vec<KeyRecord>, StoreError> {
    let rest = "WHERE next_rotation <= $1 AND state = 'ENABLED' ORDER BY project, id";
    key_rows(session, session.binding()?, rest, &[&time(now)]).await
}

/// Writes the difference between the keys of a project as they were and as they are to be, and returns what became of the rows.
pub(super) async fn apply_keys(
    session: &Session,
    before: &[KeyRecord],
    after: &[KeyRecord],
) -> Result<Vec<RowMark>, StoreError> {
    let mut marks = Vec::new();
    for difference in row::key_differences(before, after)? {
        marks.push(match difference {
            KeyDifference::Put(key) => {
                let is_new = before.iter().all(|known| known.id != key.id);
                identities::put_key(session, key, is_new).await?
            }
            KeyDifference::Remove(id) => {
                session.execute("DELETE FROM kms_keys WHERE id = $1", &[&id.as_str()], "removing a key").await?;
                RowMark::removed(RowKind::KmsKey, id.as_str())
            }
        });
    }
    Ok(marks)
}

/// See [`crate::Store::bind_rows`].
pub(super) async fn bind_rows(
    session: &Session,
    mark: &Replacement,
    mut records: Vec<AuditEntry>,
) -> Result<bool, StoreError> {
    // Another server that binds them at the same time waits for the mark, and then finds it replaced.
    if !identities::replace_meta(session, &mark.key, &mark.old, &mark.new).await? {
        return Ok(false);
    }
    secrets::rebind(session).await?;
    entries::rebind(session).await?;
    let mut marks = Vec::new();
    for key in key_rows(session, session.binding()?.converting(), "ORDER BY project, id FOR UPDATE", &[]).await? {
        marks.push(identities::put_key(session, &key, false).await?);
    }
    crate::audit::name_rows(&mut records, &marks);
    audit::append(session, records).await?;
    Ok(true)
}
