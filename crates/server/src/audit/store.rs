//! The store as operations use it: every change of a secret or an entry gets its record in its own transaction.
//!
//! The methods here take the place of the store's own ones of the same name, so an operation cannot change one without a
//! record. Everything else is the store's.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Deref,
    sync::Arc,
};

use csms_core::{
    ProjectId, Secret, SecretName, StageName, VersionId,
    secret::Counterpart,
    task::{Task, TaskStatus},
};
use csms_store::{AnyStore, ChangeError, CreateError, Draft, Entry, EntryChange, Store, StoreError};

use super::{OK, Origin, Trail};

/// A store that records changes.
pub struct AuditedStore {
    store: AnyStore,
    trail: Arc<Trail>,
}

impl Deref for AuditedStore {
    type Target = AnyStore;

    fn deref(&self) -> &AnyStore {
        &self.store
    }
}

impl AuditedStore {
    /// Records changes of `store` in `trail`.
    #[must_use]
    pub const fn new(store: AnyStore, trail: Arc<Trail>) -> Self {
        Self { store, trail }
    }

    /// As [`Store::create_secret`], with its record.
    ///
    /// # Errors
    /// As there.
    pub async fn create_secret(&self, secret: Secret, sealed: Vec<u8>, quota: u64) -> Result<(), CreateError> {
        let entry = self.trail.change(&Origin::current(), &secret.project, |record| {
            record.secret = Some(secret.name.as_str());
            record.secret_id = Some(secret.id.as_str());
            record.version = Some(VersionId::FIRST);
        });
        self.store.create_secret(secret.clone(), sealed, quota, vec![entry]).await
    }

    /// As [`Store::restore_secret`], with its record.
    ///
    /// # Errors
    /// As there.
    pub async fn restore_secret(
        &self,
        secret: Secret,
        values: BTreeMap<VersionId, Vec<u8>>,
        quota: u64,
    ) -> Result<(), CreateError> {
        let entry = self.trail.change(&Origin::current(), &secret.project, |record| {
            record.secret = Some(secret.name.as_str());
            record.secret_id = Some(secret.id.as_str());
        });
        self.store.restore_secret(secret.clone(), values, quota, vec![entry]).await
    }

    /// As [`Store::change_secret`], with its record unless nothing changes.
    ///
    /// # Errors
    /// As there.
    pub async fn change_secret<T: Send + 'static, E: Send + 'static>(
        &self,
        project: &ProjectId,
        name: &SecretName,
        load_values: bool,
        decide: impl FnOnce(&mut Draft) -> Result<T, E> + Send + 'static,
    ) -> Result<T, ChangeError<E>> {
        let (origin, trail) = (Origin::current(), Arc::clone(&self.trail));
        let recorded = move |draft: &mut Draft| {
            let before = draft.secret.clone();
            let answer = decide(draft)?;
            let secret = &draft.secret;
            if *secret == before && !draft.is_deleted() {
                return Ok(answer);
            }
            let version = affected(&before, secret).or(origin.version);
            let grantee = grantee(&before, secret);
            let failure = draft.put_tasks().last().and_then(failure).map(str::to_owned);
            let entry = trail.change(&origin, &before.project, |record| {
                record.secret = Some(before.name.as_str());
                record.secret_id = Some(before.id.as_str());
                record.version = version;
                record.target = grantee.as_deref();
                record.outcome = failure.as_deref().unwrap_or(OK);
            });
            draft.put_audit(entry);
            for replica in made_or_removed(&before, draft) {
                let entry = trail.change(&origin, &replica.project, |record| {
                    record.secret = Some(before.name.as_str());
                    record.secret_id = Some(replica.id.as_str());
                });
                draft.put_audit(entry);
            }
            Ok(answer)
        };
        self.store.change_secret(project, name, load_values, recorded).await
    }

    /// As [`Store::change_entry`], with a record whose target is the entry's name.
    ///
    /// # Errors
    /// As there.
    pub async fn change_entry<T: Entry, R: Send + 'static, E: Send + 'static>(
        &self,
        project: &ProjectId,
        name: &str,
        decide: impl FnOnce(Option<T>) -> Result<(EntryChange<T>, R), E> + Send + 'static,
    ) -> Result<R, ChangeError<E>> {
        let origin = Origin::current();
        let entry = self.trail.record(&origin, project, |record| record.target = Some(name));
        let noted = move |present: Option<T>| {
            let (change, answer) = decide(present)?;
            if !matches!(change, EntryChange::Keep) {
                origin.note();
            }
            Ok((change, answer))
        };
        self.store.change_entry(project, name, vec![entry], noted).await
    }

    /// As [`Store::change_entry`], for entries that only say where to look: what they point to has records of its own.
    ///
    /// # Errors
    /// As there.
    pub async fn change_index<T: Entry, R: Send + 'static, E: Send + 'static>(
        &self,
        project: &ProjectId,
        name: &str,
        decide: impl FnOnce(Option<T>) -> Result<(EntryChange<T>, R), E> + Send + 'static,
    ) -> Result<R, ChangeError<E>> {
        self.store.change_entry(project, name, Vec::new(), decide).await
    }

    /// As [`Store::finish_orphan_task`], with its record.
    ///
    /// # Errors
    /// As there.
    pub async fn finish_orphan_task(&self, task: Task, holder: &str) -> Result<(), StoreError> {
        let entry = self.trail.change(&Origin::current(), &task.project, |record| {
            record.secret = Some(task.secret_name.as_str());
            record.secret_id = Some(task.secret_id.as_str());
            record.version = Some(task.version);
            record.outcome = failure(&task).unwrap_or(OK);
        });
        self.store.finish_orphan_task(task.clone(), holder, vec![entry]).await
    }
}

/// The code with which a rotation failed: the secret was changed, and what was wanted was not done.
const fn failure(task: &Task) -> Option<&str> {
    match &task.status {
        TaskStatus::Failed { code, .. } => Some(code.as_str()),
        TaskStatus::Running | TaskStatus::Succeeded => None,
    }
}

/// The user whose grant was given, changed or taken away; of several, none.
fn grantee(before: &Secret, after: &Secret) -> Option<String> {
    let changed = |one: &Secret, other: &Secret| {
        let grants = one.grants.iter().filter(|grant| !other.grants.contains(grant));
        grants.map(|grant| grant.user_id.clone()).collect::<BTreeSet<_>>()
    };
    let mut users = changed(before, after);
    users.append(&mut changed(after, before));
    if users.len() == 1 { users.pop_first() } else { None }
}

/// The replicas that come or go with a change. What else happens to replicas is their primary's change.
fn made_or_removed(before: &Secret, draft: &Draft) -> Vec<Counterpart> {
    let after = if draft.is_deleted() { &[] } else { draft.secret.replicas() };
    let lacks = |list: &[Counterpart], replica: &Counterpart| list.iter().all(|known| known.id != replica.id);
    let made = after.iter().filter(|replica| lacks(before.replicas(), replica));
    let removed = before.replicas().iter().filter(|replica| lacks(after, replica));
    made.chain(removed).cloned().collect()
}

/// The version that a change added, or to which it moved a stage. SYSPREVIOUS moves along with SYSCURRENT and counts last.
fn affected(before: &Secret, after: &Secret) -> Option<VersionId> {
    if after.next_version() != before.next_version() {
        return after.versions().last().map(|version| version.id);
    }
    let moved = after.stages().iter().filter(|stage| before.staged(&stage.name) != Ok(stage.version));
    moved.min_by_key(|stage| stage.name == StageName::previous()).map(|stage| stage.version)
}
