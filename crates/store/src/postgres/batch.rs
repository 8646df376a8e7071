//! Statements about many secrets at once, for changes that are written as a group.

use std::collections::{BTreeMap, HashMap, HashSet};

use csms_core::{ProjectId, Secret, VersionId};
use futures_util::future::{join, join3, join5};
use tokio_postgres::Row;

use super::{
    audit,
    failure::column,
    groups::{Creation, Decided, Key},
    secrets::{self, Loaded},
    session::{Parameters, Session},
    tasks,
};
use crate::{
    audit::AuditHead,
    bound::Binding,
    draft::Changes,
    error::{Cause, StoreError},
    row::{self, SecretColumns},
};

const LOCKING: &str = "locking secrets";
const WRITING: &str = "writing secrets";

// What somebody else has locked is not waited for.
pub(super) const LOCK: &str = "SELECT s.document, s.checksum, s.last_used_time, s.mac, s.project, s.name
     FROM unnest($1::TEXT[], $2::TEXT[]) AS wanted (project, name)
     JOIN secrets AS s ON s.project = wanted.project AND s.name = wanted.name
     FOR UPDATE OF s SKIP LOCKED";
// A project without a number for searches gets one from the first of its secrets, which is created alone: a group that has
// locked the project's count would wait for that one, which waits for the count.
const LOCK_USAGE: &str = "SELECT usage.project, usage.secrets FROM project_usage AS usage
     JOIN search_projects ON search_projects.project = usage.project
     WHERE usage.project = ANY($1) FOR UPDATE OF usage SKIP LOCKED";
const LOCK_TASKS: &str = "SELECT document, checksum,
         CASE WHEN lease_expires > (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT THEN lease_holder END, id
     FROM tasks WHERE id = ANY($1) FOR UPDATE SKIP LOCKED";
const VALUES: &str = "SELECT secret_id, version, sealed FROM secret_values WHERE secret_id = ANY($1)";
const EXISTING: &str = "SELECT s.project, s.name FROM unnest($1::TEXT[], $2::TEXT[]) AS wanted (project, name)
     JOIN secrets AS s ON s.project = wanted.project AND s.name = wanted.name";

const REMOVE_VALUES: &str = "DELETE FROM secret_values USING unnest($1::TEXT[], $2::BIGINT[]) AS gone (id, version)
     WHERE secret_values.secret_id = gone.id AND secret_values.version = gone.version";
const ADD_VALUES: &str = "INSERT INTO secret_values (secret_id, version, sealed)
     SELECT * FROM unnest($1::TEXT[], $2::BIGINT[], $3::BYTEA[])";
pub(super) const UPDATE: &str = "UPDATE secrets SET document = new.document, checksum = new.checksum,
         rotation_due_time = new.rotation_due_time, deletion_due_time = new.deletion_due_time, event = new.event,
         expiry_due_time = new.expiry_due_time, current_version = new.current_version, mac = new.mac,
         tagged = new.tagged
     FROM unnest($1::TEXT[], $2::TEXT[], $3::BIGINT[], $4::BIGINT[], $5::BIGINT[], $6::TEXT[], $7::BIGINT[], $8::BIGINT[],
         $9::BYTEA[], $10::BIGINT[])
         AS new (id, document, checksum, rotation_due_time, deletion_due_time, event, expiry_due_time, current_version, mac,
             tagged)
     WHERE secrets.id = new.id RETURNING secrets.id";
// Only the values of secrets that were really created are stored, and only these are counted.
const CREATE: &str = "WITH created AS (
         INSERT INTO secrets (id, document, checksum, rotation_due_time, deletion_due_time, event, expiry_due_time,
             current_version, mac, tagged, project, name)
         SELECT * FROM unnest($1::TEXT[], $2::TEXT[], $3::BIGINT[], $4::BIGINT[], $5::BIGINT[], $6::TEXT[], $7::BIGINT[],
             $8::BIGINT[], $9::BYTEA[], $10::BIGINT[], $11::TEXT[], $12::TEXT[])
         ON CONFLICT DO NOTHING RETURNING id, project),
     counted AS (
         UPDATE project_usage SET secrets = project_usage.secrets + new.number
         FROM (SELECT project, count(*) AS number FROM created GROUP BY project) AS new
         WHERE project_usage.project = new.project),
     stored AS (
         INSERT INTO secret_values (secret_id, version, sealed)
         SELECT value.* FROM unnest($13::TEXT[], $14::BIGINT[], $15::BYTEA[]) AS value (secret_id, version, sealed)
         JOIN created ON created.id = value.secret_id)
     SELECT id FROM created";

/// What a group has locked.
pub(super) struct Locked {
    /// The secrets to change that are there and free.
    pub(super) secrets: HashMap<Key, Loaded>,
    /// Those that are not there.
    pub(super) missing: HashSet<Key>,
    /// How many secrets the projects have in which secrets are to be created, as far as these numbers are free.
    pub(super) usage: HashMap<String, u64>,
}

/// Begins a transaction and locks what is free of these secrets, with their values where they are asked for, and of the
/// numbers of secrets of these projects.
pub(super) async fn lock(
    session: &Session,
    begin: &str,
    wanted: &[(Key, bool)],
    creating: &[ProjectId],
) -> Result<Locked, StoreError> {
    let (lock, lock_usage) = (session.prepared(LOCK, LOCKING).await?, session.prepared(LOCK_USAGE, LOCKING).await?);
    let projects: Vec<&str> = wanted.iter().map(|((project, _), _)| project.as_str()).collect();
    let names: Vec<&str> = wanted.iter().map(|((_, name), _)| name.as_str()).collect();
    let creating: Vec<&str> = creating.iter().map(ProjectId::as_str).collect();
    let (begun, found, usage) = join3(
        session.begin(begin),
        async {
            if names.is_empty() { Ok(Vec::new()) } else { session.query(&lock, &[&projects, &names], LOCKING).await }
        },
        async {
            if creating.is_empty() { Ok(Vec::new()) } else { session.query(&lock_usage, &[&creating], LOCKING).await }
        },
    )
    .await;
    begun?;
    let mut locked = Locked { secrets: HashMap::new(), missing: HashSet::new(), usage: HashMap::new() };
    for row in usage? {
        locked.usage.insert(column(&row, 0, LOCKING)?, row::count(column(&row, 1, LOCKING)?)?);
    }
    let (binding, mut rows) = (session.binding()?, HashMap::new());
    for row in found? {
        rows.insert((column::<String>(&row, 4, LOCKING)?, column::<String>(&row, 5, LOCKING)?), row);
    }
    let mut absent = Vec::new();
    for (key, _) in wanted {
        let (project, name) = key;
        match rows.get(&(project.as_str().to_owned(), name.as_str().to_owned())) {
            None => absent.push(key),
            Some(row) => {
                // A damaged one is left to its own transaction, which reports it.
                if let Ok(secret) = secrets::read_named(row, project, name, binding) {
                    locked.secrets.insert(key.clone(), Loaded::of(secret));
                }
            }
        }
    }
    load(session, wanted, &mut locked).await?;
    find_missing(session, &absent, &mut locked).await?;
    Ok(locked)
}

/// Loads the running tasks of locked secrets, which are locked, too, and the values that are asked for. A secret whose task
/// is not free counts as locked by somebody else.
async fn load(session: &Session, wanted: &[(Key, bool)], locked: &mut Locked) -> Result<(), StoreError> {
    let running: Vec<String> = locked
        .secrets
        .values()
        .filter_map(|loaded| loaded.secret.running_task.as_ref().map(|id| id.as_str().to_owned()))
        .collect();
    let with_values = wanted.iter().filter(|(_, load_values)| *load_values);
    let ids: Vec<String> = with_values
        .filter_map(|(key, _)| locked.secrets.get(key).map(|loaded| loaded.secret.id.as_str().to_owned()))
        .collect();
    let (tasks, values) = join(rows_of(session, LOCK_TASKS, &running), rows_of(session, VALUES, &ids)).await;
    let mut running = HashMap::new();
    for row in tasks? {
        running.insert(column::<String>(&row, 3, LOCKING)?, tasks::read_locked(&row)?);
    }
    let mut values_of = HashMap::<String, BTreeMap<VersionId, Vec<u8>>>::new();
    for row in values? {
        let number = u32::try_from(column::<i64>(&row, 1, LOCKING)?).unwrap_or(0);
        let values = values_of.entry(column(&row, 0, LOCKING)?).or_default();
        values.insert(row::version(number)?, column(&row, 2, LOCKING)?);
    }
    locked.secrets.retain(|_, loaded| {
        if let Some(values) = values_of.remove(loaded.secret.id.as_str()) {
            loaded.values = values;
        }
        let Some(id) = &loaded.secret.running_task else { return true };
        let Some((task, holder)) = running.remove(id.as_str()) else { return false };
        (loaded.running, loaded.holder) = (Some(task), holder);
        true
    });
    Ok(())
}

async fn rows_of(session: &Session, sql: &str, ids: &[String]) -> Result<Vec<Row>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    session.rows(sql, &[&ids], LOCKING).await
}

/// Tells the secrets that are not there from those that somebody else has locked.
async fn find_missing(session: &Session, absent: &[&Key], locked: &mut Locked) -> Result<(), StoreError> {
    if absent.is_empty() {
        return Ok(());
    }
    let projects: Vec<&str> = absent.iter().map(|(project, _)| project.as_str()).collect();
    let names: Vec<&str> = absent.iter().map(|(_, name)| name.as_str()).collect();
    let mut existing = HashSet::new();
    for row in session.rows(EXISTING, &[&projects, &names], LOCKING).await? {
        existing.insert((column::<String>(&row, 0, LOCKING)?, column::<String>(&row, 1, LOCKING)?));
    }
    let is_missing = |key: &&&Key| !existing.contains(&(key.0.as_str().to_owned(), key.1.as_str().to_owned()));
    locked.missing.extend(absent.iter().filter(is_missing).map(|key| (*key).clone()));
    Ok(())
}

/// The columns of many secrets, each a list.
#[derive(Default)]
struct Columns<'s> {
    ids: Vec<&'s str>,
    documents: Vec<String>,
    checksums: Vec<i64>,
    rotation_due_times: Vec<Option<i64>>,
    deletion_due_times: Vec<Option<i64>>,
    events: Vec<Option<&'s str>>,
    expiry_due_times: Vec<Option<i64>>,
    current_versions: Vec<Option<i64>>,
    macs: Vec<Vec<u8>>,
    tagged: Vec<Option<i64>>,
}

impl<'s> Columns<'s> {
    fn push(&mut self, secret: &'s Secret, marked: bool, binding: Binding<'_>) -> Result<(), StoreError> {
        let columns = SecretColumns::of(secret, marked, binding)?;
        self.tagged.push(columns.tagged);
        self.macs.push(columns.mac);
        self.ids.push(secret.id.as_str());
        self.documents.push(columns.document.text);
        self.checksums.push(i64::from(columns.document.checksum));
        self.rotation_due_times.push(columns.rotation_due_time);
        self.deletion_due_times.push(columns.deletion_due_time);
        self.events.push(columns.event);
        self.expiry_due_times.push(columns.expiry_due_time);
        self.current_versions.push(columns.current_version);
        Ok(())
    }
}

/// Sealed values of many secrets, each column a list.
#[derive(Default)]
struct Values<'v> {
    ids: Vec<&'v str>,
    versions: Vec<i64>,
    sealed: Vec<&'v [u8]>,
}

impl<'v> Values<'v> {
    fn extend(&mut self, id: &'v str, values: &'v BTreeMap<VersionId, Vec<u8>>) {
        for (version, sealed) in values {
            self.ids.push(id);
            self.versions.push(i64::from(version.number()));
            self.sealed.push(sealed);
        }
    }
}

/// Writes plain changes and creations, all sent at once, and locks the head of the audit trail behind them if `with_head` says
/// so. Returns the identifiers of the secrets that were created, and the head.
pub(super) async fn write(
    session: &Session,
    changes: &[Decided],
    creations: &[Creation],
    with_head: bool,
) -> Result<(HashSet<String>, Option<AuditHead>), StoreError> {
    let binding = session.binding()?;
    let (mut columns, mut added) = (Columns::default(), Values::default());
    let (mut removed_ids, mut removed_versions) = (Vec::new(), Vec::new());
    for change in changes {
        let Changes::Update { secret, marked, added: values, removed, .. } = &change.changes else { continue };
        added.extend(secret.id.as_str(), values);
        for version in removed {
            removed_ids.push(secret.id.as_str());
            removed_versions.push(i64::from(version.number()));
        }
        if **secret != change.loaded.secret {
            columns.push(secret, *marked, binding)?;
        }
    }
    let (mut new, mut values) = (Columns::default(), Values::default());
    let (mut projects, mut names) = (Vec::new(), Vec::new());
    for creation in creations {
        new.push(&creation.secret, false, binding)?;
        projects.push(creation.secret.project.as_str());
        names.push(creation.secret.name.as_str());
        values.extend(creation.secret.id.as_str(), &creation.values);
    }
    let remove: Parameters<'_> = &[&removed_ids, &removed_versions];
    let add: Parameters<'_> = &[&added.ids, &added.versions, &added.sealed];
    let update: Parameters<'_> = &[
        &columns.ids,
        &columns.documents,
        &columns.checksums,
        &columns.rotation_due_times,
        &columns.deletion_due_times,
        &columns.events,
        &columns.expiry_due_times,
        &columns.current_versions,
        &columns.macs,
        &columns.tagged,
    ];
    let create: Parameters<'_> = &[
        &new.ids,
        &new.documents,
        &new.checksums,
        &new.rotation_due_times,
        &new.deletion_due_times,
        &new.events,
        &new.expiry_due_times,
        &new.current_versions,
        &new.macs,
        &new.tagged,
        &projects,
        &names,
        &values.ids,
        &values.versions,
        &values.sealed,
    ];
    let (removed, added, updated, created, head) = join5(
        send_if(!removed_ids.is_empty(), session, REMOVE_VALUES, remove),
        send_if(!added.ids.is_empty(), session, ADD_VALUES, add),
        send_if(!columns.ids.is_empty(), session, UPDATE, update),
        send_if(!new.ids.is_empty(), session, CREATE, create),
        send_if(with_head, session, audit::LOCK_HEAD, &[]),
    )
    .await;
    // The first error is the reason, and those behind it are its consequence.
    removed?;
    added?;
    if updated?.len() != columns.ids.len() {
        return Err(StoreError::Corrupt(Cause::new("a locked secret is missing")));
    }
    let created = created?.iter().map(|row| column(row, 0, WRITING)).collect::<Result<_, _>>()?;
    let head = head?;
    Ok((created, with_head.then(|| audit::head_in(&head)).transpose()?))
}

async fn send_if(
    is_needed: bool,
    session: &Session,
    sql: &str,
    parameters: Parameters<'_>,
) -> Result<Vec<Row>, StoreError> {
    if is_needed { session.rows(sql, parameters, WRITING).await } else { Ok(Vec::new()) }
}
