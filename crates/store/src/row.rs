//! What rows mean, whichever database they are in: columns beside documents, and what a row must satisfy.
//!
//! Pure. How a row is read from a database or written to it is the business of each store.

use std::collections::BTreeMap;

use csms_core::{
    EventName, KeyId, ProjectId, Secret, SecretId, SecretName, StageName, UnixMillis, VersionId,
    task::{Task, TaskStatus},
};

use crate::{
    bound::{Binding, Columns},
    document::Document,
    draft::deletion_due_time,
    error::{Cause, CreateError, StoreError},
    recent,
    record::{KeyRecord, KeyState, LastKeyUse, Page, RotationBacklog, TaskOutcome, UserRecord},
};

/// A time as a column holds it.
pub(crate) fn time(time: UnixMillis) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// A time that older releases did not write, as a column holds it.
pub(crate) fn time_or_unknown(known: Option<UnixMillis>) -> i64 {
    known.map_or(0, time)
}

/// The time in such a column.
pub(crate) fn known_time(millis: i64) -> Option<UnixMillis> {
    u64::try_from(millis).ok().filter(|millis| *millis > 0).map(UnixMillis::new)
}

/// The last use of an access key in its columns.
pub(crate) fn last_key_use(millis: i64, peer: Option<String>, operation: Option<String>) -> Option<LastKeyUse> {
    known_time(millis).map(|time| LastKeyUse { time, peer, operation: operation.unwrap_or_default() })
}

/// The columns of an access key, in the order in which they are selected. Its MAC is the sixth.
pub(crate) const ACCESS_KEY_COLUMNS: &str =
    "access_key, sealed_secret_key, user_id, enabled, create_time, access_keys.mac,
     expires, last_used_time, last_used_peer, last_used_operation";

/// The number of [`ACCESS_KEY_COLUMNS`].
pub(crate) const ACCESS_KEY_WIDTH: usize = 10;

/// The time in a column.
pub(crate) fn read_time(millis: i64) -> Result<UnixMillis, StoreError> {
    u64::try_from(millis).map(UnixMillis::new).map_err(|_| corrupt("a stored time is negative"))
}

fn corrupt(what: impl Into<String>) -> StoreError {
    StoreError::Corrupt(Cause::new(what))
}

/// The columns of a secret besides those that name it.
pub(crate) struct SecretColumns<'s> {
    pub(crate) document: Document,
    pub(crate) mac: Vec<u8>,
    pub(crate) rotation_due_time: Option<i64>,
    pub(crate) deletion_due_time: Option<i64>,
    /// The checksum of the document; `None` has the secret's tags written again, where searches look them up.
    pub(crate) tagged: Option<i64>,
    pub(crate) expiry_due_time: Option<i64>,
    pub(crate) event: Option<&'s str>,
    /// The version of SYSCURRENT.
    pub(crate) current_version: Option<i64>,
}

impl<'s> SecretColumns<'s> {
    /// The columns of a secret, of which `marked` says whether a change of it gave it other tags or another enterprise project.
    pub(crate) fn of(secret: &'s Secret, marked: bool, binding: Binding<'_>) -> Result<Self, StoreError> {
        let document = Document::of(secret)?;
        let bound = Columns::Secret { name: secret.name.as_str(), document: document.text.as_bytes() };
        let mac = binding.bind(&bound);
        recent::remember(secret, document.text.as_bytes(), document.checksum.into(), &mac, binding);
        Ok(Self {
            mac,
            tagged: (!marked).then_some(document.checksum.into()),
            document,
            rotation_due_time: secret.rotation_due_time().map(time),
            deletion_due_time: deletion_due_time(secret).map(time),
            expiry_due_time: secret.next_expiry_time().map(time),
            event: secret.event_subscriptions.first().map(EventName::as_str),
            current_version: secret.staged(&StageName::current()).ok().map(|version| i64::from(version.number())),
        })
    }
}

/// A secret as its row has it.
#[derive(Clone, Copy)]
pub(crate) struct StoredSecret<'r> {
    pub(crate) text: &'r [u8],
    pub(crate) checksum: i64,
    pub(crate) mac: Option<&'r [u8]>,
    /// When a value was last read.
    pub(crate) used: Option<i64>,
}

/// The secret in a document, which must be of the project that the row is in.
pub(crate) fn secret(
    stored: StoredSecret<'_>,
    project: &ProjectId,
    binding: Binding<'_>,
) -> Result<Secret, StoreError> {
    let mut secret = recent::secret(stored, binding)?;
    secret.last_used_time = stored.used.map(read_time).transpose()?;
    if secret.project == *project {
        Ok(secret)
    } else {
        Err(corrupt(format!("secret {} is stored in another project", secret.id)))
    }
}

/// As [`secret`], and the secret must bear the name that the row has.
pub(crate) fn named_secret(
    stored: StoredSecret<'_>,
    project: &ProjectId,
    name: &SecretName,
    binding: Binding<'_>,
) -> Result<Secret, StoreError> {
    let secret = secret(stored, project, binding)?;
    if secret.name == *name {
        Ok(secret)
    } else {
        Err(corrupt(format!("secret {} is stored under another name", secret.id)))
    }
}

/// As [`secret`], and the secret must bear the identifier that the row has.
pub(crate) fn identified_secret(
    stored: StoredSecret<'_>,
    project: &ProjectId,
    id: &SecretId,
    binding: Binding<'_>,
) -> Result<Secret, StoreError> {
    let secret = secret(stored, project, binding)?;
    if secret.id == *id {
        Ok(secret)
    } else {
        Err(corrupt(format!("secret {} is stored under another identifier", secret.id)))
    }
}

/// The value found for a version of a secret. [`StoreError::NotFound`] when the secret has no such version.
pub(crate) fn value_of(secret: &Secret, version: VersionId, found: Option<Vec<u8>>) -> Result<Vec<u8>, StoreError> {
    secret.version(version).map_err(|_| StoreError::NotFound)?;
    found.ok_or_else(|| corrupt(format!("the value of {version} of secret {} is missing", secret.id)))
}

/// The number of a version in a column.
pub(crate) fn version(number: u32) -> Result<VersionId, StoreError> {
    VersionId::from_number(number).ok_or_else(|| corrupt("a stored version has number 0"))
}

/// The one version of a secret that is created.
pub(crate) fn only_version(secret: &Secret) -> Result<VersionId, StoreError> {
    match secret.versions() {
        [version] => Ok(version.id),
        _ => Err(StoreError::Conflict(Cause::new("a new secret has exactly one version"))),
    }
}

/// The values of a secret's versions, one for each.
pub(crate) fn values_of<'v>(
    secret: &Secret,
    values: &'v BTreeMap<VersionId, Vec<u8>>,
) -> Result<Vec<(VersionId, &'v [u8])>, StoreError> {
    let versions = secret.versions().iter().map(|version| version.id);
    if versions.eq(values.keys().copied()) {
        Ok(values.iter().map(|(version, sealed)| (*version, sealed.as_slice())).collect())
    } else {
        Err(StoreError::Conflict(Cause::new("the values are not those of the secret's versions")))
    }
}

/// The error for a replica that its primary knows and that is not there.
pub(crate) fn lost_replica(id: &SecretId) -> StoreError {
    corrupt(format!("replica {id} is missing"))
}

/// Why a replica was not made.
pub(crate) fn replica_error(error: CreateError, quota: u64) -> StoreError {
    match error {
        CreateError::Exists => StoreError::NameTaken,
        CreateError::Quota => StoreError::Quota(quota),
        CreateError::Store(error) => error,
    }
}

/// Project and name of a secret that is due.
pub(crate) fn due(project: String, name: String) -> Result<(ProjectId, SecretName), StoreError> {
    let damaged = |_| corrupt("the name or project of a due secret is damaged");
    Ok((ProjectId::parse(project).map_err(damaged)?, SecretName::parse(name).map_err(damaged)?))
}

/// Rows to fetch for a page of `limit` items: one more tells whether there are more.
pub(crate) fn fetched(limit: u16) -> i64 {
    i64::from(limit).saturating_add(1)
}

/// The page of `limit` items out of [`fetched`] ones.
pub(crate) fn page<T>(mut items: Vec<T>, limit: u16) -> Page<T> {
    let more = items.len() > usize::from(limit);
    items.truncate(usize::from(limit));
    Page { items, more }
}

/// As [`page`], for secrets that were found in no order.
pub(crate) fn page_by_name(mut found: Vec<Secret>, limit: u16) -> Page<Secret> {
    found.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    page(found, limit)
}

/// The status of finished tasks in a column.
pub(crate) fn status(outcome: TaskOutcome) -> &'static str {
    match outcome {
        TaskOutcome::Succeeded => TaskStatus::Succeeded.as_str(),
        TaskOutcome::Failed => "FAILED",
    }
}

/// The backlog out of two counts, each with the earliest time of what it counts.
pub(crate) fn backlog(columns: (i64, Option<i64>, i64, Option<i64>)) -> Result<RotationBacklog, StoreError> {
    let (due, oldest_due, running, oldest_running) = columns;
    Ok(RotationBacklog {
        due: u64::try_from(due).unwrap_or(0),
        oldest_due: oldest_due.map(read_time).transpose()?,
        running: u64::try_from(running).unwrap_or(0),
        oldest_running: oldest_running.map(read_time).transpose()?,
    })
}

/// Refuses to go on with a stored task that does not exist or is finished.
pub(crate) fn require_running(stored: Option<&Task>) -> Result<(), StoreError> {
    let stored = stored.ok_or(StoreError::NotFound)?;
    match stored.status {
        TaskStatus::Running => Ok(()),
        TaskStatus::Succeeded | TaskStatus::Failed { .. } => {
            Err(StoreError::Conflict(Cause::new(format!("task {} is finished already", stored.id))))
        }
    }
}

/// Refuses to finish a task that another holds, or nobody.
pub(crate) fn require_holder(task: &Task, held_by: Option<&str>, holder: &str) -> Result<(), StoreError> {
    if held_by == Some(holder) {
        Ok(())
    } else {
        Err(StoreError::Conflict(Cause::new(format!("task {} is held by another", task.id))))
    }
}

/// The error for finishing the task of a secret that exists.
pub(crate) fn no_orphan(task: &Task) -> StoreError {
    StoreError::Conflict(Cause::new(format!("the secret of task {} still exists", task.id)))
}

/// The error for a name that several users have.
pub(crate) fn ambiguous_user() -> StoreError {
    StoreError::Conflict(Cause::new("several domains have a user of this name"))
}

/// A user as it is to be stored in place of `before`: with the next generation of tokens where the password is another or the
/// user is disabled, and never with an earlier one, whatever the writer has read.
pub(crate) fn with_generation(before: Option<&UserRecord>, user: &UserRecord) -> UserRecord {
    let mut user = user.clone();
    let Some(before) = before else { return user };
    let ends = before.password_hash != user.password_hash || (before.enabled && !user.enabled);
    let known = before.details.generation.max(user.details.generation);
    user.details.generation = known.saturating_add(u64::from(ends));
    user
}

/// A user with another password hash, unless the present one is not the expected one.
pub(crate) fn with_password(
    mut user: UserRecord,
    old: Option<&str>,
    new: &str,
    time: UnixMillis,
) -> Result<UserRecord, StoreError> {
    if user.password_hash.as_deref() == old {
        user.password_hash = Some(new.to_owned());
        user.details.password_change_time = Some(time);
        Ok(user)
    } else {
        Err(StoreError::Conflict(Cause::new("the password has been changed meanwhile")))
    }
}

/// The number of a root key in a column.
pub(crate) fn key_number(number: i64) -> Result<u32, StoreError> {
    u32::try_from(number).map_err(|_| corrupt("a stored number of a root key is out of range"))
}

/// A number that is never negative.
pub(crate) fn count(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| corrupt("a stored number is negative"))
}

/// What has to be written so that some keys become others.
pub(crate) enum KeyDifference<'k> {
    Put(&'k KeyRecord),
    Remove(&'k KeyId),
}

/// The differences between two states of a project's keys; removals first, since they free aliases. The material of a key
/// never changes, and none of it is removed: what it sealed could not be opened any more.
pub(crate) fn key_differences<'k>(
    before: &'k [KeyRecord],
    after: &'k [KeyRecord],
) -> Result<Vec<KeyDifference<'k>>, StoreError> {
    let find = |list: &'k [KeyRecord], id: &KeyId| list.iter().find(|key| key.id == *id);
    let removed = before.iter().filter(|key| find(after, &key.id).is_none());
    let mut differences: Vec<_> = removed.map(|key| KeyDifference::Remove(&key.id)).collect();
    for key in after {
        match find(before, &key.id) {
            Some(former) if former == key => {}
            Some(former)
                if (&former.project, &former.wrapped) != (&key.project, &key.wrapped)
                    || !key.details.materials.starts_with(&former.details.materials) =>
            {
                let text = format!("a change gave key {} another project or other material", key.id);
                return Err(StoreError::Conflict(Cause::new(text)));
            }
            Some(_) | None => differences.push(KeyDifference::Put(key)),
        }
    }
    Ok(differences)
}

/// The columns of a KMS key, in the order in which they are selected. Its MAC follows them.
pub(crate) const KEY_COLUMNS: &str = "id, project, alias, state, wrapped, create_time, details, mac";

/// The columns of a KMS key that its MAC covers.
pub(crate) struct KeyColumns {
    pub(crate) id: String,
    pub(crate) project: String,
    pub(crate) alias: String,
    pub(crate) state: String,
    pub(crate) wrapped: Vec<u8>,
    pub(crate) create_time: i64,
    pub(crate) details: String,
}

impl KeyColumns {
    pub(crate) fn of(key: &KeyRecord) -> Self {
        Self {
            id: key.id.as_str().to_owned(),
            project: key.project.as_str().to_owned(),
            alias: key.alias.clone(),
            state: key.state.as_str().to_owned(),
            wrapped: key.wrapped.clone(),
            create_time: time(key.create_time),
            details: key.details.to_text(),
        }
    }

    /// The key in the columns, which must be as they were written under the key of `binding`.
    pub(crate) fn read(self, binding: Binding<'_>, mac: Option<&[u8]>) -> Result<KeyRecord, StoreError> {
        binding.require(&Columns::KmsKey(&self), mac)?;
        self.parse()
    }

    fn parse(self) -> Result<KeyRecord, StoreError> {
        let damaged = || corrupt("a stored key is damaged");
        Ok(KeyRecord {
            id: KeyId::parse(self.id).map_err(|_| damaged())?,
            project: ProjectId::parse(self.project).map_err(|_| damaged())?,
            alias: self.alias,
            state: KeyState::from_word(&self.state).ok_or_else(damaged)?,
            wrapped: self.wrapped,
            create_time: read_time(self.create_time)?,
            details: serde_json::from_str(&self.details).map_err(|_| damaged())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_item_too_many_means_that_there_are_more() {
        assert_eq!(page(vec![1, 2, 3], 2), Page { items: vec![1, 2], more: true });
        assert_eq!(page(vec![1, 2], 2), Page { items: vec![1, 2], more: false });
        assert_eq!(fetched(u16::MAX), 65_536);
    }

    #[test]
    fn a_time_beyond_the_column_stays_in_the_far_future() {
        assert_eq!(time(UnixMillis::new(u64::MAX)), i64::MAX);
        assert!(matches!(read_time(-1), Err(StoreError::Corrupt(_))));
    }
}
