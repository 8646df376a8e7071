//! What every store can do.

use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

use csms_core::{
    EventName, KeyId, ProjectId, Secret, SecretId, SecretName, TaskId, UnixMillis, VersionId,
    event::{Notification, NotificationStatus},
    task::Task,
};

use crate::{
    audit::{AuditCheckpoint, AuditEntry, AuditHead, AuditRecord, Pruned},
    bound::{Replacement, RowKey, RowMark},
    draft::Draft,
    entry::{Entry, EntryChange},
    error::{ChangeError, CreateError, ReadError, StoreError},
    find::{Found, SecretFilter, Window},
    record::{
        AccessChange, AccessDecision, AccessKeyRecord, AccessKeyUse, AccessState, AgencyRecord, ClaimedNotification,
        KeyRecord, Lease, OutboxBacklog, Page, PolicyRecord, Postponed, RotationBacklog, SecretUse, StoredValue,
        TaskFilter, TaskOutcome, TaskPage, UserRecord,
    },
    rekey::{Rekey, Rekeyed, ServerReport},
    search::AuditFilter,
};

/// Durable storage, shared by all requests.
///
/// Reads see every write that was answered before they began. A write is on disk when it is answered, and happens
/// whole or not at all even if its future is dropped. Functions given to a store run inside a transaction: they must
/// be quick, decide by what they are given, and call no store.
pub trait Store: Send + Sync + 'static {
    /// A secret.
    fn secret(
        &self,
        project: &ProjectId,
        name: &SecretName,
    ) -> impl Future<Output = Result<Option<Secret>, StoreError>> + Send;

    /// A secret and the sealed value of the version that `select` picks, both of the same instant. It is found soonest if that
    /// is the `expected` version, or without one the version of SYSCURRENT. `select` may be called more than once.
    fn secret_value<E: Send>(
        &self,
        project: &ProjectId,
        name: &SecretName,
        expected: Option<VersionId>,
        select: impl Fn(&Secret) -> Result<VersionId, E> + Send,
    ) -> impl Future<Output = Result<StoredValue, ReadError<E>>> + Send;

    /// Secrets by name: those behind `after`, at most `limit`, and only those bound to `event` if one is given.
    fn list_secrets(
        &self,
        project: &ProjectId,
        after: Option<&str>,
        limit: u16,
        event: Option<&EventName>,
    ) -> impl Future<Output = Result<Page<Secret>, StoreError>> + Send;

    /// Secrets that fit a filter, by name.
    fn find_secrets(
        &self,
        project: &ProjectId,
        filter: &SecretFilter,
        window: Window<'_>,
    ) -> impl Future<Output = Result<Page<Secret>, StoreError>> + Send;

    /// Secrets that fit a filter, by name, and how many fit, at one instant. Costs as much as [`Store::count_secrets`].
    fn find_and_count_secrets(
        &self,
        project: &ProjectId,
        filter: &SecretFilter,
        window: Window<'_>,
    ) -> impl Future<Output = Result<Found, StoreError>> + Send;

    /// How many secrets fit a filter. Costs as much as there are secrets with the rarest thing that it asks for.
    fn count_secrets(
        &self,
        project: &ProjectId,
        filter: &SecretFilter,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Keys and values of all tags in a project, each pair once, in order.
    fn project_tags(
        &self,
        project: &ProjectId,
    ) -> impl Future<Output = Result<Vec<(String, String)>, StoreError>> + Send;

    /// The secret of this identifier.
    fn secret_by_id(
        &self,
        project: &ProjectId,
        id: &SecretId,
    ) -> impl Future<Output = Result<Option<Secret>, StoreError>> + Send;

    /// An entry of a project.
    fn entry<T: Entry>(
        &self,
        project: &ProjectId,
        name: &str,
    ) -> impl Future<Output = Result<Option<T>, StoreError>> + Send;

    /// Entries of a project with their names, in the order of the names: those behind `after`, at most `limit`.
    fn entries<T: Entry>(
        &self,
        project: &ProjectId,
        after: Option<&str>,
        limit: u16,
    ) -> impl Future<Output = Result<Page<(String, T)>, StoreError>> + Send;

    /// Changes an entry: loads it, lets `decide` say what becomes of it, and stores that with the records of the change,
    /// all in one transaction. An entry that is kept leaves no record. Where two make the same entry at once, one of them
    /// may get [`StoreError::Conflict`].
    fn change_entry<T: Entry, R: Send + 'static, E: Send + 'static>(
        &self,
        project: &ProjectId,
        name: &str,
        records: Vec<AuditEntry>,
        decide: impl FnOnce(Option<T>) -> Result<(EntryChange<T>, R), E> + Send + 'static,
    ) -> impl Future<Output = Result<R, ChangeError<E>>> + Send;

    /// A task.
    fn task(&self, project: &ProjectId, id: &TaskId) -> impl Future<Output = Result<Option<Task>, StoreError>> + Send;

    /// Tasks, newest first. [`StoreError::NotFound`] when the task to continue behind does not exist.
    fn tasks(
        &self,
        project: &ProjectId,
        filter: &TaskFilter,
    ) -> impl Future<Output = Result<TaskPage, StoreError>> + Send;

    /// Secrets whose deletion window has closed at `now`, the longest overdue first, at most `limit`.
    fn due_deletions(
        &self,
        now: UnixMillis,
        limit: u16,
    ) -> impl Future<Output = Result<Vec<(ProjectId, SecretName)>, StoreError>> + Send;

    /// Enabled secrets without a running task whose rotation is due at `now`, the longest overdue first, at most
    /// `limit`.
    fn due_rotations(
        &self,
        now: UnixMillis,
        limit: u16,
    ) -> impl Future<Output = Result<Vec<(ProjectId, SecretName)>, StoreError>> + Send;

    /// Secrets whose rotation is due after `time`, the latest first, at most `limit`.
    fn rotations_due_after(
        &self,
        time: UnixMillis,
        limit: u16,
    ) -> impl Future<Output = Result<Vec<(ProjectId, SecretName)>, StoreError>> + Send;

    /// How much rotation work there is at `now`. Costs as much as there is such work, whatever else is stored.
    fn rotation_backlog(&self, now: UnixMillis) -> impl Future<Output = Result<RotationBacklog, StoreError>> + Send;

    /// How many notifications wait for delivery.
    fn outbox_backlog(&self) -> impl Future<Output = Result<OutboxBacklog, StoreError>> + Send;

    /// When the next deletion or rotation is due.
    fn next_due_time(&self) -> impl Future<Output = Result<Option<UnixMillis>, StoreError>> + Send;

    /// Secrets with a version that has expired at `now` and of which that has not been told, the longest overdue first,
    /// at most `limit`.
    fn due_expiries(
        &self,
        now: UnixMillis,
        limit: u16,
    ) -> impl Future<Output = Result<Vec<(ProjectId, SecretName)>, StoreError>> + Send;

    /// When the next version expires, or the next notification is due.
    fn next_event_time(&self) -> impl Future<Output = Result<Option<UnixMillis>, StoreError>> + Send;

    /// Notifications that have been attempted, the newest first: those older than `after`, at most `limit`.
    /// [`StoreError::NotFound`] when the one to continue behind does not exist.
    fn notifications(
        &self,
        project: &ProjectId,
        after: Option<&str>,
        limit: u16,
    ) -> impl Future<Output = Result<Page<(Notification, NotificationStatus)>, StoreError>> + Send;

    /// Takes notifications that are due at `now`, the longest overdue first, at most `limit`, and counts an attempt for
    /// each. Nobody else gets them before `until`, unless they are settled otherwise.
    fn claim_notifications(
        &self,
        now: UnixMillis,
        until: UnixMillis,
        limit: u16,
    ) -> impl Future<Output = Result<Vec<ClaimedNotification>, StoreError>> + Send;

    /// Gives claimed notifications back, as if nobody had tried them. Those that another has claimed since stay as they are.
    fn postpone_notifications(&self, postponed: Vec<Postponed>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Writes down what became of an attempt, and when the next one is due, if any. `false` when somebody else has begun
    /// a later one since.
    fn settle_notification(
        &self,
        id: &str,
        attempt: u32,
        status: NotificationStatus,
        next: Option<UnixMillis>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Makes notifications due at `now` that are due after `latest`, and returns how many there were.
    fn hasten_notifications(
        &self,
        now: UnixMillis,
        latest: UnixMillis,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Removes notifications made before `before`, and tells how many there were.
    fn purge_notifications(&self, before: UnixMillis) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// A KMS key.
    fn key(
        &self,
        project: &ProjectId,
        id: &KeyId,
    ) -> impl Future<Output = Result<Option<KeyRecord>, StoreError>> + Send;

    /// The KMS key of this alias.
    fn key_by_alias(
        &self,
        project: &ProjectId,
        alias: &str,
    ) -> impl Future<Output = Result<Option<KeyRecord>, StoreError>> + Send;

    /// A user.
    fn user(&self, id: &str) -> impl Future<Output = Result<Option<UserRecord>, StoreError>> + Send;

    /// The user of this name in a domain, or in any domain. [`StoreError::Conflict`] when no domain is given and
    /// several have a user of this name.
    fn user_by_name(
        &self,
        domain_id: Option<&str>,
        name: &str,
    ) -> impl Future<Output = Result<Option<UserRecord>, StoreError>> + Send;

    /// An access key and its user, both of the same instant.
    fn access_key(
        &self,
        access_key: &str,
    ) -> impl Future<Output = Result<Option<(AccessKeyRecord, UserRecord)>, StoreError>> + Send;

    /// Every user, by name.
    fn users(&self) -> impl Future<Output = Result<Vec<UserRecord>, StoreError>> + Send;

    /// The access keys of a user, by name.
    fn access_keys(&self, user_id: &str) -> impl Future<Output = Result<Vec<AccessKeyRecord>, StoreError>> + Send;

    /// The shared policy of this name.
    fn policy(&self, name: &str) -> impl Future<Output = Result<Option<PolicyRecord>, StoreError>> + Send;

    /// Every shared policy, by name.
    fn policies(&self) -> impl Future<Output = Result<Vec<PolicyRecord>, StoreError>> + Send;

    /// The agency of this identifier.
    fn agency(&self, id: &str) -> impl Future<Output = Result<Option<AgencyRecord>, StoreError>> + Send;

    /// Every agency, by name.
    fn agencies(&self) -> impl Future<Output = Result<Vec<AgencyRecord>, StoreError>> + Send;

    /// The rows of all users, access keys, shared policies, agencies and KMS keys, each with the MAC that it has, for a check
    /// against the audit trail. The MAC of a row that was not written under the store's key is the text `not valid`.
    fn access_rows(&self) -> impl Future<Output = Result<Vec<RowMark>, StoreError>> + Send;

    /// The KMS keys of a project, oldest first.
    fn keys(&self, project: &ProjectId) -> impl Future<Output = Result<Vec<KeyRecord>, StoreError>> + Send;

    /// The KMS keys of all projects that wait for their deletion.
    fn keys_pending_deletion(&self) -> impl Future<Output = Result<Vec<KeyRecord>, StoreError>> + Send;

    /// The enabled KMS keys of all projects whose material is due for its rotation at `now`.
    fn keys_due_for_rotation(&self, now: UnixMillis)
    -> impl Future<Output = Result<Vec<KeyRecord>, StoreError>> + Send;

    /// Records of the audit trail behind number `after`, at most `limit`, and only those about one secret if its name is
    /// given.
    fn audit_records(
        &self,
        after: u64,
        limit: u16,
        secret: Option<&str>,
    ) -> impl Future<Output = Result<Vec<AuditRecord>, StoreError>> + Send;

    /// Records of the audit trail that fit a filter, the newest first.
    fn find_audit_records(
        &self,
        filter: &AuditFilter,
    ) -> impl Future<Output = Result<Vec<AuditRecord>, StoreError>> + Send;

    /// The end of the audit trail.
    fn audit_head(&self) -> impl Future<Output = Result<AuditHead, StoreError>> + Send;

    /// Where the stored part of the audit trail begins, if a part has been archived.
    fn audit_checkpoint(&self) -> impl Future<Output = Result<Option<AuditCheckpoint>, StoreError>> + Send;

    /// Number of the last record that the audit sink has taken; `None` when no server with a sink has used the store.
    fn audit_sink(&self) -> impl Future<Output = Result<Option<u64>, StoreError>> + Send;

    /// A small value kept by name.
    fn meta(&self, key: &str) -> impl Future<Output = Result<Option<Vec<u8>>, StoreError>> + Send;

    /// Stores a new secret, the sealed value of its one version and the records of its creation, unless the project has a
    /// secret of this name or `quota` secrets already.
    fn create_secret(
        &self,
        secret: Secret,
        sealed: Vec<u8>,
        quota: u64,
        records: Vec<AuditEntry>,
    ) -> impl Future<Output = Result<(), CreateError>> + Send;

    /// Stores a secret that was taken out before, with the sealed values of all its versions, under the conditions of
    /// [`Store::create_secret`]. [`StoreError::Conflict`] when the values are not those of its versions.
    fn restore_secret(
        &self,
        secret: Secret,
        values: BTreeMap<VersionId, Vec<u8>>,
        quota: u64,
        records: Vec<AuditEntry>,
    ) -> impl Future<Output = Result<(), CreateError>> + Send;

    /// Changes a secret: loads it, with all its sealed values if `load_values` says so and with its running task,
    /// lets `decide` change the draft, and stores the difference, all in one transaction. Nothing is stored when
    /// `decide` refuses or panics. Nobody can take the running task meanwhile; a task that is finished loses its lease.
    fn change_secret<T: Send + 'static, E: Send + 'static>(
        &self,
        project: &ProjectId,
        name: &SecretName,
        load_values: bool,
        decide: impl FnOnce(&mut Draft) -> Result<T, E> + Send + 'static,
    ) -> impl Future<Output = Result<T, ChangeError<E>>> + Send;

    /// Finishes a running task whose secret is gone, with the records of it; a secret's own task is finished by
    /// [`Store::change_secret`].
    /// [`StoreError::NotFound`] when there is no such task, [`StoreError::Conflict`] when it is finished already, held
    /// by another than `holder`, or the secret still exists.
    fn finish_orphan_task(
        &self,
        task: Task,
        holder: &str,
        records: Vec<AuditEntry>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Takes running tasks that nobody holds, the oldest first, at most `limit`: those without a lease, and those whose lease
    /// has expired. Each is taken by one caller only, whoever else tries at the same time.
    fn claim_tasks(
        &self,
        holder: &str,
        lasts: Duration,
        limit: u16,
    ) -> impl Future<Output = Result<Vec<Task>, StoreError>> + Send;

    /// Extends a lease, also one that has expired and was taken by nobody. `false` when it is another's by now or the
    /// task is finished.
    fn renew_lease(&self, lease: &Lease) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Gives up all leases of a server, whose names of holders begin with `server`: for a server that was killed and is back.
    /// Returns their number.
    fn release_leases_of(&self, server: &str) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Gives a lease up, so that anybody may take the task at once. Nothing happens when it is another's.
    fn release_lease(&self, task: &TaskId, holder: &str) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Removes finished tasks of this outcome that began before `before`, the oldest first, at most `limit`, and answers
    /// how many.
    fn purge_tasks(
        &self,
        outcome: TaskOutcome,
        before: UnixMillis,
        limit: u16,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Stores a user, in place of the one with the same identifier if there is one. [`StoreError::Conflict`] when
    /// another user of the domain has the name.
    fn put_user(&self, user: UserRecord) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Stores an access key, in place of the one of the same name if there is one. [`StoreError::Conflict`] when its
    /// user does not exist.
    fn put_access_key(&self, key: AccessKeyRecord) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Sets the key that binds rows; see [`RowKey`]. Without one, no user, access key, policy, secret, KMS key or entry is read or
    /// written. A later one takes its place; what was begun before ends with the former.
    fn use_row_key(&self, key: Arc<RowKey>);

    /// From now on, new connections must lead to a database whose named value is this: an address may lead to another database later.
    /// What it was told first counts. A file is watched anyway.
    fn require_named_value(&self, key: &'static str, value: Vec<u8>);

    /// Writes every user, access key and policy that an older release has written again, bound to its row and changed by
    /// `convert`, with the records of it, all in one transaction. Happens once: it replaces `mark`, and does nothing and
    /// returns `false` where the value is not the old one.
    fn convert_access(
        &self,
        mark: Replacement,
        convert: impl FnOnce(&mut AccessState) -> Result<(), StoreError> + Send + 'static,
        records: Vec<AuditEntry>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Binds every secret, KMS key and entry that an older release has written to its row, with the records of it, all in one
    /// transaction. Happens once, as [`Store::convert_access`].
    fn bind_rows(
        &self,
        mark: Replacement,
        records: Vec<AuditEntry>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Stores the keyring, a small value by the name of `key`, in place of the old one, or where there is none, with the records of
    /// it, all in one transaction. A server that does not report itself afterwards counts as running for `silence` at most. Returns
    /// `false`, and changes nothing, when there is another keyring by now.
    fn put_keyring(
        &self,
        key: &str,
        old: Option<Vec<u8>>,
        new: Vec<u8>,
        records: Vec<AuditEntry>,
        silence: Duration,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Binds every row under another root key, with what it holds sealed again, and the records of it, all in one transaction,
    /// for which other writes wait. From then on nothing that is bound or recorded under a root key of a lesser number is stored.
    /// [`StoreError::Conflict`] when one of the replacements does not find the old value, [`StoreError::InUse`] when a server runs
    /// that was started with another wrapping key than it must have been.
    fn rekey(&self, rekey: Rekey) -> impl Future<Output = Result<Rekeyed, StoreError>> + Send;

    /// Notes that a server is running and what it knows, for as long as this lasts.
    fn report_server(
        &self,
        report: &ServerReport,
        lasts: Duration,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The servers that are running, by name: those that have reported themselves and not been silent since, and those that hold
    /// a lease of a task.
    fn servers(&self) -> impl Future<Output = Result<Vec<ServerReport>, StoreError>> + Send;

    /// Notes that a server ends.
    fn withdraw_server(&self, name: &str) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Stores a user with an access key, the records of it, and a small value by the name of `mark`, all in one, unless there
    /// is a value of this name; returns whether it did. Of many that call at the same time, one stores. [`StoreError::Conflict`] when
    /// the name of the user is taken.
    fn make_user_once(
        &self,
        mark: &str,
        user: UserRecord,
        key: AccessKeyRecord,
        records: Vec<AuditEntry>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Changes users, access keys and policies, and appends the records of it, all in one transaction.
    /// [`StoreError::NotFound`] when something to remove, or a user whose password is replaced, does not exist;
    /// [`StoreError::Conflict`] when another user of the domain has the name, the user of a key does not exist, or a
    /// password is another by now.
    fn change_access(
        &self,
        changes: Vec<AccessChange>,
        records: Vec<AuditEntry>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Changes users, access keys and shared policies by what is stored: lets `decide` see all of them and say what
    /// changes, and stores that with its records, all in one transaction that no other change of them passes. Costs as much
    /// as there are users. Errors of the store as [`Store::change_access`].
    fn decide_access<T: Send + 'static, E: Send + 'static>(
        &self,
        decide: impl FnOnce(&AccessState) -> Result<AccessDecision<T>, E> + Send + 'static,
    ) -> impl Future<Output = Result<T, ChangeError<E>>> + Send;

    /// Changes the KMS keys of a project: loads all of them, lets `decide` change the list, and stores the difference and
    /// the records that `decide` answers beside its result, all in one transaction. [`StoreError::Conflict`] when another
    /// replica has just given the alias of a new key to one of its own.
    fn change_keys<T: Send + 'static, E: Send + 'static>(
        &self,
        project: &ProjectId,
        decide: impl FnOnce(&mut Vec<KeyRecord>) -> Result<(T, Vec<AuditEntry>), E> + Send + 'static,
    ) -> impl Future<Output = Result<T, ChangeError<E>>> + Send;

    /// Appends records to the audit trail that belong to no other change.
    fn append_audit(&self, records: Vec<AuditEntry>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Lets the trail begin behind a record that has been archived with all before it, in place of the checkpoint whose number is
    /// `before`, or 0, and appends the records of it, all in one transaction. From then on no read finds a record up to there.
    /// [`StoreError::Conflict`] when the checkpoint is another by now, or the trail does not reach so far.
    fn put_audit_checkpoint(
        &self,
        before: u64,
        checkpoint: AuditCheckpoint,
        records: Vec<AuditEntry>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Removes archived records, the oldest first, at most `limit`, from number `from` on or from the first that is left. Never
    /// removes a record behind the checkpoint.
    fn prune_audit(&self, from: Option<u64>, limit: u16) -> impl Future<Output = Result<Pruned, StoreError>> + Send;

    /// Takes or renews the lease of the one server that delivers records to the audit sink. Returns the number of the last record
    /// that the sink has taken, 0 at first, or `None` when another has the lease. An embedded store has one server, which always
    /// gets it.
    fn claim_audit_sink(
        &self,
        holder: &str,
        lasts: Duration,
    ) -> impl Future<Output = Result<Option<u64>, StoreError>> + Send;

    /// Notes that the sink has taken the records up to `number`, and renews the lease. Returns `false`, and changes nothing, when
    /// another has the lease by now or the sink has taken as much already.
    fn advance_audit_sink(
        &self,
        holder: &str,
        lasts: Duration,
        number: u64,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Notes when values were last read. What is older than what is noted, and what is about secrets that are gone, changes
    /// nothing. Returns those that were not noted because somebody else holds the secret's row: to be tried again.
    fn note_uses(&self, uses: Vec<SecretUse>) -> impl Future<Output = Result<Vec<SecretUse>, StoreError>> + Send;

    /// Notes the last uses of access keys. What is older than what is noted, and what is about keys that are gone, changes
    /// nothing. Returns those that were not noted because somebody else holds the key's row: to be tried again.
    fn note_key_uses(
        &self,
        uses: Vec<AccessKeyUse>,
    ) -> impl Future<Output = Result<Vec<AccessKeyUse>, StoreError>> + Send;

    /// Writes a mark that nothing reads, as durably as everything: fails when changes would fail, for instance because the
    /// disk is full.
    fn check_writing(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Checks that the database has the root key in use under which this store binds rows; see [`StoreError::refused_root_key`]. Rows
    /// are bound under the one that is in use from now on, if it is known here and a later one. Writes nothing.
    fn check_root_key(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Stores a small value by name unless there is one, and returns the stored one.
    fn put_meta_if_absent(&self, key: &str, value: Vec<u8>)
    -> impl Future<Output = Result<Vec<u8>, StoreError>> + Send;

    /// Stores a small value by name, in place of the one there may be.
    fn put_meta(&self, key: &str, value: Vec<u8>) -> impl Future<Output = Result<(), StoreError>> + Send;
}
