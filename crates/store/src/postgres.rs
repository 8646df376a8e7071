//! The store for several replicas: a PostgreSQL database, or one that speaks its protocol.
//!
//! Plain SQL and no extensions. Triggers derive the tables that searches look into, and nothing else, so that servers of an
//! older release keep them right, too. Reads are single statements outside of transactions. A change locks the row of its
//! secret; changes that wait at the same time share a transaction (`groups`), unless somebody else has locked their rows
//! (`alone`). Every operation has a limit in time; what was not answered within it is
//! [`StoreError::Unavailable`](crate::StoreError::Unavailable), also a commit whose reply was lost.
//!
//! Here is only the wiring; statements are in the modules named after what they store.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use csms_core::{
    EventName, KeyId, ProjectId, Secret, SecretId, SecretName, TaskId, UnixMillis, VersionId,
    event::{Notification, NotificationStatus},
    task::Task,
};

use crate::{
    any::PoolState,
    audit::{AuditCheckpoint, AuditEntry, AuditHead, AuditRecord, Pruned},
    bound::{self, Replacement, RowKey, RowMark},
    document::Document,
    draft::Draft,
    entry::{Entry, EntryChange},
    error::{Cause, ChangeError, CreateError, ReadError, StoreError},
    find::{Found, SecretFilter, Window},
    record::{
        AccessChange, AccessDecision, AccessKeyRecord, AccessKeyUse, AccessState, AgencyRecord, ClaimedNotification,
        KeyRecord, Lease, OutboxBacklog, Page, PolicyRecord, Postponed, RotationBacklog, SecretUse, StoredValue,
        TaskFilter, TaskOutcome, TaskPage, UserRecord,
    },
    rekey::{Rekey, Rekeyed, ServerReport},
    row,
    search::AuditFilter,
    store::Store,
};

mod access;
mod alone;
mod audit;
mod batch;
mod connect;
mod entries;
mod failure;
mod find;
mod groups;
mod hosts;
mod identities;
mod keyring;
mod once;
mod outbox;
mod pooler;
mod schema;
mod secrets;
mod session;
pub(crate) mod snapshot;
mod tasks;
pub(crate) mod transfer;

use connect::Connections;
pub use connect::PostgresSettings;
#[cfg(feature = "testing")]
pub use find::search_statements;
use groups::Groups;
use once::Once;
use session::{Session, within};

/// How often something is begun that others, or the loss of a connection, were in the way of.
const ATTEMPTS: usize = 3;

/// How often a secret and its value are read until they are those of one instant.
const VALUE_ATTEMPTS: usize = 10;

/// Runs one read on a connection of its own, and again on another one where that may help.
macro_rules! read {
    ($self:ident, |$session:ident| $read:expr) => {
        alone!($self, open, |$session| $read)
    };
}

/// Runs a search, as [`read!`] does.
macro_rules! search {
    ($self:ident, |$session:ident| $read:expr) => {
        alone!($self, open_to_search, |$session| $read)
    };
}

/// Runs one statement that writes, which may be repeated, as [`read!`] does.
macro_rules! write_alone {
    ($self:ident, |$session:ident| $write:expr) => {
        alone!($self, open_to_write, |$session| $write)
    };
}

macro_rules! alone {
    ($self:ident, $open:ident, |$session:ident| $operation:expr) => {
        within($self.timeout, async {
            let mut attempt = 1;
            loop {
                let outcome = async {
                    let $session = &Session::$open(&$self.connections).await?;
                    $operation.await
                };
                match outcome.await {
                    Err(error) if attempt < ATTEMPTS && failure::may_repeat(&error) => attempt += 1,
                    outcome => return outcome,
                }
            }
        })
        .await
    };
}

/// Runs a transaction that writes, and begins it again when others were in its way. What its parts are given is left for the
/// next attempt.
macro_rules! transaction {
    ($self:ident, |$session:ident| $work:expr) => {
        within($self.timeout, async {
            let mut attempt = 1;
            loop {
                let mut is_undone = false;
                let outcome = async {
                    let session = Session::write(&$self.connections).await?;
                    let $session = &session;
                    let done = $work.await;
                    is_undone = failure::is_undone_by(&done);
                    session.end(done).await
                };
                match outcome.await {
                    Err(error) if attempt < ATTEMPTS && (is_undone || failure::was_undone(&error)) => attempt += 1,
                    outcome => return outcome,
                }
            }
        })
        .await
    };
}

/// A store in a PostgreSQL database. Clones share its connections.
#[derive(Clone)]
pub struct PostgresStore {
    connections: Connections,
    groups: Groups,
    timeout: Duration,
}

impl PostgresStore {
    /// The pool of connections as it is now.
    pub(crate) fn pool(&self) -> PoolState {
        let status = self.connections.pool.status();
        PoolState { most: status.max_size, open: status.size, idle: status.available, waiting: status.waiting }
    }

    /// Connects, and brings the schema up to date. The database should hold nothing else; its user owns it, or owns the
    /// tables once they are there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the settings cannot be used, the database is not reached, refuses the user,
    /// belongs to a newer release, or is behind a pooler that loses prepared statements; [`StoreError::Corrupt`] when it has tables of another program.
    pub async fn open(settings: &PostgresSettings) -> Result<Self, StoreError> {
        let connections = connect::connections(settings)?;
        within(settings.timeout, pooler::require_prepared_statements(&connections)).await?;
        schema::migrate(&connections, settings.timeout).await?;
        let fill = async {
            let session = Session::write(&connections).await?;
            let filled = audit::fill_columns(&session).await;
            session.end(filled).await
        };
        within(settings.timeout, fill).await?;
        let groups = Groups::start(connections.clone(), settings.timeout);
        Ok(Self { connections, groups, timeout: settings.timeout })
    }
}

impl PostgresStore {
    /// As [`PostgresStore::open`] for a command, also while servers use the database: it must have the schema of this release
    /// already.
    ///
    /// # Errors
    /// As [`PostgresStore::open`]; [`StoreError::NotFound`] for a database that no server has used;
    /// [`StoreError::Unavailable`] also when the schema belongs to an older release, whose servers may use it.
    pub async fn open_beside(settings: &PostgresSettings) -> Result<Self, StoreError> {
        let connections = connect::connections(settings)?;
        within(settings.timeout, pooler::require_prepared_statements(&connections)).await?;
        within(settings.timeout, schema::require(&connections)).await?;
        let groups = Groups::start(connections.clone(), settings.timeout);
        Ok(Self { connections, groups, timeout: settings.timeout })
    }
}

impl PostgresStore {
    /// A transaction that sees one instant of the whole database.
    pub(crate) async fn read_at_once(&self) -> Result<snapshot::Reading, StoreError> {
        within(self.timeout, snapshot::Reading::begin(&self.connections)).await
    }
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}

/// The statements that are to stay quick however many rows there are, and the indexes that each must use; for tests that ask
/// a database for its plans.
#[cfg(feature = "testing")]
pub const QUICK_STATEMENTS: &[(&str, &[&str])] = &[
    (secrets::FIND, &["secrets_by_name"]),
    (secrets::FIND_WITH_VALUE, &["secrets_by_name", "secret_values_pkey"]),
    (batch::LOCK, &["secrets_by_name"]),
    (batch::UPDATE, &["secrets_pkey"]),
    (secrets::LIST, &["secrets_by_name"]),
    (secrets::LIST_OF_EVENT, &["secrets_by_event"]),
    (secrets::DUE_ROTATIONS, &["secrets_by_rotation"]),
    (secrets::FAR_ROTATIONS, &["secrets_by_rotation"]),
    (secrets::DUE_DELETIONS, &["secrets_by_deletion"]),
    (secrets::NEXT_DUE_TIME, &["secrets_by_rotation", "secrets_by_deletion"]),
    (tasks::BACKLOG, &["secrets_by_rotation", "tasks_running"]),
    (tasks::CLAIM, &["tasks_running"]),
    (tasks::PURGE, &["tasks_by_age"]),
    (audit::AFTER, &["audit_pkey"]),
    (audit::PRUNE, &["audit_pkey"]),
    (audit::OF_ACTOR, &["audit_by_actor"]),
    (audit::OF_SUBJECT, &["audit_by_subject"]),
];

impl Store for PostgresStore {
    async fn secret(&self, project: &ProjectId, name: &SecretName) -> Result<Option<Secret>, StoreError> {
        read!(self, |session| secrets::find(session, project, name))
    }

    async fn secret_value<E: Send>(
        &self,
        project: &ProjectId,
        name: &SecretName,
        expected: Option<VersionId>,
        select: impl Fn(&Secret) -> Result<VersionId, E> + Send,
    ) -> Result<StoredValue, ReadError<E>> {
        let mut wanted = expected;
        for _ in 0..VALUE_ATTEMPTS {
            let found = read!(self, |session| secrets::find_with_value(session, project, name, wanted))?;
            let (secret, asked, sealed) = found.ok_or(ReadError::NotFound)?;
            let version = select(&secret).map_err(ReadError::Refused)?;
            if asked == Some(version) {
                let sealed = row::value_of(&secret, version, sealed)?;
                return Ok(StoredValue { secret, version, sealed });
            }
            // Secret and value are to be of the same instant, so both are read again.
            wanted = Some(version);
        }
        Err(StoreError::Unavailable(Cause::new("the stages of a secret moved while its value was read")).into())
    }

    async fn list_secrets(
        &self,
        project: &ProjectId,
        after: Option<&str>,
        limit: u16,
        event: Option<&EventName>,
    ) -> Result<Page<Secret>, StoreError> {
        read!(self, |session| secrets::list(session, project, after, limit, event))
    }

    async fn find_secrets(
        &self,
        project: &ProjectId,
        filter: &SecretFilter,
        window: Window<'_>,
    ) -> Result<Page<Secret>, StoreError> {
        search!(self, |session| find::find(session, project, filter, window))
    }

    async fn find_and_count_secrets(
        &self,
        project: &ProjectId,
        filter: &SecretFilter,
        window: Window<'_>,
    ) -> Result<Found, StoreError> {
        search!(self, |session| find::find_and_count(session, project, filter, window))
    }

    async fn count_secrets(&self, project: &ProjectId, filter: &SecretFilter) -> Result<u64, StoreError> {
        search!(self, |session| find::count(session, project, filter))
    }

    async fn project_tags(&self, project: &ProjectId) -> Result<Vec<(String, String)>, StoreError> {
        search!(self, |session| find::tags(session, project))
    }

    async fn secret_by_id(&self, project: &ProjectId, id: &SecretId) -> Result<Option<Secret>, StoreError> {
        read!(self, |session| secrets::find_by_id(session, project, id))
    }

    async fn entry<T: Entry>(&self, project: &ProjectId, name: &str) -> Result<Option<T>, StoreError> {
        read!(self, |session| entries::find(session, project, name))
    }

    async fn entries<T: Entry>(
        &self,
        project: &ProjectId,
        after: Option<&str>,
        limit: u16,
    ) -> Result<Page<(String, T)>, StoreError> {
        read!(self, |session| entries::list(session, project, after, limit))
    }

    async fn change_entry<T: Entry, R: Send + 'static, E: Send + 'static>(
        &self,
        project: &ProjectId,
        name: &str,
        records: Vec<AuditEntry>,
        decide: impl FnOnce(Option<T>) -> Result<(EntryChange<T>, R), E> + Send + 'static,
    ) -> Result<R, ChangeError<E>> {
        let mut once = Once::new(decide);
        transaction!(self, |session| async {
            let (exists, present) = entries::lock::<T>(session, project, name).await?;
            let seen = present.as_ref().map(Document::of).transpose()?.map(|document| document.text);
            let (_, (change, _)) = once.on(seen, |decide, _| {
                let (change, answer) = decide(present)?;
                Ok((change.document(), answer))
            })?;
            let change = change.as_ref().map_err(Clone::clone)?;
            entries::apply::<T>(session, project, name, exists, change, records.clone()).await?;
            Ok::<_, ChangeError<E>>(())
        })?;
        Ok(once.made()?.1)
    }

    async fn task(&self, project: &ProjectId, id: &TaskId) -> Result<Option<Task>, StoreError> {
        let found = read!(self, |session| tasks::find(session, id))?;
        Ok(found.filter(|task| task.project == *project))
    }

    async fn tasks(&self, project: &ProjectId, filter: &TaskFilter) -> Result<TaskPage, StoreError> {
        read!(self, |session| tasks::list(session, project, filter))
    }

    async fn due_deletions(&self, now: UnixMillis, limit: u16) -> Result<Vec<(ProjectId, SecretName)>, StoreError> {
        read!(self, |session| secrets::due(session, secrets::DUE_DELETIONS, now, limit))
    }

    async fn due_rotations(&self, now: UnixMillis, limit: u16) -> Result<Vec<(ProjectId, SecretName)>, StoreError> {
        read!(self, |session| secrets::due(session, secrets::DUE_ROTATIONS, now, limit))
    }

    async fn rotations_due_after(
        &self,
        time: UnixMillis,
        limit: u16,
    ) -> Result<Vec<(ProjectId, SecretName)>, StoreError> {
        read!(self, |session| secrets::due(session, secrets::FAR_ROTATIONS, time, limit))
    }

    async fn rotation_backlog(&self, now: UnixMillis) -> Result<RotationBacklog, StoreError> {
        read!(self, |session| tasks::backlog(session, now))
    }

    async fn outbox_backlog(&self) -> Result<OutboxBacklog, StoreError> {
        read!(self, |session| outbox::backlog(session))
    }

    async fn next_due_time(&self) -> Result<Option<UnixMillis>, StoreError> {
        read!(self, |session| secrets::next_due_time(session))
    }

    async fn due_expiries(&self, now: UnixMillis, limit: u16) -> Result<Vec<(ProjectId, SecretName)>, StoreError> {
        read!(self, |session| secrets::due(session, secrets::DUE_EXPIRIES, now, limit))
    }

    async fn next_event_time(&self) -> Result<Option<UnixMillis>, StoreError> {
        read!(self, |session| outbox::next_event_time(session))
    }

    async fn notifications(
        &self,
        project: &ProjectId,
        after: Option<&str>,
        limit: u16,
    ) -> Result<Page<(Notification, NotificationStatus)>, StoreError> {
        read!(self, |session| outbox::list(session, project, after, limit))
    }

    async fn claim_notifications(
        &self,
        now: UnixMillis,
        until: UnixMillis,
        limit: u16,
    ) -> Result<Vec<ClaimedNotification>, StoreError> {
        transaction!(self, |session| outbox::claim(session, now, until, limit))
    }

    async fn postpone_notifications(&self, postponed: Vec<Postponed>) -> Result<(), StoreError> {
        write_alone!(self, |session| outbox::postpone(session, &postponed))
    }

    async fn settle_notification(
        &self,
        id: &str,
        attempt: u32,
        status: NotificationStatus,
        next: Option<UnixMillis>,
    ) -> Result<bool, StoreError> {
        write_alone!(self, |session| outbox::settle(session, id, attempt, status, next))
    }

    async fn hasten_notifications(&self, now: UnixMillis, latest: UnixMillis) -> Result<u64, StoreError> {
        write_alone!(self, |session| outbox::hasten(session, now, latest))
    }

    async fn purge_notifications(&self, before: UnixMillis) -> Result<u64, StoreError> {
        write_alone!(self, |session| outbox::purge(session, before))
    }

    async fn key(&self, project: &ProjectId, id: &KeyId) -> Result<Option<KeyRecord>, StoreError> {
        let found = read!(self, |session| identities::key(session, id));
        Ok(found?.filter(|key| key.project == *project))
    }

    async fn key_by_alias(&self, project: &ProjectId, alias: &str) -> Result<Option<KeyRecord>, StoreError> {
        read!(self, |session| identities::key_by_alias(session, project, alias))
    }

    async fn user(&self, id: &str) -> Result<Option<UserRecord>, StoreError> {
        let binding = bound::known(&self.connections.row_key)?;
        read!(self, |session| identities::user(session, binding, id))
    }

    async fn user_by_name(&self, domain_id: Option<&str>, name: &str) -> Result<Option<UserRecord>, StoreError> {
        let binding = bound::known(&self.connections.row_key)?;
        read!(self, |session| identities::user_by_name(session, binding, domain_id, name))
    }

    async fn access_key(&self, access_key: &str) -> Result<Option<(AccessKeyRecord, UserRecord)>, StoreError> {
        let binding = bound::known(&self.connections.row_key)?;
        read!(self, |session| identities::access_key(session, binding, access_key))
    }

    async fn users(&self) -> Result<Vec<UserRecord>, StoreError> {
        let binding = bound::known(&self.connections.row_key)?;
        read!(self, |session| access::users(session, binding))
    }

    async fn access_keys(&self, user_id: &str) -> Result<Vec<AccessKeyRecord>, StoreError> {
        let binding = bound::known(&self.connections.row_key)?;
        read!(self, |session| access::access_keys(session, binding, user_id))
    }

    async fn policy(&self, name: &str) -> Result<Option<PolicyRecord>, StoreError> {
        let binding = bound::known(&self.connections.row_key)?;
        read!(self, |session| access::policy(session, binding, name))
    }

    async fn policies(&self) -> Result<Vec<PolicyRecord>, StoreError> {
        let binding = bound::known(&self.connections.row_key)?;
        read!(self, |session| access::policies(session, binding))
    }

    async fn agency(&self, id: &str) -> Result<Option<AgencyRecord>, StoreError> {
        let binding = bound::known(&self.connections.row_key)?;
        read!(self, |session| access::agency(session, binding, id))
    }

    async fn agencies(&self) -> Result<Vec<AgencyRecord>, StoreError> {
        let binding = bound::known(&self.connections.row_key)?;
        read!(self, |session| access::agencies(session, binding))
    }

    async fn keys(&self, project: &ProjectId) -> Result<Vec<KeyRecord>, StoreError> {
        read!(self, |session| access::keys(session, project))
    }

    async fn keys_pending_deletion(&self) -> Result<Vec<KeyRecord>, StoreError> {
        read!(self, |session| access::keys_pending_deletion(session))
    }

    async fn keys_due_for_rotation(&self, now: UnixMillis) -> Result<Vec<KeyRecord>, StoreError> {
        read!(self, |session| access::keys_due_for_rotation(session, now))
    }

    async fn audit_records(
        &self,
        after: u64,
        limit: u16,
        secret: Option<&str>,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        read!(self, |session| audit::after(session, after, limit, secret))
    }

    async fn find_audit_records(&self, filter: &AuditFilter) -> Result<Vec<AuditRecord>, StoreError> {
        read!(self, |session| audit::find(session, filter))
    }

    async fn audit_head(&self) -> Result<AuditHead, StoreError> {
        read!(self, |session| audit::head(session))
    }

    async fn audit_checkpoint(&self) -> Result<Option<AuditCheckpoint>, StoreError> {
        read!(self, |session| audit::checkpoint(session))
    }

    async fn audit_sink(&self) -> Result<Option<u64>, StoreError> {
        read!(self, |session| audit::sink(session))
    }

    async fn meta(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        read!(self, |session| identities::meta(session, key))
    }

    async fn create_secret(
        &self,
        secret: Secret,
        sealed: Vec<u8>,
        quota: u64,
        records: Vec<AuditEntry>,
    ) -> Result<(), CreateError> {
        let values = BTreeMap::from([(row::only_version(&secret)?, sealed)]);
        within(self.timeout, self.groups.create(secret, values, quota, records)).await
    }

    async fn restore_secret(
        &self,
        secret: Secret,
        values: BTreeMap<VersionId, Vec<u8>>,
        quota: u64,
        records: Vec<AuditEntry>,
    ) -> Result<(), CreateError> {
        row::values_of(&secret, &values)?;
        within(self.timeout, self.groups.create(secret, values, quota, records)).await
    }

    async fn change_secret<T: Send + 'static, E: Send + 'static>(
        &self,
        project: &ProjectId,
        name: &SecretName,
        load_values: bool,
        decide: impl FnOnce(&mut Draft) -> Result<T, E> + Send + 'static,
    ) -> Result<T, ChangeError<E>> {
        within(self.timeout, self.groups.change((project.clone(), name.clone()), load_values, decide)).await
    }

    async fn finish_orphan_task(&self, task: Task, holder: &str, records: Vec<AuditEntry>) -> Result<(), StoreError> {
        transaction!(self, |session| tasks::finish_orphan(session, &task, holder, records.clone()))
    }

    async fn claim_tasks(&self, holder: &str, lasts: Duration, limit: u16) -> Result<Vec<Task>, StoreError> {
        transaction!(self, |session| tasks::claim(session, holder, lasts, limit))
    }

    async fn renew_lease(&self, lease: &Lease) -> Result<bool, StoreError> {
        write_alone!(self, |session| tasks::renew_lease(session, lease))
    }

    async fn release_leases_of(&self, server: &str) -> Result<u64, StoreError> {
        write_alone!(self, |session| tasks::release_leases_of(session, server))
    }

    async fn release_lease(&self, task: &TaskId, holder: &str) -> Result<(), StoreError> {
        write_alone!(self, |session| tasks::release_lease(session, task, holder))
    }

    async fn purge_tasks(&self, outcome: TaskOutcome, before: UnixMillis, limit: u16) -> Result<u64, StoreError> {
        write_alone!(self, |session| tasks::purge(session, outcome, before, limit))
    }

    async fn put_user(&self, user: UserRecord) -> Result<(), StoreError> {
        self.change_access(vec![AccessChange::PutUser(user)], Vec::new()).await
    }

    async fn put_access_key(&self, key: AccessKeyRecord) -> Result<(), StoreError> {
        self.change_access(vec![AccessChange::PutAccessKey(key)], Vec::new()).await
    }

    async fn access_rows(&self) -> Result<Vec<RowMark>, StoreError> {
        let binding = bound::known(&self.connections.row_key)?;
        read!(self, |session| access::rows(session, binding))
    }

    fn use_row_key(&self, key: Arc<RowKey>) {
        self.connections.row_key.put(key);
    }

    fn require_named_value(&self, key: &'static str, value: Vec<u8>) {
        // It is told once.
        let _ = self.connections.sign.set((key, value));
    }

    async fn convert_access(
        &self,
        mark: Replacement,
        convert: impl FnOnce(&mut AccessState) -> Result<(), StoreError> + Send + 'static,
        records: Vec<AuditEntry>,
    ) -> Result<bool, StoreError> {
        let change = async {
            let session = Session::write(&self.connections).await?;
            let converted = async {
                access::convert(&session, bound::known(&self.connections.row_key)?, &mark, convert, records).await
            };
            let converted = converted.await;
            session.end(converted).await
        };
        within(self.timeout, change).await
    }

    async fn bind_rows(&self, mark: Replacement, records: Vec<AuditEntry>) -> Result<bool, StoreError> {
        // Takes as long as there are secrets.
        let bind = async {
            let session = Session::write_at_length(&self.connections).await?;
            let bound = access::bind_rows(&session, &mark, records).await;
            session.end(bound).await
        };
        within(schema::MIGRATION_TIMEOUT, bind).await
    }

    async fn put_keyring(
        &self,
        key: &str,
        old: Option<Vec<u8>>,
        new: Vec<u8>,
        records: Vec<AuditEntry>,
        silence: Duration,
    ) -> Result<bool, StoreError> {
        let put = async {
            let session = Session::write(&self.connections).await?;
            let put = keyring::put_keyring(&session, key, old.as_deref(), &new, records, silence).await;
            session.end(put).await
        };
        within(self.timeout, put).await
    }

    async fn rekey(&self, rekey: Rekey) -> Result<Rekeyed, StoreError> {
        // Takes as long as there are secrets.
        let change = async {
            let begun = Instant::now();
            loop {
                let session = Session::write_at_length(&self.connections).await?;
                session.batch(keyring::SHORT_WAIT, "beginning a transaction").await?;
                let changed = keyring::change(&session, &rekey).await;
                match session.end(changed).await {
                    Err(error)
                        if begun.elapsed() < keyring::PATIENCE
                            && (failure::is_locked(&error) || failure::was_undone(&error)) =>
                    {
                        tokio::time::sleep(keyring::PAUSE).await;
                    }
                    outcome => return outcome,
                }
            }
        };
        within(schema::MIGRATION_TIMEOUT, change).await
    }

    async fn report_server(&self, report: &ServerReport, lasts: Duration) -> Result<(), StoreError> {
        write_alone!(self, |session| keyring::report(session, report, lasts))
    }

    async fn servers(&self) -> Result<Vec<ServerReport>, StoreError> {
        read!(self, |session| keyring::servers(session))
    }

    async fn withdraw_server(&self, name: &str) -> Result<(), StoreError> {
        write_alone!(self, |session| keyring::withdraw(session, name))
    }

    async fn make_user_once(
        &self,
        mark: &str,
        user: UserRecord,
        key: AccessKeyRecord,
        mut records: Vec<AuditEntry>,
    ) -> Result<bool, StoreError> {
        let make = async {
            let session = Session::write(&self.connections).await?;
            let made = async {
                let marks =
                    identities::make_user(&session, bound::known(&self.connections.row_key)?, mark, &user, &key)
                        .await?;
                crate::audit::name_rows(&mut records, &marks);
                audit::append(&session, records).await
            };
            let made = made.await;
            match session.end(made).await {
                // Whether the mark or the user's name was there is told apart by looking.
                Err(error) if failure::is_duplicate(&error) => {
                    match identities::meta(&Session::open(&self.connections).await?, mark).await? {
                        Some(_) => Ok(false),
                        None => Err(error),
                    }
                }
                made => made.map(|()| true),
            }
        };
        within(self.timeout, make).await
    }

    async fn change_access(&self, changes: Vec<AccessChange>, records: Vec<AuditEntry>) -> Result<(), StoreError> {
        transaction!(self, |session| async {
            access::lock(session).await?;
            access::change_all(session, bound::known(&self.connections.row_key)?, &changes, records.clone()).await
        })
    }

    async fn decide_access<T: Send + 'static, E: Send + 'static>(
        &self,
        decide: impl FnOnce(&AccessState) -> Result<AccessDecision<T>, E> + Send + 'static,
    ) -> Result<T, ChangeError<E>> {
        let mut once = Once::new(decide);
        transaction!(self, |session| async {
            let binding = bound::known(&self.connections.row_key)?;
            let state = access::lock_state(session, binding).await?;
            let (_, (_, changes, records)) = once.on(state, |decide, state| decide(state))?;
            access::change_all(session, binding, changes, records.clone()).await?;
            Ok::<_, ChangeError<E>>(())
        })?;
        Ok(once.made()?.0)
    }

    async fn change_keys<T: Send + 'static, E: Send + 'static>(
        &self,
        project: &ProjectId,
        decide: impl FnOnce(&mut Vec<KeyRecord>) -> Result<(T, Vec<AuditEntry>), E> + Send + 'static,
    ) -> Result<T, ChangeError<E>> {
        let mut once = Once::new(decide);
        transaction!(self, |session| async {
            let before = access::lock_keys(session, project).await?;
            let (before, (_, after, records)) = once.on(before, |decide, before| {
                let mut after = before.clone();
                let (answer, records) = decide(&mut after)?;
                Ok((answer, after, records))
            })?;
            let marks = access::apply_keys(session, before, after).await?;
            let mut records = records.clone();
            crate::audit::name_rows(&mut records, &marks);
            audit::append(session, records).await?;
            Ok::<_, ChangeError<E>>(())
        })?;
        Ok(once.made()?.0)
    }

    async fn append_audit(&self, records: Vec<AuditEntry>) -> Result<(), StoreError> {
        if records.is_empty() {
            return Ok(());
        }
        within(self.timeout, self.groups.append(records)).await
    }

    async fn put_audit_checkpoint(
        &self,
        before: u64,
        checkpoint: AuditCheckpoint,
        records: Vec<AuditEntry>,
    ) -> Result<(), StoreError> {
        transaction!(self, |session| async {
            audit::put_checkpoint(session, before, &checkpoint).await?;
            audit::append(session, records.clone()).await
        })
    }

    async fn prune_audit(&self, from: Option<u64>, limit: u16) -> Result<Pruned, StoreError> {
        write_alone!(self, |session| audit::prune(session, from, limit))
    }

    async fn claim_audit_sink(&self, holder: &str, lasts: Duration) -> Result<Option<u64>, StoreError> {
        write_alone!(self, |session| audit::claim_sink(session, holder, lasts))
    }

    async fn advance_audit_sink(&self, holder: &str, lasts: Duration, number: u64) -> Result<bool, StoreError> {
        write_alone!(self, |session| audit::advance_sink(session, holder, lasts, number))
    }

    async fn note_key_uses(&self, uses: Vec<AccessKeyUse>) -> Result<Vec<AccessKeyUse>, StoreError> {
        write_alone!(self, |session| access::note_key_uses(session, uses.clone()))
    }

    async fn note_uses(&self, uses: Vec<SecretUse>) -> Result<Vec<SecretUse>, StoreError> {
        write_alone!(self, |session| secrets::note_uses(session, uses.clone()))
    }

    async fn check_writing(&self) -> Result<(), StoreError> {
        write_alone!(self, |session| identities::check_writing(session))
    }

    async fn check_root_key(&self) -> Result<(), StoreError> {
        let head = read!(self, |session| audit::head(session))?;
        crate::audit::require_next_key_in_use(&head, &self.connections.row_key)
    }

    async fn put_meta_if_absent(&self, key: &str, value: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        write_alone!(self, |session| identities::put_meta_if_absent(session, key, &value))
    }

    async fn put_meta(&self, key: &str, value: Vec<u8>) -> Result<(), StoreError> {
        write_alone!(self, |session| identities::put_meta(session, key, &value))
    }
}
