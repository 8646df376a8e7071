//! Statements about secrets and their sealed values.

use std::collections::BTreeMap;

use csms_core::{EventName, ProjectId, Secret, SecretId, SecretName, UnixMillis, VersionId, task::Task};
use tokio_postgres::{Row, types::ToSql};

use super::{
    entries,
    failure::{column, is_duplicate},
    session::Session,
    tasks,
};
use crate::{
    bound::{Binding, Columns},
    draft::{Changes, Draft, ReplicaChange},
    error::{CreateError, StoreError},
    record::{Page, SecretUse},
    row::{self, SecretColumns, StoredSecret},
};

const READING: &str = "reading a secret";
const WRITING: &str = "writing a secret";
const COUNTING: &str = "counting secrets";

pub(super) const FIND: &str =
    "SELECT document, checksum, last_used_time, mac FROM secrets WHERE project = $1 AND name = $2";
const LOCK: &str =
    "SELECT document, checksum, last_used_time, mac FROM secrets WHERE project = $1 AND name = $2 FOR UPDATE";
pub(super) const FIND_WITH_VALUE: &str = "SELECT s.document, s.checksum, s.last_used_time, s.mac,
         coalesce($3, s.current_version), v.sealed
     FROM secrets s LEFT JOIN secret_values v ON v.secret_id = s.id AND v.version = coalesce($3, s.current_version)
     WHERE s.project = $1 AND s.name = $2";
/// Fills the column that a copy from an embedded store lacks. As in the schema's migration number 11.
pub(super) const FILL_CURRENT_VERSION: &str = r#"UPDATE secrets SET current_version =
     CAST(substring(document FROM '"name":"SYSCURRENT","version":([0-9]{1,10})') AS BIGINT)"#;
pub(super) const LIST: &str = "SELECT document, checksum, last_used_time, mac FROM secrets
     WHERE project = $1 AND name > $2 ORDER BY name LIMIT $3";
pub(super) const LIST_OF_EVENT: &str = "SELECT document, checksum, last_used_time, mac FROM secrets
     WHERE project = $1 AND name > $2 AND event = $4 ORDER BY name LIMIT $3";

/// The document, its checksum, the time of the last use and the MAC in the first columns of a row.
pub(super) fn stored(row: &Row) -> Result<StoredSecret<'_>, StoreError> {
    let text: &str = column(row, 0, READING)?;
    let (checksum, used, mac) = (column(row, 1, READING)?, column(row, 2, READING)?, column(row, 3, READING)?);
    Ok(StoredSecret { text: text.as_bytes(), checksum, mac, used })
}

/// The secret that one of the first two statements above finds.
async fn found(
    session: &Session,
    sql: &str,
    project: &ProjectId,
    name: &SecretName,
) -> Result<Option<Secret>, StoreError> {
    let row = session.row(sql, &[&project.as_str(), &name.as_str()], READING).await?;
    row.map(|row| read_named(&row, project, name, session.binding()?)).transpose()
}

/// The secret in the first four columns of a row.
pub(super) fn read_named(
    row: &Row,
    project: &ProjectId,
    name: &SecretName,
    binding: Binding<'_>,
) -> Result<Secret, StoreError> {
    row::named_secret(stored(row)?, project, name, binding)
}

pub(super) async fn find(
    session: &Session,
    project: &ProjectId,
    name: &SecretName,
) -> Result<Option<Secret>, StoreError> {
    found(session, FIND, project, name).await
}

pub(super) async fn find_by_id(
    session: &Session,
    project: &ProjectId,
    id: &SecretId,
) -> Result<Option<Secret>, StoreError> {
    let sql = "SELECT document, checksum, last_used_time, mac FROM secrets WHERE id = $1 AND project = $2";
    let Some(row) = session.row(sql, &[&id.as_str(), &project.as_str()], READING).await? else { return Ok(None) };
    row::identified_secret(stored(&row)?, project, id, session.binding()?).map(Some)
}

/// A secret with the sealed value of a version, or without one that of SYSCURRENT: the secret, the version, and its value if
/// it has one.
pub(super) async fn find_with_value(
    session: &Session,
    project: &ProjectId,
    name: &SecretName,
    wanted: Option<VersionId>,
) -> Result<Option<(Secret, Option<VersionId>, Option<Vec<u8>>)>, StoreError> {
    let wanted = wanted.map(|version| i64::from(version.number()));
    let parameters: [&(dyn ToSql + Sync); 3] = [&project.as_str(), &name.as_str(), &wanted];
    let Some(row) = session.row(FIND_WITH_VALUE, &parameters, READING).await? else { return Ok(None) };
    let secret = read_named(&row, project, name, session.binding()?)?;
    let asked: Option<i64> = column(&row, 4, READING)?;
    let asked = asked.and_then(|number| u32::try_from(number).ok()).and_then(VersionId::from_number);
    Ok(Some((secret, asked, column(&row, 5, READING)?)))
}

/// All sealed values of a secret.
async fn values(session: &Session, secret: &Secret) -> Result<BTreeMap<VersionId, Vec<u8>>, StoreError> {
    const DOING: &str = "reading the values of a secret";
    let sql = "SELECT version, sealed FROM secret_values WHERE secret_id = $1";
    let mut values = BTreeMap::new();
    for row in session.rows(sql, &[&secret.id.as_str()], DOING).await? {
        let number = u32::try_from(column::<i64>(&row, 0, DOING)?).unwrap_or(0);
        values.insert(row::version(number)?, column(&row, 1, DOING)?);
    }
    Ok(values)
}

pub(super) async fn list(
    session: &Session,
    project: &ProjectId,
    after: Option<&str>,
    limit: u16,
    event: Option<&EventName>,
) -> Result<Page<Secret>, StoreError> {
    const DOING: &str = "listing secrets";
    // No name is empty, so every name is behind the empty text. No name has the character 0, which PostgreSQL does not
    // take and which sorts before all others: what follows it makes no difference.
    let after = after.unwrap_or("").split('\0').next().unwrap_or("");
    let (project_id, fetched) = (project.as_str(), row::fetched(limit));
    let rows = match event {
        None => session.rows(LIST, &[&project_id, &after, &fetched], DOING).await?,
        Some(event) => session.rows(LIST_OF_EVENT, &[&project_id, &after, &fetched, &event.as_str()], DOING).await?,
    };
    let binding = session.binding()?;
    let items = rows.iter().map(|row| row::secret(stored(row)?, project, binding));
    Ok(row::page(items.collect::<Result<_, StoreError>>()?, limit))
}

pub(super) const DUE_ROTATIONS: &str = "SELECT project, name FROM secrets WHERE rotation_due_time <= $1
     ORDER BY rotation_due_time LIMIT $2";
pub(super) const FAR_ROTATIONS: &str = "SELECT project, name FROM secrets WHERE rotation_due_time > $1
     ORDER BY rotation_due_time DESC LIMIT $2";
pub(super) const DUE_EXPIRIES: &str = "SELECT project, name FROM secrets WHERE expiry_due_time <= $1
     ORDER BY expiry_due_time LIMIT $2";
pub(super) const DUE_DELETIONS: &str = "SELECT project, name FROM secrets WHERE deletion_due_time <= $1
     ORDER BY deletion_due_time LIMIT $2";

/// What one of the statements above finds.
pub(super) async fn due(
    session: &Session,
    sql: &str,
    now: UnixMillis,
    limit: u16,
) -> Result<Vec<(ProjectId, SecretName)>, StoreError> {
    const DOING: &str = "looking for due secrets";
    let rows = session.rows(sql, &[&row::time(now), &i64::from(limit)], DOING).await?;
    rows.iter().map(|row| row::due(column(row, 0, DOING)?, column(row, 1, DOING)?)).collect()
}

pub(super) const NEXT_DUE_TIME: &str = "SELECT min(due) FROM (
     SELECT min(rotation_due_time) AS due FROM secrets WHERE rotation_due_time IS NOT NULL
     UNION ALL SELECT min(deletion_due_time) FROM secrets WHERE deletion_due_time IS NOT NULL) AS times";

pub(super) async fn next_due_time(session: &Session) -> Result<Option<UnixMillis>, StoreError> {
    let due = session.number(NEXT_DUE_TIME, &[], "looking for the next due secret").await?;
    due.map(row::read_time).transpose()
}

pub(super) async fn create(
    session: &Session,
    secret: &Secret,
    values: &[(VersionId, &[u8])],
    quota: u64,
) -> Result<(), CreateError> {
    if let Some(event) = secret.event_subscriptions.first() {
        entries::require_event(session, &secret.project, event).await?;
    }
    let columns = SecretColumns::of(secret, false, session.binding()?)?;
    let inserted = session
        .execute(
            "INSERT INTO secrets (project, name, id, document, checksum, rotation_due_time, deletion_due_time, event,
             expiry_due_time, current_version, mac, tagged)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            &[
                &secret.project.as_str(),
                &secret.name.as_str(),
                &secret.id.as_str(),
                &columns.document.text,
                &i64::from(columns.document.checksum),
                &columns.rotation_due_time,
                &columns.deletion_due_time,
                &columns.event,
                &columns.expiry_due_time,
                &columns.current_version,
                &columns.mac,
                &columns.tagged,
            ],
            WRITING,
        )
        .await;
    match inserted {
        Err(error) if is_duplicate(&error) => return Err(CreateError::Exists),
        inserted => inserted?,
    };
    for (version, sealed) in values {
        insert_value(session, secret, *version, sealed).await?;
    }
    // Last, because from here to the commit other creations in the project wait.
    let quota = i64::try_from(quota).unwrap_or(i64::MAX);
    let count = "UPDATE project_usage SET secrets = secrets + 1 WHERE project = $1 AND secrets < $2";
    match session.execute(count, &[&secret.project.as_str(), &quota], COUNTING).await? {
        0 => Err(CreateError::Quota),
        _ => Ok(()),
    }
}

/// Whether the project has room for another secret after all: its secrets were not counted yet, or one was deleted
/// meanwhile. To be called outside of a transaction.
pub(super) async fn has_room(session: &Session, project: &ProjectId, quota: u64) -> Result<bool, StoreError> {
    let find = "SELECT secrets FROM project_usage WHERE project = $1";
    if let Some(count) = session.number(find, &[&project.as_str()], COUNTING).await? {
        return Ok(u64::try_from(count).unwrap_or(0) < quota);
    }
    let insert = "INSERT INTO project_usage (project, secrets) VALUES ($1, 0)";
    match session.execute(insert, &[&project.as_str()], COUNTING).await {
        Err(error) if !is_duplicate(&error) => Err(error),
        _ => Ok(quota > 0),
    }
}

async fn insert_value(session: &Session, secret: &Secret, version: VersionId, sealed: &[u8]) -> Result<(), StoreError> {
    let sql = "INSERT INTO secret_values (secret_id, version, sealed) VALUES ($1, $2, $3)";
    let parameters: [&(dyn ToSql + Sync); 3] = [&secret.id.as_str(), &i64::from(version.number()), &sealed];
    session.execute(sql, &parameters, "writing a value").await.map(drop)
}

/// What a change of a secret is decided on.
#[derive(Clone)]
pub(super) struct Loaded {
    pub(super) secret: Secret,
    /// The sealed values, if they were asked for.
    pub(super) values: BTreeMap<VersionId, Vec<u8>>,
    pub(super) running: Option<Task>,
    pub(super) holder: Option<String>,
}

impl Loaded {
    /// A secret without values or a running task.
    pub(super) const fn of(secret: Secret) -> Self {
        Self { secret, values: BTreeMap::new(), running: None, holder: None }
    }

    pub(super) fn draft(self) -> Draft {
        Draft::new(self.secret, self.values, self.running, self.holder)
    }

    /// Whether a decision on one is a decision on the other. A read in between makes no difference.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let unread = |loaded: &Self| {
            let mut secret = loaded.secret.clone();
            secret.last_used_time = None;
            secret
        };
        (&self.values, &self.running, &self.holder) == (&other.values, &other.running, &other.holder)
            && unread(self) == unread(other)
    }
}

/// Locks a secret until the transaction ends, and loads it for a change.
pub(super) async fn lock(
    session: &Session,
    project: &ProjectId,
    name: &SecretName,
    load_values: bool,
) -> Result<Option<Loaded>, StoreError> {
    let Some(secret) = found(session, LOCK, project, name).await? else { return Ok(None) };
    let values = if load_values { values(session, &secret).await? } else { BTreeMap::new() };
    let (running, holder) = match &secret.running_task {
        // Locked too, so that nobody takes it while its holder decides.
        Some(id) => tasks::lock(session, id).await?.unzip(),
        None => (None, None),
    };
    Ok(Some(Loaded { secret, values, running, holder: holder.flatten() }))
}

/// Writes what a change of a locked secret amounts to, but for its records.
pub(super) async fn apply(session: &Session, before: &Secret, changes: &Changes) -> Result<(), StoreError> {
    match changes {
        Changes::Update { secret, marked, added, removed, replicas, .. } => {
            change_values(session, secret, added, removed).await?;
            if **secret != *before {
                update(session, secret, *marked).await?;
                apply_to_replicas(session, replicas, *marked).await?;
            }
        }
        Changes::Delete { replicas, .. } => {
            // In the order of their projects, whose counts are locked from then on.
            let own = &before.project;
            let place = replicas.partition_point(|replica| replica.project() < own);
            let (first, last) = replicas.split_at(place);
            apply_to_replicas(session, first, false).await?;
            delete(session, own, &before.id).await?;
            apply_to_replicas(session, last, false).await?;
        }
    }
    let tasks = changes.tasks();
    for task in &tasks.put {
        tasks::put(session, task).await?;
    }
    if let Some(lease) = &tasks.lease {
        tasks::put_lease(session, lease).await?;
    }
    Ok(())
}

async fn change_values(
    session: &Session,
    secret: &Secret,
    added: &BTreeMap<VersionId, Vec<u8>>,
    removed: &[VersionId],
) -> Result<(), StoreError> {
    for version in removed {
        let sql = "DELETE FROM secret_values WHERE secret_id = $1 AND version = $2";
        let version = i64::from(version.number());
        session.execute(sql, &[&secret.id.as_str(), &version], "removing a value").await?;
    }
    for (version, sealed) in added {
        insert_value(session, secret, *version, sealed).await?;
    }
    Ok(())
}

/// Removes a secret and its values. From here to the commit creations in the project wait.
async fn delete(session: &Session, project: &ProjectId, id: &SecretId) -> Result<(), StoreError> {
    const DELETING: &str = "deleting a secret";
    session.execute("DELETE FROM secret_values WHERE secret_id = $1", &[&id.as_str()], DELETING).await?;
    let sql = "DELETE FROM secrets WHERE id = $1 AND project = $2";
    if session.execute(sql, &[&id.as_str(), &project.as_str()], DELETING).await? == 0 {
        return Err(row::lost_replica(id));
    }
    let count = "UPDATE project_usage SET secrets = secrets - 1 WHERE project = $1";
    session.execute(count, &[&project.as_str()], DELETING).await.map(drop)
}

/// Writes what a change of a primary amounts to for its replicas. The primary's lock is theirs, too: nothing else writes
/// them. `marked` is as in [`update`].
async fn apply_to_replicas(session: &Session, changes: &[ReplicaChange], marked: bool) -> Result<(), StoreError> {
    for change in changes {
        match change {
            ReplicaChange::Create { replica, values, quota } => {
                // The project may not have had a secret yet, whose count would then be missing.
                let insert = "INSERT INTO project_usage (project, secrets) VALUES ($1, 0) ON CONFLICT DO NOTHING";
                session.execute(insert, &[&replica.project.as_str()], COUNTING).await?;
                let values = row::values_of(replica, values)?;
                let created = create(session, replica, &values, *quota).await;
                created.map_err(|error| row::replica_error(error, *quota))?;
            }
            ReplicaChange::Update { replica, added, removed } => {
                change_values(session, replica, added, removed).await?;
                update(session, replica, marked).await?;
            }
            ReplicaChange::Delete { replica } => delete(session, &replica.project, &replica.id).await?,
        }
    }
    Ok(())
}

/// Writes a secret in place of its former self. `marked` says whether its tags or its enterprise project changed.
async fn update(session: &Session, secret: &Secret, marked: bool) -> Result<(), StoreError> {
    let columns = SecretColumns::of(secret, marked, session.binding()?)?;
    let updated = session
        .execute(
            "UPDATE secrets SET document = $2, checksum = $3, rotation_due_time = $4, deletion_due_time = $5, event = $6,
             expiry_due_time = $7, current_version = $8, mac = $9, tagged = $10
             WHERE id = $1",
            &[
                &secret.id.as_str(),
                &columns.document.text,
                &i64::from(columns.document.checksum),
                &columns.rotation_due_time,
                &columns.deletion_due_time,
                &columns.event,
                &columns.expiry_due_time,
                &columns.current_version,
                &columns.mac,
                &columns.tagged,
            ],
            WRITING,
        )
        .await?;
    if updated == 0 { Err(row::lost_replica(&secret.id)) } else { Ok(()) }
}

/// Notes a use unless a later one is noted. Finds a row when that was not possible because somebody else holds the secret's: the
/// note of a use is worth no wait.
const NOTE_USE: &str = "WITH free AS (
         SELECT id FROM secrets WHERE project = $1 AND name = $2 AND (last_used_time IS NULL OR last_used_time < $3)
         FOR UPDATE SKIP LOCKED),
     noted AS (UPDATE secrets SET last_used_time = $3 FROM free WHERE secrets.id = free.id)
     SELECT 1 FROM secrets WHERE project = $1 AND name = $2 AND (last_used_time IS NULL OR last_used_time < $3)
         AND NOT EXISTS (SELECT FROM free)";

/// Notes when values were last read, and returns those whose rows are held by somebody else.
pub(super) async fn note_uses(session: &Session, uses: Vec<SecretUse>) -> Result<Vec<SecretUse>, StoreError> {
    let mut left = Vec::new();
    for used in uses {
        let (project, secret, time) = (used.project.as_str(), used.secret.as_str(), row::time(used.time));
        let held = session.row(NOTE_USE, &[&project, &secret, &time], "noting the use of a secret").await?;
        left.extend(held.map(|_| used));
    }
    Ok(left)
}

/// Binds every secret to its row as it is, for data that an older release has written.
pub(super) async fn rebind(session: &Session) -> Result<(), StoreError> {
    const DOING: &str = "binding secrets to their rows";
    let page = "SELECT id, name, document FROM secrets WHERE id > $1 ORDER BY id LIMIT 1000 FOR UPDATE";
    let write = "UPDATE secrets SET mac = new.mac FROM unnest($1::TEXT[], $2::BYTEA[]) AS new (id, mac)
         WHERE secrets.id = new.id";
    let (binding, mut after) = (session.binding()?, String::new());
    loop {
        let rows = session.rows(page, &[&after], DOING).await?;
        let (mut ids, mut macs) = (Vec::new(), Vec::new());
        for row in &rows {
            let (name, document): (&str, &str) = (column(row, 1, DOING)?, column(row, 2, DOING)?);
            ids.push(column::<String>(row, 0, DOING)?);
            macs.push(binding.bind(&Columns::Secret { name, document: document.as_bytes() }));
        }
        let Some(last) = ids.last().cloned() else { return Ok(()) };
        session.execute(write, &[&ids, &macs], DOING).await?;
        after = last;
    }
}
