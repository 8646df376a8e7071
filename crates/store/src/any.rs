//! A store that is chosen when the program starts.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

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
    postgres::PostgresStore,
    record::{
        AccessChange, AccessDecision, AccessKeyRecord, AccessKeyUse, AccessState, AgencyRecord, ClaimedNotification,
        KeyRecord, Lease, OutboxBacklog, Page, PolicyRecord, Postponed, RotationBacklog, SecretUse, StoredValue,
        TaskFilter, TaskOutcome, TaskPage, UserRecord,
    },
    rekey::{Rekey, Rekeyed, ServerReport},
    search::AuditFilter,
    sqlite::SqliteStore,
    store::Store,
};

/// One of the stores. Clones share it.
#[derive(Clone, Debug)]
pub enum AnyStore {
    /// Embedded.
    Sqlite(SqliteStore),
    /// On a database server.
    Postgres(PostgresStore),
}

impl From<SqliteStore> for AnyStore {
    fn from(store: SqliteStore) -> Self {
        Self::Sqlite(store)
    }
}

impl From<PostgresStore> for AnyStore {
    fn from(store: PostgresStore) -> Self {
        Self::Postgres(store)
    }
}

/// The connections of a server to its database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolState {
    /// How many there may be.
    pub most: usize,
    /// How many there are.
    pub open: usize,
    /// How many of them do nothing.
    pub idle: usize,
    /// How many calls wait for one.
    pub waiting: usize,
}

impl AnyStore {
    /// The pool of connections; `None` for the embedded store, which has none.
    #[must_use]
    pub fn pool(&self) -> Option<PoolState> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(store) => Some(store.pool()),
        }
    }

    /// Ends the store in an orderly way, see [`SqliteStore::close`]. A database server needs nothing of that.
    ///
    /// # Errors
    /// As there.
    pub async fn close(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(store) => store.close().await,
            Self::Postgres(_) => Ok(()),
        }
    }
}

/// Calls the same method of the store behind. Only the future of the distant one is boxed: beside a round trip that
/// costs nothing, and the embedded one's callers stay small.
macro_rules! delegate {
    ($self:ident.$method:ident($($argument:expr),*)) => {
        match $self {
            Self::Sqlite(store) => store.$method($($argument),*).await,
            Self::Postgres(store) => Box::pin(store.$method($($argument),*)).await,
        }
    };
}

impl Store for AnyStore {
    async fn secret(&self, project: &ProjectId, name: &SecretName) -> Result<Option<Secret>, StoreError> {
        delegate!(self.secret(project, name))
    }

    async fn secret_value<E: Send>(
        &self,
        project: &ProjectId,
        name: &SecretName,
        expected: Option<VersionId>,
        select: impl Fn(&Secret) -> Result<VersionId, E> + Send,
    ) -> Result<StoredValue, ReadError<E>> {
        delegate!(self.secret_value(project, name, expected, select))
    }

    async fn list_secrets(
        &self,
        project: &ProjectId,
        after: Option<&str>,
        limit: u16,
        event: Option<&EventName>,
    ) -> Result<Page<Secret>, StoreError> {
        delegate!(self.list_secrets(project, after, limit, event))
    }

    async fn find_secrets(
        &self,
        project: &ProjectId,
        filter: &SecretFilter,
        window: Window<'_>,
    ) -> Result<Page<Secret>, StoreError> {
        delegate!(self.find_secrets(project, filter, window))
    }

    async fn find_and_count_secrets(
        &self,
        project: &ProjectId,
        filter: &SecretFilter,
        window: Window<'_>,
    ) -> Result<Found, StoreError> {
        delegate!(self.find_and_count_secrets(project, filter, window))
    }

    async fn count_secrets(&self, project: &ProjectId, filter: &SecretFilter) -> Result<u64, StoreError> {
        delegate!(self.count_secrets(project, filter))
    }

    async fn project_tags(&self, project: &ProjectId) -> Result<Vec<(String, String)>, StoreError> {
        delegate!(self.project_tags(project))
    }

    async fn secret_by_id(&self, project: &ProjectId, id: &SecretId) -> Result<Option<Secret>, StoreError> {
        delegate!(self.secret_by_id(project, id))
    }

    async fn entry<T: Entry>(&self, project: &ProjectId, name: &str) -> Result<Option<T>, StoreError> {
        delegate!(self.entry(project, name))
    }

    async fn entries<T: Entry>(
        &self,
        project: &ProjectId,
        after: Option<&str>,
        limit: u16,
    ) -> Result<Page<(String, T)>, StoreError> {
        delegate!(self.entries(project, after, limit))
    }

    async fn change_entry<T: Entry, R: Send + 'static, E: Send + 'static>(
        &self,
        project: &ProjectId,
        name: &str,
        records: Vec<AuditEntry>,
        decide: impl FnOnce(Option<T>) -> Result<(EntryChange<T>, R), E> + Send + 'static,
    ) -> Result<R, ChangeError<E>> {
        delegate!(self.change_entry(project, name, records, decide))
    }

    async fn task(&self, project: &ProjectId, id: &TaskId) -> Result<Option<Task>, StoreError> {
        delegate!(self.task(project, id))
    }

    async fn tasks(&self, project: &ProjectId, filter: &TaskFilter) -> Result<TaskPage, StoreError> {
        delegate!(self.tasks(project, filter))
    }

    async fn due_deletions(&self, now: UnixMillis, limit: u16) -> Result<Vec<(ProjectId, SecretName)>, StoreError> {
        delegate!(self.due_deletions(now, limit))
    }

    async fn due_rotations(&self, now: UnixMillis, limit: u16) -> Result<Vec<(ProjectId, SecretName)>, StoreError> {
        delegate!(self.due_rotations(now, limit))
    }

    async fn rotations_due_after(
        &self,
        time: UnixMillis,
        limit: u16,
    ) -> Result<Vec<(ProjectId, SecretName)>, StoreError> {
        delegate!(self.rotations_due_after(time, limit))
    }

    async fn rotation_backlog(&self, now: UnixMillis) -> Result<RotationBacklog, StoreError> {
        delegate!(self.rotation_backlog(now))
    }

    async fn outbox_backlog(&self) -> Result<OutboxBacklog, StoreError> {
        delegate!(self.outbox_backlog())
    }

    async fn next_due_time(&self) -> Result<Option<UnixMillis>, StoreError> {
        delegate!(self.next_due_time())
    }

    async fn due_expiries(&self, now: UnixMillis, limit: u16) -> Result<Vec<(ProjectId, SecretName)>, StoreError> {
        delegate!(self.due_expiries(now, limit))
    }

    async fn next_event_time(&self) -> Result<Option<UnixMillis>, StoreError> {
        delegate!(self.next_event_time())
    }

    async fn notifications(
        &self,
        project: &ProjectId,
        after: Option<&str>,
        limit: u16,
    ) -> Result<Page<(Notification, NotificationStatus)>, StoreError> {
        delegate!(self.notifications(project, after, limit))
    }

    async fn claim_notifications(
        &self,
        now: UnixMillis,
        until: UnixMillis,
        limit: u16,
    ) -> Result<Vec<ClaimedNotification>, StoreError> {
        delegate!(self.claim_notifications(now, until, limit))
    }

    async fn postpone_notifications(&self, postponed: Vec<Postponed>) -> Result<(), StoreError> {
        delegate!(self.postpone_notifications(postponed))
    }

    async fn settle_notification(
        &self,
        id: &str,
        attempt: u32,
        status: NotificationStatus,
        next: Option<UnixMillis>,
    ) -> Result<bool, StoreError> {
        delegate!(self.settle_notification(id, attempt, status, next))
    }

    async fn hasten_notifications(&self, now: UnixMillis, latest: UnixMillis) -> Result<u64, StoreError> {
        delegate!(self.hasten_notifications(now, latest))
    }

    async fn purge_notifications(&self, before: UnixMillis) -> Result<u64, StoreError> {
        delegate!(self.purge_notifications(before))
    }

    async fn key(&self, project: &ProjectId, id: &KeyId) -> Result<Option<KeyRecord>, StoreError> {
        delegate!(self.key(project, id))
    }

    async fn key_by_alias(&self, project: &ProjectId, alias: &str) -> Result<Option<KeyRecord>, StoreError> {
        delegate!(self.key_by_alias(project, alias))
    }

    async fn user(&self, id: &str) -> Result<Option<UserRecord>, StoreError> {
        delegate!(self.user(id))
    }

    async fn user_by_name(&self, domain_id: Option<&str>, name: &str) -> Result<Option<UserRecord>, StoreError> {
        delegate!(self.user_by_name(domain_id, name))
    }

    async fn access_key(&self, access_key: &str) -> Result<Option<(AccessKeyRecord, UserRecord)>, StoreError> {
        delegate!(self.access_key(access_key))
    }

    async fn users(&self) -> Result<Vec<UserRecord>, StoreError> {
        delegate!(self.users())
    }

    async fn access_keys(&self, user_id: &str) -> Result<Vec<AccessKeyRecord>, StoreError> {
        delegate!(self.access_keys(user_id))
    }

    async fn policy(&self, name: &str) -> Result<Option<PolicyRecord>, StoreError> {
        delegate!(self.policy(name))
    }

    async fn policies(&self) -> Result<Vec<PolicyRecord>, StoreError> {
        delegate!(self.policies())
    }

    async fn agency(&self, id: &str) -> Result<Option<AgencyRecord>, StoreError> {
        delegate!(self.agency(id))
    }

    async fn agencies(&self) -> Result<Vec<AgencyRecord>, StoreError> {
        delegate!(self.agencies())
    }

    async fn keys(&self, project: &ProjectId) -> Result<Vec<KeyRecord>, StoreError> {
        delegate!(self.keys(project))
    }

    async fn keys_pending_deletion(&self) -> Result<Vec<KeyRecord>, StoreError> {
        delegate!(self.keys_pending_deletion())
    }

    async fn keys_due_for_rotation(&self, now: UnixMillis) -> Result<Vec<KeyRecord>, StoreError> {
        delegate!(self.keys_due_for_rotation(now))
    }

    async fn audit_records(
        &self,
        after: u64,
        limit: u16,
        secret: Option<&str>,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        delegate!(self.audit_records(after, limit, secret))
    }

    async fn find_audit_records(&self, filter: &AuditFilter) -> Result<Vec<AuditRecord>, StoreError> {
        delegate!(self.find_audit_records(filter))
    }

    async fn audit_head(&self) -> Result<AuditHead, StoreError> {
        delegate!(self.audit_head())
    }

    async fn audit_checkpoint(&self) -> Result<Option<AuditCheckpoint>, StoreError> {
        delegate!(self.audit_checkpoint())
    }

    async fn audit_sink(&self) -> Result<Option<u64>, StoreError> {
        delegate!(self.audit_sink())
    }

    async fn meta(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        delegate!(self.meta(key))
    }

    async fn create_secret(
        &self,
        secret: Secret,
        sealed: Vec<u8>,
        quota: u64,
        records: Vec<AuditEntry>,
    ) -> Result<(), CreateError> {
        delegate!(self.create_secret(secret, sealed, quota, records))
    }

    async fn restore_secret(
        &self,
        secret: Secret,
        values: BTreeMap<VersionId, Vec<u8>>,
        quota: u64,
        records: Vec<AuditEntry>,
    ) -> Result<(), CreateError> {
        delegate!(self.restore_secret(secret, values, quota, records))
    }

    async fn change_secret<T: Send + 'static, E: Send + 'static>(
        &self,
        project: &ProjectId,
        name: &SecretName,
        load_values: bool,
        decide: impl FnOnce(&mut Draft) -> Result<T, E> + Send + 'static,
    ) -> Result<T, ChangeError<E>> {
        delegate!(self.change_secret(project, name, load_values, decide))
    }

    async fn finish_orphan_task(&self, task: Task, holder: &str, records: Vec<AuditEntry>) -> Result<(), StoreError> {
        delegate!(self.finish_orphan_task(task, holder, records))
    }

    async fn claim_tasks(&self, holder: &str, lasts: Duration, limit: u16) -> Result<Vec<Task>, StoreError> {
        delegate!(self.claim_tasks(holder, lasts, limit))
    }

    async fn renew_lease(&self, lease: &Lease) -> Result<bool, StoreError> {
        delegate!(self.renew_lease(lease))
    }

    async fn release_leases_of(&self, server: &str) -> Result<u64, StoreError> {
        delegate!(self.release_leases_of(server))
    }

    async fn release_lease(&self, task: &TaskId, holder: &str) -> Result<(), StoreError> {
        delegate!(self.release_lease(task, holder))
    }

    async fn purge_tasks(&self, outcome: TaskOutcome, before: UnixMillis, limit: u16) -> Result<u64, StoreError> {
        delegate!(self.purge_tasks(outcome, before, limit))
    }

    async fn put_user(&self, user: UserRecord) -> Result<(), StoreError> {
        delegate!(self.put_user(user))
    }

    async fn put_access_key(&self, key: AccessKeyRecord) -> Result<(), StoreError> {
        delegate!(self.put_access_key(key))
    }

    async fn access_rows(&self) -> Result<Vec<RowMark>, StoreError> {
        delegate!(self.access_rows())
    }

    async fn put_keyring(
        &self,
        key: &str,
        old: Option<Vec<u8>>,
        new: Vec<u8>,
        records: Vec<AuditEntry>,
        silence: Duration,
    ) -> Result<bool, StoreError> {
        delegate!(self.put_keyring(key, old, new, records, silence))
    }

    async fn rekey(&self, rekey: Rekey) -> Result<Rekeyed, StoreError> {
        delegate!(self.rekey(rekey))
    }

    async fn report_server(&self, report: &ServerReport, lasts: Duration) -> Result<(), StoreError> {
        delegate!(self.report_server(report, lasts))
    }

    async fn servers(&self) -> Result<Vec<ServerReport>, StoreError> {
        delegate!(self.servers())
    }

    async fn withdraw_server(&self, name: &str) -> Result<(), StoreError> {
        delegate!(self.withdraw_server(name))
    }

    fn use_row_key(&self, key: Arc<RowKey>) {
        match self {
            Self::Sqlite(store) => store.use_row_key(key),
            Self::Postgres(store) => store.use_row_key(key),
        }
    }

    fn require_named_value(&self, key: &'static str, value: Vec<u8>) {
        match self {
            Self::Sqlite(store) => store.require_named_value(key, value),
            Self::Postgres(store) => store.require_named_value(key, value),
        }
    }

    async fn convert_access(
        &self,
        mark: Replacement,
        convert: impl FnOnce(&mut AccessState) -> Result<(), StoreError> + Send + 'static,
        records: Vec<AuditEntry>,
    ) -> Result<bool, StoreError> {
        delegate!(self.convert_access(mark, convert, records))
    }

    async fn bind_rows(&self, mark: Replacement, records: Vec<AuditEntry>) -> Result<bool, StoreError> {
        delegate!(self.bind_rows(mark, records))
    }

    async fn make_user_once(
        &self,
        mark: &str,
        user: UserRecord,
        key: AccessKeyRecord,
        records: Vec<AuditEntry>,
    ) -> Result<bool, StoreError> {
        delegate!(self.make_user_once(mark, user, key, records))
    }

    async fn change_access(&self, changes: Vec<AccessChange>, records: Vec<AuditEntry>) -> Result<(), StoreError> {
        delegate!(self.change_access(changes, records))
    }

    async fn decide_access<T: Send + 'static, E: Send + 'static>(
        &self,
        decide: impl FnOnce(&AccessState) -> Result<AccessDecision<T>, E> + Send + 'static,
    ) -> Result<T, ChangeError<E>> {
        delegate!(self.decide_access(decide))
    }

    async fn change_keys<T: Send + 'static, E: Send + 'static>(
        &self,
        project: &ProjectId,
        decide: impl FnOnce(&mut Vec<KeyRecord>) -> Result<(T, Vec<AuditEntry>), E> + Send + 'static,
    ) -> Result<T, ChangeError<E>> {
        delegate!(self.change_keys(project, decide))
    }

    async fn append_audit(&self, records: Vec<AuditEntry>) -> Result<(), StoreError> {
        delegate!(self.append_audit(records))
    }

    async fn put_audit_checkpoint(
        &self,
        before: u64,
        checkpoint: AuditCheckpoint,
        records: Vec<AuditEntry>,
    ) -> Result<(), StoreError> {
        delegate!(self.put_audit_checkpoint(before, checkpoint, records))
    }

    async fn prune_audit(&self, from: Option<u64>, limit: u16) -> Result<Pruned, StoreError> {
        delegate!(self.prune_audit(from, limit))
    }

    async fn claim_audit_sink(&self, holder: &str, lasts: Duration) -> Result<Option<u64>, StoreError> {
        delegate!(self.claim_audit_sink(holder, lasts))
    }

    async fn advance_audit_sink(&self, holder: &str, lasts: Duration, number: u64) -> Result<bool, StoreError> {
        delegate!(self.advance_audit_sink(holder, lasts, number))
    }

    async fn note_key_uses(&self, uses: Vec<AccessKeyUse>) -> Result<Vec<AccessKeyUse>, StoreError> {
        delegate!(self.note_key_uses(uses))
    }

    async fn note_uses(&self, uses: Vec<SecretUse>) -> Result<Vec<SecretUse>, StoreError> {
        delegate!(self.note_uses(uses))
    }

    async fn check_writing(&self) -> Result<(), StoreError> {
        delegate!(self.check_writing())
    }

    async fn check_root_key(&self) -> Result<(), StoreError> {
        delegate!(self.check_root_key())
    }

    async fn put_meta_if_absent(&self, key: &str, value: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        delegate!(self.put_meta_if_absent(key, value))
    }

    async fn put_meta(&self, key: &str, value: Vec<u8>) -> Result<(), StoreError> {
        delegate!(self.put_meta(key, value))
    }
}
