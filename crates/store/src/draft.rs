//! A secret inside a transaction: the caller's function changes the draft, the store writes the difference.
//!
//! Pure and the same for every store. What may change about a secret is decided by `csms-core`; checked here is only
//! that the outcome can be stored: versions have values, values are written once, the secret keeps its identity.

use std::collections::BTreeMap;

use csms_core::{
    EventName, ProjectId, Secret, SecretId, SecretName, SecretState, TaskId, UnixMillis, VersionId, event::Occurrence,
    secret::Counterpart, tag::Tag, task::Task,
};

use crate::{
    audit::AuditEntry,
    error::{Cause, StoreError},
    record::Lease,
};

/// A secret that is being changed.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The secret. What the caller's function leaves here is stored.
    pub secret: Secret,
    identity: (ProjectId, SecretName, SecretId),
    versions: Vec<VersionId>,
    sealed: BTreeMap<VersionId, Vec<u8>>,
    added: BTreeMap<VersionId, Vec<u8>>,
    running_task: Option<Task>,
    holder: Option<String>,
    tasks: Vec<Task>,
    lease: Option<Lease>,
    audit: Vec<AuditEntry>,
    deleted: bool,
    bound_before: Option<EventName>,
    /// The tags and the enterprise project that it had.
    marks_before: (Vec<Tag>, String),
    occurrences: Vec<Occurrence>,
    /// The secret as it was, if it is a replica: only its primary's changes change it.
    replica: Option<Box<Secret>>,
    replicas_before: Vec<Counterpart>,
    replica_values: BTreeMap<SecretId, BTreeMap<VersionId, Vec<u8>>>,
    replica_quota: u64,
}

/// What a store has to write.
#[derive(Debug)]
pub(crate) enum Changes {
    /// Store the secret, then its new values; take the values of removed versions away.
    Update {
        secret: Box<Secret>,
        /// Whether its tags or its enterprise project change, and those of its replicas with them.
        marked: bool,
        added: BTreeMap<VersionId, Vec<u8>>,
        removed: Vec<VersionId>,
        replicas: Vec<ReplicaChange>,
        tasks: Tasks,
    },
    /// Remove the secret and all its values, and those of its replicas.
    Delete { replicas: Vec<ReplicaChange>, tasks: Tasks },
}

/// What a store has to write about a replica, in the transaction of its primary. Several come in the order of their projects.
#[derive(Debug)]
pub(crate) enum ReplicaChange {
    /// Store it with the values of all its versions, unless its project has a secret of its name or `quota` secrets.
    Create { replica: Box<Secret>, values: BTreeMap<VersionId, Vec<u8>>, quota: u64 },
    /// Store it in place of its former self, and its values as those of the primary.
    Update { replica: Box<Secret>, added: BTreeMap<VersionId, Vec<u8>>, removed: Vec<VersionId> },
    /// Remove it and all its values.
    Delete { replica: Counterpart },
}

/// Tasks to store, in this order, then the lease of one of them, and last of all the records of the audit trail.
#[derive(Debug)]
pub(crate) struct Tasks {
    pub(crate) put: Vec<Task>,
    pub(crate) lease: Option<Lease>,
    pub(crate) audit: Vec<AuditEntry>,
}

impl ReplicaChange {
    /// The project of the replica.
    pub(crate) fn project(&self) -> &ProjectId {
        match self {
            Self::Create { replica, .. } | Self::Update { replica, .. } => &replica.project,
            Self::Delete { replica } => &replica.project,
        }
    }

    /// In the order of their projects, so that no two changes wait for each other.
    fn in_order(mut changes: Vec<Self>) -> Vec<Self> {
        changes.sort_by(|one, other| one.project().cmp(other.project()));
        changes
    }
}

impl Changes {
    /// The projects, besides that of the secret, whose numbers of secrets it changes, in order.
    pub(crate) fn counted_elsewhere(&self) -> Vec<&ProjectId> {
        let (Self::Update { replicas, .. } | Self::Delete { replicas, .. }) = self;
        let is_counted = |replica: &&ReplicaChange| !matches!(replica, ReplicaChange::Update { .. });
        replicas.iter().filter(is_counted).map(ReplicaChange::project).collect()
    }

    /// Tasks, lease and records.
    pub(crate) const fn tasks(&self) -> &Tasks {
        match self {
            Self::Update { tasks, .. } | Self::Delete { tasks, .. } => tasks,
        }
    }

    /// Whether nothing but the secret, its values and records is concerned.
    pub(crate) fn is_plain(&self) -> bool {
        let Self::Update { replicas, tasks, .. } = self else { return false };
        replicas.is_empty() && tasks.put.is_empty() && tasks.lease.is_none()
    }
}

impl Draft {
    /// A draft of a secret with the values and the running task that were loaded, and that task's holder.
    pub(crate) fn new(
        secret: Secret,
        sealed: BTreeMap<VersionId, Vec<u8>>,
        running_task: Option<Task>,
        holder: Option<String>,
    ) -> Self {
        Self {
            bound_before: secret.event_subscriptions.first().cloned(),
            marks_before: (secret.tags.clone(), secret.enterprise_project_id.clone()),
            replica: secret.primary().is_some().then(|| Box::new(secret.clone())),
            replicas_before: secret.replicas().to_vec(),
            replica_values: BTreeMap::new(),
            replica_quota: u64::MAX,
            identity: (secret.project.clone(), secret.name.clone(), secret.id.clone()),
            versions: secret.versions().iter().map(|version| version.id).collect(),
            secret,
            sealed,
            added: BTreeMap::new(),
            running_task,
            holder,
            tasks: Vec::new(),
            lease: None,
            audit: Vec::new(),
            deleted: false,
            occurrences: Vec::new(),
        }
    }

    /// The sealed value of a version: as loaded, if values were asked for, or as put.
    #[must_use]
    pub fn sealed(&self, version: VersionId) -> Option<&[u8]> {
        self.added.get(&version).or_else(|| self.sealed.get(&version)).map(Vec::as_slice)
    }

    /// The sealed values of all versions, if values were asked for.
    #[must_use]
    pub const fn all_sealed(&self) -> &BTreeMap<VersionId, Vec<u8>> {
        &self.sealed
    }

    /// Gives a version that was added to the secret its sealed value.
    pub fn put_value(&mut self, version: VersionId, sealed: Vec<u8>) {
        self.added.insert(version, sealed);
    }

    /// Gives a version that was added to the secret its sealed value in one of the secret's replicas. A replica that was
    /// added needs the values of all versions.
    pub fn put_replica_value(&mut self, replica: &SecretId, version: VersionId, sealed: Vec<u8>) {
        self.replica_values.entry(replica.clone()).or_default().insert(version, sealed);
    }

    /// Most secrets of a project that gets a replica; the change is refused with [`StoreError::Quota`] above it, and with
    /// [`StoreError::NameTaken`] where the project has a secret of this name.
    pub fn limit_replicas(&mut self, quota: u64) {
        self.replica_quota = quota;
    }

    /// The secret's running task, or one put before, if it has this identifier.
    #[must_use]
    pub fn task(&self, id: &TaskId) -> Option<&Task> {
        self.tasks.iter().rev().chain(&self.running_task).find(|task| task.id == *id)
    }

    /// The tasks put so far, in the order in which they were.
    #[must_use]
    pub fn put_tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// Stores a task, in place of the one with the same identifier if there is one.
    pub fn put_task(&mut self, task: Task) {
        self.tasks.push(task);
    }

    /// Who holds the secret's running task, as it is stored.
    #[must_use]
    pub fn holder(&self) -> Option<&str> {
        self.holder.as_deref()
    }

    /// Gives a task that was put its first lease, so that nobody else takes it from the moment it is stored.
    pub fn put_lease(&mut self, lease: Lease) {
        self.lease = Some(lease);
    }

    /// Appends a record to the audit trail, in the transaction of the change.
    pub fn put_audit(&mut self, entry: AuditEntry) {
        self.audit.push(entry);
    }

    /// Whether the secret is to be removed.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.deleted
    }

    /// Removes the secret with all its values. Its tasks stay.
    pub fn delete(&mut self) {
        self.deleted = true;
    }

    /// Notes that something happened to the secret. If the event that it is bound to tells of such things, a notification
    /// is stored together with the change.
    pub fn occur(&mut self, occurrence: Occurrence) {
        self.occurrences.push(occurrence);
    }

    pub(crate) fn occurrences(&self) -> &[Occurrence] {
        &self.occurrences
    }

    pub(crate) const fn bound_before(&self) -> Option<&EventName> {
        self.bound_before.as_ref()
    }

    /// The difference to what is stored.
    pub(crate) fn into_changes(self) -> Result<Changes, StoreError> {
        let conflict = |text: String| Err(StoreError::Conflict(Cause::new(text)));
        if let Some(replica) = self.replica
            && (self.deleted || *replica != self.secret || !self.added.is_empty())
        {
            return conflict(format!("a change of replica {} did not come from its primary", replica.id));
        }
        if self.deleted {
            let replicas = self.replicas_before.into_iter().map(|replica| ReplicaChange::Delete { replica });
            let tasks = Tasks { put: self.tasks, lease: self.lease, audit: self.audit };
            return Ok(Changes::Delete { replicas: ReplicaChange::in_order(replicas.collect()), tasks });
        }
        let (project, name, id) = &self.identity;
        if (&self.secret.project, &self.secret.name, &self.secret.id) != (project, name, id) {
            return conflict(format!("a change gave secret {id} another project, name or identifier"));
        }
        for version in self.secret.versions().iter().map(|version| version.id) {
            match (self.versions.contains(&version), self.added.contains_key(&version)) {
                (true, true) => return conflict(format!("a change replaced the value of {version} of secret {id}")),
                (false, false) => return conflict(format!("a change added {version} of secret {id} without a value")),
                (true, false) | (false, true) => {}
            }
        }
        // A version may come and go within one change; its value is then not stored at all.
        let kept = |version: &VersionId| self.secret.version(*version).is_ok();
        let removed: Vec<_> = self.versions.iter().copied().filter(|version| !kept(version)).collect();
        let replicas = ReplicaValues { given: self.replica_values, versions_before: &self.versions, removed: &removed }
            .changes(&self.secret, &self.replicas_before, self.replica_quota)?;
        let added = self.added.into_iter().filter(|(version, _)| self.secret.version(*version).is_ok()).collect();
        let (tags, enterprise_project) = &self.marks_before;
        Ok(Changes::Update {
            marked: (tags, enterprise_project) != (&self.secret.tags, &self.secret.enterprise_project_id),
            secret: Box::new(self.secret),
            added,
            removed,
            replicas,
            tasks: Tasks { put: self.tasks, lease: self.lease, audit: self.audit },
        })
    }
}

/// The values of a changed secret's replicas.
struct ReplicaValues<'d> {
    given: BTreeMap<SecretId, BTreeMap<VersionId, Vec<u8>>>,
    versions_before: &'d [VersionId],
    removed: &'d [VersionId],
}

impl ReplicaValues<'_> {
    /// What becomes of the replicas. Each version of the secret has a value in each of them, or nothing is changed.
    fn changes(
        mut self,
        secret: &Secret,
        before: &[Counterpart],
        quota: u64,
    ) -> Result<Vec<ReplicaChange>, StoreError> {
        let has = |list: &[Counterpart], id: &SecretId| list.iter().any(|known| known.id == *id);
        let gone = before.iter().filter(|known| !has(secret.replicas(), &known.id));
        let mut changes: Vec<_> = gone.map(|replica| ReplicaChange::Delete { replica: replica.clone() }).collect();
        for replica in secret.replicas() {
            let is_new = !has(before, &replica.id);
            let versions = secret.versions().iter().map(|version| version.id);
            let wanted = versions.filter(|version| is_new || !self.versions_before.contains(version));
            let mut values = self.given.remove(&replica.id).unwrap_or_default();
            values.retain(|version, _| secret.version(*version).is_ok());
            if !wanted.eq(values.keys().copied()) {
                let text = format!("the values for replica {} are not those of the versions it needs", replica.id);
                return Err(StoreError::Conflict(Cause::new(text)));
            }
            let copy = Box::new(secret.copy_for(replica));
            changes.push(if is_new {
                ReplicaChange::Create { replica: copy, values, quota }
            } else {
                ReplicaChange::Update { replica: copy, added: values, removed: self.removed.to_vec() }
            });
        }
        Ok(ReplicaChange::in_order(changes))
    }
}

/// When the scheduler must delete the secret; a replica goes with its primary.
pub(crate) fn deletion_due_time(secret: &Secret) -> Option<UnixMillis> {
    let is_pending = secret.state == SecretState::PendingDelete && secret.primary().is_none();
    secret.scheduled_delete_time.filter(|_| is_pending)
}
